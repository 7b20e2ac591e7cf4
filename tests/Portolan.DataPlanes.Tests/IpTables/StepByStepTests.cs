using CsCheck;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.DataPlanes.Tests.NfTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>
/// Changes one after another, with the real tools on a real kernel: what is written for the difference is what a fresh start writes.
/// </summary>
public sealed class StepByStepTests
{
    private static readonly ProxyPolicy s_policy = new() { NodeName = Objects.ThisNode, DetectByNodeCidr = true };

    private static readonly AddressPlan s_facts = new(
        [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("2001:db8::1")],
            [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("2001:db8::1")]);

    // Both families start a few processes per change: few histories, long enough for ports that lose and find endpoints, change number or
    // go.
    [Theory]
    [MemberData(nameof(SyncTests.Variants), MemberType = typeof(SyncTests))]
    public void Any_changes_lead_to_the_rules_of_a_fresh_start(IpTablesBackend backend, IpTablesLayout layout, IpTablesDispatch dispatch)
    {
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");
        var options = new IpTablesOptions { Backend = backend, Layout = layout, Dispatch = dispatch };
        BusyCluster.Changes.Sample(changes =>
        {
            using var steps = new PlaneUnderTest(options, Synced([])) { Node = s_facts };
            AssertInForce(steps.Sync());
            foreach (ClusterEvent change in changes)
                AssertInForce(steps.Sync(change));
            using var scratch = new PlaneUnderTest(options, Synced(ClusterGen.FinalState(changes))) { Node = s_facts };
            AssertInForce(scratch.Sync());

            foreach (bool ipv6 in (ReadOnlySpan<bool>)[false, true])
            {
                string[] expected = RuleDump.Normalize(scratch.Save(ipv6)), actual = RuleDump.Normalize(steps.Save(ipv6));
                Assert.True(expected.SequenceEqual(actual), RuleDump.Difference(expected, actual));
            }
            // Else the periodic look would report that somebody changed them.
            Assert.Equal(0, steps.Reconcile().Transactions);
        }, iter: 3, threads: 1);
    }

    [Theory]
    [MemberData(nameof(SyncTests.Variants), MemberType = typeof(SyncTests))]
    public void A_port_that_goes_or_changes_its_protocol_is_refused_no_more(IpTablesBackend backend, IpTablesLayout layout,
        IpTablesDispatch dispatch)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend, Layout = layout, Dispatch = dispatch },
            Synced([]))
        { Node = s_facts };
        ServiceObject service = TestCluster.Service(1).Service;
        plane.Sync(new ClusterEvent.ServiceSet(
            service with { Ports = [new("http", IpProtocol.Tcp, 80, 0), new("admin", IpProtocol.Tcp, 81, 0)] }));
        Assert.Equal(["80", "81"], RefusedTcpPorts());

        plane.Sync(new ClusterEvent.ServiceSet(service with { Ports = [new("http", IpProtocol.Tcp, 80, 0)] }));
        Assert.Equal(["80"], RefusedTcpPorts());

        plane.Sync(new ClusterEvent.ServiceSet(service with { Ports = [new("http", IpProtocol.Udp, 80, 0)] }),
            TestCluster.Slice(1, 2, IpProtocol.Udp));
        Assert.Empty(RefusedTcpPorts());

        string[] RefusedTcpPorts() =>
        [
            .. RuleDump.Normalize(plane.Save())
            .Where(static line => line.Contains("-p tcp", StringComparison.Ordinal) && line.Contains("-j REJECT", StringComparison.Ordinal))
            .Select(static line => line.Split("--dport ")[1].Split(' ')[0]).Order(StringComparer.Ordinal),
        ];
    }

    // Classic layout, few services: mark and jump stand in KUBE-SERVICES itself, one before the other.
    [Theory]
    [InlineData(IpTablesDispatch.Linear)]
    [InlineData(IpTablesDispatch.Tree)]
    public void A_jump_that_changes_stays_behind_its_mark(IpTablesDispatch dispatch)
    {
        using var plane = new PlaneUnderTest(
            new() { Backend = IpTablesBackend.Nft, Layout = IpTablesLayout.Classic, Dispatch = dispatch }, TestCluster.Empty())
        { Node = s_facts };
        ClusterEvent.ServiceSet service = TestCluster.Service(1);
        plane.Sync(service, TestCluster.Slice(1, 2));

        plane.Sync(new ClusterEvent.ServiceSet(service.Service with { InternalPolicyLocal = true }));

        string[] targets = [.. plane.Save().Split('\n')
            .Where(static line => line.StartsWith("-A KUBE-SERVICES", StringComparison.Ordinal)
            && line.Contains("cluster IP", StringComparison.Ordinal))
            .Select(static line => line.Split("-j ")[1][..9])];
        Assert.Equal(["KUBE-MARK", "KUBE-SVL-"], targets);
    }

    [Fact]
    public void Addresses_that_came_one_after_another_are_as_they_should_be()
    {
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft }, TestCluster.Empty()) { Node = s_facts };
        AssertInForce(plane.Sync());

        InetAddress[] more = [InetAddress.Parse("10.0.0.9"), InetAddress.Parse("2001:db8::9"), InetAddress.Parse("2001:db0::9")];
        plane.Node = new([.. s_facts.NodePortAddresses.Concat(more).Order()], [.. s_facts.LocalAddresses.Concat(more).Order()]);
        AssertInForce(plane.Sync());

        Assert.Equal(0, plane.Reconcile().Transactions);
    }

    [Fact]
    public void One_health_check_of_two_ports_with_one_name_is_one_rule()
    {
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft }, TestCluster.Empty()) { Node = s_facts };
        ServiceObject service = TestCluster.Service(1).Service;
        AssertInForce(plane.Sync(new ClusterEvent.ServiceSet(service with
        {
            Type = ServiceType.LoadBalancer,
            Ports = [new("dns", IpProtocol.Tcp, 53, 0), new("dns", IpProtocol.Udp, 53, 0)],
            LoadBalancerIPs = [InetAddress.Parse("198.51.100.7")],
            ExternalPolicyLocal = true,
            HealthCheckNodePort = 31000,
        })));

        Assert.Single(plane.Save().Split('\n'), static line => line.Contains("--dport 31000", StringComparison.Ordinal));
        Assert.Equal(0, plane.Reconcile().Transactions);
    }

    private static ServiceTable Synced(IEnumerable<ClusterEvent> state)
    {
        var table = new ServiceTable(s_policy);
        foreach (ClusterEvent item in state)
            table.Apply(item);
        table.Apply(new ClusterEvent.Synced());
        return table;
    }

    private static void AssertInForce(SyncReport report)
    {
        Assert.Empty(report.Refusals);
        Assert.True(report.IsInForce);
    }
}
