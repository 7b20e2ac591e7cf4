using System.Collections.Immutable;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>Recognises proxies that serve without traceable rules by their traces in the ruleset, and says what that means.</summary>
public static class ProxyModes
{
    private static readonly (string Begin, string Text)[] s_chains =
    [
        (ForeignChains.Cilium, "Cilium's chains are here. It can serve in place of kube-proxy, by eBPF programs instead of rules: " +
            "what they do with a "
            + "packet the chart does not see ('cilium-dbg service list' in its pod shows it)."),
        (ForeignChains.OvnKubernetes, "OVN-Kubernetes' chains are here. It serves cluster IPs by flows of Open vSwitch instead of " +
            "rules; the chart sees what "
            + "it does with node ports and external addresses only."),
        (ForeignChains.KubeRouter, "kube-router's chains are here. Where it is the service proxy it serves by IPVS instead of rules "
            + "('ipvsadm -Ln' shows it)."),
        (ForeignChains.Antrea, "Antrea's chains are here. Its AntreaProxy serves by flows of Open vSwitch instead of rules."),
    ];

    /// <summary>A sentence or two for each mode or program that is recognised; none where only kube-proxy's or Portolan's rules
    /// serve.</summary>
    public static ImmutableArray<string> Of(Ruleset rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        var found = ImmutableArray.CreateBuilder<string>();
        if (IsUserspace(rules))
        {
            found.Add("The rules are of kube-proxy in userspace mode (removed in v1.26): each service is redirected to a port on which "
                + "kube-proxy itself listens, and no rule shows which endpoint it chooses.");
        }
        if (rules.VirtualServers is null && rules.Tables.Any(ServiceTables.IsBesideIpvs))
        {
            found.Add("The rules are of Portolan in mode ipvs: the kernel's virtual servers serve, and the input does not show them "
                + "('ipvsadm -Sn' does).");
        }
        if (rules.VirtualServers is { } servers && servers.Count(static server => server.Mark is not null) is > 0 and var marks)
        {
            found.Add($"{marks.ToString(System.Globalization.CultureInfo.InvariantCulture)} virtual servers take packets by their mark: "
                + "they are not listed, and 'portolan trace --mark' follows a packet to them.");
        }
        if (rules.VirtualServers is null && IsIpvs(rules))
        {
            bool hasSets = rules.IpSets.Values.Any(set => KubeProxyIpvs.RoleOf(set.Name) != KubeIpvsSetRole.None);
            found.Add("The rules are of kube-proxy in ipvs mode: the kernel's virtual servers serve; their endpoints are not in rules " +
                "('ipvsadm "
                + "-Sn' shows them); the ipsets hold the addresses served"
                + (hasSets ? "." : ", and the input does not show them ('ipset save' does)."));
        }
        foreach ((string begin, string text) in s_chains)
        {
            if (rules.Tables.Any(table => table.Chains.Any(chain => chain.Name.StartsWith(begin, StringComparison.Ordinal))))
                found.Add(text);
        }
        if (rules.Tables.Any(table => table.Name == "ovn-kubernetes"))
            found.Add(s_chains[1].Text);
        return [.. found.Distinct()];
    }

    /// <summary>True for rules or ipsets of kube-proxy's ipvs mode.</summary>
    public static bool IsIpvs(Ruleset rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        return rules.IpSets.Values.Any(set => KubeProxyIpvs.RoleOf(set.Name) is KubeIpvsSetRole.ClusterIPs or KubeIpvsSetRole.LoadBalancers)
            || rules.Tables.Any(IsIpvsTable);
    }

    /// <summary>True for the table nat of kube-proxy's ipvs mode.</summary>
    internal static bool IsIpvsTable(RuleTable table) => table.FindChain(KubeProxyIptables.Services) is { } services
        && services.Rules.Any(static rule => MatchesClusterIPs(rule));

    /// <summary>True for rules of kube-proxy's userspace mode.</summary>
    public static bool IsUserspace(Ruleset rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        return rules.Tables.Any(table => table.FindChain(KubeProxyUserspace.Portals) is not null);
    }

    private static bool MatchesClusterIPs(Rule rule)
    {
        foreach (Statement statement in rule.Statements)
        {
            if (statement is IpSetMatch match && KubeProxyIpvs.RoleOf(match.Set) == KubeIpvsSetRole.ClusterIPs)
                return true;
        }
        return false;
    }
}
