using System.Collections.Immutable;
using System.Globalization;

namespace Portolan.Rules.Dialects;

/// <summary>
/// The names in Portolan's own nftables tables (table portolan, one each of families ip and ip6). The plane writes with
/// <see cref="Current"/>; readers recognise the names of every layout.
/// </summary>
public static class PortolanTables
{
    /// <summary>The table's name, in both families.</summary>
    public const string TableName = "portolan";

    /// <summary>The default of sessionAffinityConfig.clientIP.timeoutSeconds, which nearly all Services use.</summary>
    public const int DefaultAffinitySeconds = 10800;

    private const string CommentStart = "portolan ";
    private const string CommentLayout = " layout ";

    private static readonly ImmutableArray<(PortolanView View, string Prefix)> s_views =
    [
        (PortolanView.All, ""), (PortolanView.Inside, "inside-"), (PortolanView.NodePorts, "node-port-"),
        (PortolanView.NodePorts | PortolanView.Inside, "node-port-inside-"),
    ];

    /// <summary>Layout 1: a map of frontend and index to endpoint, and chains for numbers of endpoints.</summary>
    public static PortolanLayout Layout1 { get; } = new(
        number: 1,
        views: s_views,
        sets:
        [
            (PortolanSet.Endpoints, "endpoints"), (PortolanSet.NodePortEndpoints, "node-port-endpoints"),
            (PortolanSet.NodePortAddresses, "node-port-addresses"), (PortolanSet.InsideEndpoints, "inside-endpoints"),
            (PortolanSet.AffinityIds, "affinity-ids"), (PortolanSet.InsideAffinityIds, "inside-affinity-ids"),
            (PortolanSet.AffinityEndpoints, "affinity-endpoints"), (PortolanSet.ClusterIPs, "cluster-ips"),
            (PortolanSet.Masquerade, "masquerade-always"), (PortolanSet.ExternalLocal, "external-local"),
            (PortolanSet.NoEndpoints, "no-endpoints"), (PortolanSet.NoLocalEndpoints, "no-local-endpoints"),
            (PortolanSet.SourceRestricted, "source-restricted"), (PortolanSet.SourceRanges, "source-ranges-{0}"),
            (PortolanSet.AffinityFrontends, "affinity-frontends-{0}"), (PortolanSet.Hairpin, "hairpin"),
            (PortolanSet.Counters, "frontend-counters"), (PortolanSet.SourceDropped, "source-dropped"),
                (PortolanSet.AffinityClients, "affinity-{0}"),
        ],
        chains:
        [
            (PortolanChainKind.Prerouting, "prerouting"), (PortolanChainKind.Output, "output"),
                (PortolanChainKind.Postrouting, "postrouting"),
            (PortolanChainKind.Services, "services"), (PortolanChainKind.NodePorts, "node-ports"),
                (PortolanChainKind.ServiceRanges, "service-ranges"),
            (PortolanChainKind.SourceCheck, "source-check"), (PortolanChainKind.OffCluster, "off-cluster"),
            (PortolanChainKind.ExternalLocal, "external-local"), (PortolanChainKind.Inside, "inside"),
            (PortolanChainKind.Pick, "pick"), (PortolanChainKind.PickByCount, "pick-by-count"),
            (PortolanChainKind.PickOf, "pick-{0}"), (PortolanChainKind.PickFrom, "pick-from-{0}"),
            (PortolanChainKind.AffinityPick, "affinity-pick"), (PortolanChainKind.AffinityPickOf, "affinity-pick-{0}"),
            (PortolanChainKind.AffinityPickFrom, "affinity-pick-from-{0}"), (PortolanChainKind.Affinity, "affinity-{0}"),
            (PortolanChainKind.AffinityFound, "affinity-{0}-found"), (PortolanChainKind.AffinityNew, "affinity-{0}-new"),
        ]);

