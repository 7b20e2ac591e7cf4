using Portolan.Rules.Dialects;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Identifies a table by its content, for listings that do not say which table they show.</summary>
internal static class TableGuess
{
    public static string NameOf(TableBuilder table)
    {
        bool Has(string chain) => table.Find(chain) is { } found && (found.IsDeclared || found.Rules.Count > 0);
        foreach (ChainBuilder chain in table.Named)
        {
            foreach (Rule rule in chain.Rules)
            {
                if (ByTarget(rule) is { } byTarget)
                    return byTarget;
            }
        }
        // Rules that lead to service chains belong to nat, whatever other chains an excerpt shows.
        if (table.Named.Any(chain => IsNat(chain.Name)))
            return "nat";
        if (Has("FORWARD"))
            return Has("PREROUTING") || Has("POSTROUTING") ? "mangle" : "filter";
        if (Has("POSTROUTING"))
            return "nat";
        if (Has("INPUT"))
            return "filter";
        if (Has("PREROUTING"))
        {
            // PREROUTING and OUTPUT are all the chains of raw, but an excerpt of nat may show just these too.
            return table.Named.Any(chain => chain.Name == Docker.PublishedPorts
                || KubeProxyIptables.RoleOf(chain.Name) == KubeChainRole.Services) ? "nat" : "raw";
        }
        return Has(Docker.PublishedPorts) ? "nat" : "filter";
    }

    /// <summary>
    /// The table of one rule among rules of filter and nat without their table headers, as grep prints them: by what it does and where
    /// it leads. Null if it could belong to either.
    /// </summary>
    public static string? NameOf(string chain, Rule rule)
    {
        string? target = rule.Target is VerdictStatement { Verdict.Chain: { } name } ? name : null;
        return ByTarget(rule) ?? (IsFilter(chain) || (target is not null && IsFilter(target)) ? "filter"
            : IsNat(chain) || (target is not null && IsNat(target)) ? "nat" : null);
    }

    private static bool IsFilter(string chain) => chain is "FORWARD" or "INPUT"
        || KubeProxyIptables.RoleOf(chain) is KubeChainRole.Forward or KubeChainRole.Firewall or KubeChainRole.ProxyFirewall
            or KubeChainRole.ExternalServices;

    private static string? ByTarget(Rule rule) => rule.Target switch
    {
        NatStatement or NetmapStatement => "nat",
        RejectStatement => "filter",
        NotrackStatement or ConntrackTemplateStatement => "raw",
        _ => null,
    };

    // KUBE-SERVICES and KUBE-NODEPORTS are in the filter table as well.
    private static bool IsNat(string name) => KubeProxyIptables.RoleOf(name) is var role && (role.IsServicePort()
        || role is KubeChainRole.Endpoint or KubeChainRole.MarkMasquerade or KubeChainRole.MarkDrop or KubeChainRole.Postrouting);
}
