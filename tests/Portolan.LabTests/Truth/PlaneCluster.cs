using System.Collections.Immutable;
using Portolan.DataPlanes.Tests.IpTables;
using Portolan.Inet;
using Portolan.LabTests.Agreement;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Plans;

namespace Portolan.LabTests.Truth;

/// <summary>A cluster as the node of the lab serves it: what planes write rules for, and packets are aimed at.</summary>
internal sealed record PlaneCluster
{
    private static readonly TruthSite s_randomSite = new(
        Objects.Addresses("192.168.0.2", "203.0.113.3", "2001:db8::1"), Objects.Prefixes("10.180.0.0/16", "fd00:10:180::/64"));

    private static readonly ImmutableArray<InetAddress> s_loopback = Objects.Addresses("127.0.0.1", "::1");

    /// <summary>The number it was made from; 0 for one that is always the same.</summary>
    internal int Number { get; init; }

    /// <summary>The node.</summary>
    internal required TruthSite Site { get; init; }

    /// <summary>What is served. One plane can be given it: its changes are told once.</summary>
    internal required ServiceTable Table { get; init; }

    internal required AddressPlan Facts { get; init; }

    /// <summary>Pods that send packets.</summary>
    internal ImmutableArray<InetAddress> Pods { get; init; }

    internal bool WithCounters { get; init; }

    internal int MasqueradeBit { get; init; } = 14;

    /// <summary>Mode iptables drops what conntrack calls invalid.</summary>
    internal bool DropsInvalid { get; init; } = true;

    /// <summary>Mode iptables masquerades with ports at random.</summary>
    internal bool RandomFully { get; init; } = true;

    /// <summary>The node as pickers of packets know it.</summary>
    internal PlanOracleNode Node => new(Site.Own, Facts.NodePortAddresses, Site.PodRanges);

    /// <summary>What a random history of a cluster ends with.</summary>
    /// <param name="seed">Its number; every third is one of odd objects.</param>
    /// <param name="withLocalhost">NodePorts answer on loopback addresses too, as in mode iptables.</param>
    internal static PlaneCluster Random(int seed, bool withLocalhost)
    {
        History history = History.Make(seed % 3 == 0 ? History.Odd : History.Busy, seed);
        var table = new ServiceTable(history.Policy);
        foreach (ClusterEvent change in ClusterGen.FinalState(history.Rounds.SelectMany(static round => round.Changes)))
            table.Apply(change);
        table.Apply(new ClusterEvent.Synced());
        bool isEverywhere = seed % 2 == 0;
        int choice = history.Rounds[^1].NodePortChoice;
        ImmutableArray<InetAddress> chosen = [.. s_randomSite.Own.Where((_, index) => isEverywhere || (choice >> index & 1) != 0)];
        return new PlaneCluster
        {
            Number = seed,
            Site = s_randomSite,
            Table = table,
            Facts = new AddressPlan([.. chosen.Concat(isEverywhere && withLocalhost ? s_loopback : []).Order()],
                [.. s_randomSite.Own.Order()])
            {
                NodePortsOnAllIPv4 = isEverywhere,
                NodePortsOnAllIPv6 = isEverywhere,
            },
            WithCounters = history.WithCounters,
            MasqueradeBit = history.MasqueradeBit,
            DropsInvalid = seed % 4 != 1,
            RandomFully = seed % 5 != 1,
        };
    }

    /// <summary>The harbor, for which real kube-proxies wrote the dumps in tests/data/harbor.</summary>
    internal static PlaneCluster Harbor()
    {
        ServiceTable table = HarborCluster.Table();
        table.Drain();
        return new PlaneCluster
        {
            Site = new TruthSite(Objects.Addresses("192.168.10.11", "fd00:10::11"), Objects.Prefixes("10.244.1.0/24", "fd00:244:1::/64")),
            Table = table,
            Facts = HarborCluster.Node,
            Pods =
            [
                .. Objects.Addresses("10.244.1.9", "10.244.1.200", "fd00:244:1::9"),
                .. table.Plans.SelectMany(static plan => plan.Ports).SelectMany(static port => port.ClusterBackends)
                    .Where(static backend => backend.IsLocal).Select(static backend => backend.Endpoint.Address).Distinct().Order(),
            ],
        };
    }
}