    /// <summary>
    /// Layout 2: one map has for each frontend what is done with it and how many endpoints it has; a verdict map leads from there to the
    /// chain that serves it.
    /// </summary>
    public static PortolanLayout Layout2 { get; } = new(
        number: 2,
        views: s_views,
        sets:
        [
            (PortolanSet.Frontends, "frontends"), (PortolanSet.NodePortFrontends, "node-port-frontends"),
            (PortolanSet.InsideFrontends, "inside-frontends"), (PortolanSet.Endpoints, "endpoints"),
            (PortolanSet.NodePortEndpoints, "node-port-endpoints"), (PortolanSet.NodePortAddresses, "node-port-addresses"),
            (PortolanSet.InsideEndpoints, "inside-endpoints"), (PortolanSet.AffinityPorts, "affinity-ports"),
                (PortolanSet.AffinityIds, "affinity-ids"),
            (PortolanSet.InsideAffinityIds, "inside-affinity-ids"), (PortolanSet.AffinityEndpoints, "affinity-endpoints"),
            (PortolanSet.ClusterIPs, "cluster-ips"), (PortolanSet.NoEndpoints, "no-endpoints"),
                (PortolanSet.NoLocalEndpoints, "no-local-endpoints"),
            (PortolanSet.SourceRanges, "source-ranges-{0}"), (PortolanSet.AffinityFrontends, "affinity-frontends-{0}"),
                (PortolanSet.Hairpin, "hairpin"),
            (PortolanSet.Counters, "frontend-counters"), (PortolanSet.SourceDropped, "source-dropped"),
            (PortolanSet.AffinityClients, "affinity-clients-{0}"), (PortolanSet.Kinds, "kinds"),
                (PortolanSet.NodePortKinds, "node-port-kinds"),
            (PortolanSet.InsideKinds, "inside-kinds"), (PortolanSet.NodePortInsideKinds, "node-port-inside-kinds"),
            (PortolanSet.Picks, "picks"), (PortolanSet.NodePortPicks, "node-port-picks"),
            (PortolanSet.AffinityCounts, "affinity-counts"), (PortolanSet.NodePortAffinityCounts, "node-port-affinity-counts"),
            (PortolanSet.InsideAffinityCounts, "inside-affinity-counts"),
                (PortolanSet.NodePortInsideAffinityCounts, "node-port-inside-affinity-counts"),
        ],
        chains:
        [
            (PortolanChainKind.Prerouting, "prerouting"), (PortolanChainKind.Output, "output"),
                (PortolanChainKind.Postrouting, "postrouting"),
            (PortolanChainKind.Services, "services"), (PortolanChainKind.NodePorts, "node-ports"),
                (PortolanChainKind.ServiceRanges, "service-ranges"),
            (PortolanChainKind.SourceCheck, "source-check"), (PortolanChainKind.Policies, "policies"),
            (PortolanChainKind.ExternalLocal, "external-local"), (PortolanChainKind.Inside, "inside"),
            (PortolanChainKind.NoEndpoints, "no-endpoints"), (PortolanChainKind.NoLocalEndpoints, "no-local-endpoints"),
            (PortolanChainKind.Overtaken, "overtaken"), (PortolanChainKind.PickOf, "pick-{0}"),
                (PortolanChainKind.OffClusterPickOf, "off-cluster-{0}"),
            (PortolanChainKind.MasqueradePickOf, "masquerade-{0}"), (PortolanChainKind.AffinityPickOf, "affinity-pick-{0}"),
            (PortolanChainKind.Affinity, "affinity-{0}"), (PortolanChainKind.AffinityLocal, "affinity-{0}-local"),
            (PortolanChainKind.AffinityFound, "affinity-{0}-found"), (PortolanChainKind.AffinityLocalFound, "affinity-{0}-local-found"),
        ]);

    /// <summary>The layout that this version writes.</summary>
    public static PortolanLayout Current => Layout2;

    /// <summary>All layouts that are recognised, the current one first.</summary>
    public static ImmutableArray<PortolanLayout> Layouts { get; } = [Layout2, Layout1];

    /// <summary>The comment of a table of the current layout: "portolan 0.4.0 layout 1".</summary>
    /// <param name="version">The version that writes it.</param>
    public static string CommentOf(Version? version) =>
        string.Create(CultureInfo.InvariantCulture, $"{CommentStart}{version?.ToString(3)}{CommentLayout}{Current.Number}");

    /// <summary>
    /// The layout of a table by its comment; null when the comment names one that this version does not know. Without a comment (dumps of
    /// nft before 1.0.8 show none) the layout whose sets it has.
    /// </summary>
    /// <param name="tableComment">The table's comment.</param>
    /// <param name="sets">Names of the table's sets and maps.</param>
    public static PortolanLayout? LayoutOf(string? tableComment, IEnumerable<string> sets)
    {
        int start = tableComment?.LastIndexOf(CommentLayout, StringComparison.Ordinal) ?? -1;
        return start < 0
            ? sets.Contains(Layout2.NameOf(PortolanSet.Frontends)) ? Layout2 : Layout1
            : Layouts.FirstOrDefault(layout => tableComment.AsSpan(start + CommentLayout.Length)
                .SequenceEqual(layout.Number.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>What a chain is for, by its name in any layout; false when it is not Portolan's.</summary>
    public static bool TryParseChain(string name, out PortolanChain chain)
    {
        foreach (PortolanLayout layout in Layouts)
        {
            if (layout.TryParseChain(name, out chain))
                return true;
        }
        chain = default;
        return false;
    }

    /// <summary>What a set is for, by its name in any layout; false when it is not Portolan's.</summary>
    public static bool TryParseSet(string name, out PortolanSet set, out int variant)
    {
        foreach (PortolanLayout layout in Layouts)
        {
            if (layout.TryParseSet(name, out set, out variant))
                return true;
        }
        (set, variant) = (default, 0);
        return false;
    }

    /// <summary>Comments of rules; they distinguish similar rules of a chain.</summary>
    public static class RuleComments
    {
        /// <summary>Rejects a port that no service has at this cluster IP.</summary>
        public const string UnknownPort = "unknown port of a cluster IP";

        /// <summary>Drops a cluster IP that no service has.</summary>
        public const string UnallocatedClusterIP = "unallocated cluster IP";

        /// <summary>Drops a source outside loadBalancerSourceRanges.</summary>
        public const string SourceNotAllowed = "not in loadBalancerSourceRanges";

        /// <summary>About packets from pods.</summary>
        public const string FromPod = "from a pod";

        /// <summary>About packets of this node's own programs.</summary>
        public const string FromNode = "from this node";

        /// <summary>Serves a packet when a commit lands between two of its lookups.</summary>
        public const string Overtaken = "only while a commit lands between two lookups";
    }
}
