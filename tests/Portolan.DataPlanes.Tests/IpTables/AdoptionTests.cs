using System.Text.RegularExpressions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>What is there and right stays as it is, packet counters with it; what belongs to no service goes.</summary>
public sealed partial class AdoptionTests
{
    private const int Datagrams = 3, Gone = 7;

    [Theory]
    [MemberData(nameof(SyncTests.Variants), MemberType = typeof(SyncTests))]
    public void Counters_survive_a_change_of_another_service_and_a_restart(IpTablesBackend backend, IpTablesLayout layout,
        IpTablesDispatch dispatch)
    {
        using var pod = new ServedPod(new() { Backend = backend, Layout = layout, Dispatch = dispatch });
        for (int i = 0; i < Datagrams; i++)
            Assert.Equal(ServedPod.Gateway, pod.SourceAtPod());
        string[] counted = Counted();
        // At least the rule that leads to the service, the one that leads to its endpoint, and the one that translates.
        Assert.InRange(counted.Length, 3, int.MaxValue);

        pod.Plane.Sync(TestCluster.Slice(20, endpoints: 3));
        Assert.Equal(counted, Counted());

        ServiceTable smaller = ServedPod.Table();
        smaller.Apply(new ClusterEvent.ServiceGone(TestCluster.NameOf(Gone)));
        SyncReport report = pod.Plane.Restart(smaller);

        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));
        Assert.Equal(counted, Counted());
        Assert.DoesNotContain($"{TestCluster.NameOf(Gone)}:", pod.Plane.Save(), StringComparison.Ordinal);
        Assert.Equal(ServedPod.Gateway, pod.SourceAtPod());

        // Rules of service 20 and what others count (KUBE-POSTROUTING sees every packet) aside: those that counted our datagrams and no
        // more.
        string[] Counted() =>
        [
            .. pod.Plane.Save(ipv6: false, "-c", "-t", "nat").Split('\n')
                .Where(static line => ExactlyOurs().IsMatch(line)
                    && (line.Contains(ServedPod.Service.Address.ToString(), StringComparison.Ordinal)
                    || line.Contains("KUBE-SEP-", StringComparison.Ordinal)))
                .Order(StringComparer.Ordinal),
        ];
    }

    [GeneratedRegex(@"^\[3:\d+\] ")]
    private static partial Regex ExactlyOurs();
}
