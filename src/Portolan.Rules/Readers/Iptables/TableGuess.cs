using Portolan.Rules.Dialects;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Tells a table by what is in it, for listings that do not say which table they show.</summary>
internal static class TableGuess
{
    public static string NameOf(TableBuilder table)
    {
        bool Has(string chain) => table.Find(chain) is { IsDeclared: true };
        foreach (ChainBuilder chain in table.Chains)
        {
            foreach (Rule rule in chain.Rules)
            {
                string? byTarget = rule.Target switch
                {
                    NatStatement or NetmapStatement => "nat",
                    RejectStatement => "filter",
                    NotrackStatement or ConntrackTemplateStatement => "raw",
                    _ => null,
                };
                if (byTarget is not null)
                    return byTarget;
            }
        }
        if (Has("FORWARD"))
            return Has("PREROUTING") || Has("POSTROUTING") ? "mangle" : "filter";
        if (Has("POSTROUTING"))
            return "nat";
        if (Has("INPUT"))
            return "filter";
        if (Has("PREROUTING"))
        {
            // PREROUTING and OUTPUT are all of raw, but also what an excerpt of nat shows.
            return table.Chains.Exists(chain => IsServiceChain(chain.Name)
                || KubeProxyIptables.RoleOf(chain.Name) == KubeChainRole.Services) ? "nat" : "raw";
        }
        return table.Chains.Exists(chain => IsServiceChain(chain.Name)) ? "nat" : "filter";
    }

    // KUBE-SERVICES is in the filter table as well, and so are other chains of kube-proxy.
    private static bool IsServiceChain(string name) => name == Docker.PublishedPorts
        || KubeProxyIptables.RoleOf(name) is KubeChainRole.ClusterEndpoints or KubeChainRole.Endpoint or KubeChainRole.MarkMasquerade
        or KubeChainRole.Postrouting;
}
