using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>What a sync writes, and what it leaves alone, with the real tools on a real kernel.</summary>
public sealed class SyncTests
{
    public static TheoryData<IpTablesBackend, IpTablesLayout, IpTablesDispatch> Variants { get; } = new(
        from backend in new[] { IpTablesBackend.Nft, IpTablesBackend.Legacy }
        from layout in Enum.GetValues<IpTablesLayout>()
        from dispatch in Enum.GetValues<IpTablesDispatch>()
        select (backend, layout, dispatch));

    [Theory]
    [MemberData(nameof(Variants))]
    public void What_was_written_is_shown_as_it_was_meant_so_that_a_second_look_writes_nothing(IpTablesBackend backend,
        IpTablesLayout layout, IpTablesDispatch dispatch)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend, Layout = layout, Dispatch = dispatch });
        plane.Sync();

        SyncReport second = plane.Reconcile();

        Assert.True(second.IsInForce, string.Join('\n', second.Refusals));
        Assert.Equal(0, second.Transactions);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_restart_adopts_what_is_right_and_keeps_its_counters(IpTablesBackend backend, IpTablesLayout layout,
        IpTablesDispatch dispatch)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend, Layout = layout, Dispatch = dispatch });
        plane.Sync();
        long restores = plane.Plane.Statistics.Restores;

        SyncReport report = plane.Restart(HarborCluster.Table());

        Assert.True(restores > 0);
        Assert.Equal(0, plane.Plane.Statistics.Restores);
        Assert.True(report.IsInForce);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Step_by_step_leads_to_the_rules_of_a_fresh_start(IpTablesBackend backend, IpTablesLayout layout, IpTablesDispatch dispatch)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend, Layout = layout, Dispatch = dispatch }, TestCluster.Empty());
        plane.Sync();
        for (int i = 0; i < 30; i++)
            plane.Sync(TestCluster.Service(i), TestCluster.Slice(i, endpoints: 2));
        for (int i = 0; i < 30; i += 3)
            plane.Sync(TestCluster.Slice(i, endpoints: 1 + i % 2), TestCluster.Slice(i + 1, endpoints: 0));
        for (int i = 0; i < 30; i += 4)
            plane.Sync(new ClusterEvent.ServiceGone(TestCluster.NameOf(i)));

        SyncReport difference = plane.Reconcile();

        Assert.True(difference.IsInForce, string.Join('\n', difference.Refusals));
        Assert.Equal((0, 0), (difference.Written, difference.Removed));
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void One_endpoint_change_feeds_the_chains_of_its_service_only(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend }, TestCluster.Of(services: 200, endpoints: 5));
        plane.Sync();

        plane.Sync(TestCluster.Slice(8, endpoints: 4));

        // KUBE-SVC- with four endpoints, the chain that goes, table and COMMIT: nothing of the other 199.
        Assert.InRange(plane.Plane.Statistics.LastLines, 1, 12);
        Assert.Equal(0, plane.Reconcile().Transactions);
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void Above_a_thousand_endpoints_the_first_rule_of_each_chain_still_names_its_service(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend }, TestCluster.Of(services: 100, endpoints: 10));
        plane.Sync();
        Assert.InRange(EndpointComments(), 3000, int.MaxValue);

        plane.Sync(TestCluster.Slice(1, endpoints: 11));
        string[] rules = plane.Save(ipv6: false, "-t", "nat").Split('\n');
        Assert.DoesNotContain(rules, static rule => rule.StartsWith("-A KUBE-SEP-", StringComparison.Ordinal)
            && rule.Contains("--comment", StringComparison.Ordinal));
        Assert.All(rules.Where(static rule => rule.StartsWith("-A KUBE-SV", StringComparison.Ordinal))
            .GroupBy(static rule => rule.Split(' ')[1]),
            static chain => Assert.Single(chain, static rule => rule.Contains(" -> ", StringComparison.Ordinal)));
        Assert.Contains("--comment \"test/service-1:http cluster IP\"", plane.Save(), StringComparison.Ordinal);
        Assert.Equal(0, plane.Reconcile().Transactions);

        plane.Sync(TestCluster.Slice(1, endpoints: 10));
        Assert.InRange(EndpointComments(), 3000, int.MaxValue);

        // Each endpoint's own two, and those that choose among them.
        int EndpointComments() => plane.Save(ipv6: false, "-t", "nat").Split('\n').Count(static line =>
            line.Contains(" -> ", StringComparison.Ordinal)
            || (line.StartsWith("-A KUBE-SEP-", StringComparison.Ordinal) && line.Contains("--comment", StringComparison.Ordinal)));
    }

    [Fact]
    public void Endpoints_stand_in_the_order_of_their_text_as_kube_proxy_writes_them()
    {
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft }, TestCluster.Empty());
        plane.Sync(TestCluster.Service(1), TestCluster.Slice(1, endpoints: 0) with
        {
            Slice = TestCluster.Slice(1, 1).Slice with
            {
                Endpoints = [.. "10.244.0.9 10.244.0.100 10.244.0.10".Split(' ').Select(static address => new EndpointObject(
                    InetAddress.Parse(address), EndpointConditions.Ready | EndpointConditions.Serving, "node-b", [], []))],
            },
        });

        Assert.Equal(["10.244.0.100:8080", "10.244.0.10:8080", "10.244.0.9:8080"], plane.Save().Split('\n')
            .Where(static line => line.StartsWith("-A KUBE-SVC-", StringComparison.Ordinal)
            && line.Contains(" -> ", StringComparison.Ordinal))
            .Select(static line => line.Split(" -> ")[1].Split('"')[0]));
    }

    [Fact]
    public void Chains_of_services_that_are_gone_go_at_the_start()
    {
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft });
        plane.Sync();
        ServiceTable smaller = HarborCluster.Table();
        smaller.Apply(new ClusterEvent.ServiceGone(new("default", "testsvc")));

        plane.Restart(smaller);

        Assert.DoesNotContain("default/testsvc", plane.Save(), StringComparison.Ordinal);
        Assert.Contains("shop/web:http", plane.Save(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void Rules_of_others_stay_where_they_are(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend });
        plane.Restore("*filter\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-N MINE\n-A FORWARD -j MINE\nCOMMIT\n*nat\n-A POSTROUTING " +
            "-s 10.9.0.0/16 -j MASQUERADE\nCOMMIT\n");
        plane.Sync();
        plane.Reconcile();

        string saved = plane.Save();

        Assert.Contains("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", saved, StringComparison.Ordinal);
        Assert.Contains("-A FORWARD -j MINE", saved, StringComparison.Ordinal);
        Assert.Contains("-A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE", saved, StringComparison.Ordinal);
        Assert.Equal(1, saved.Split("-A INPUT -j KUBE-FIREWALL").Length - 1);
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void Cleaning_up_leaves_only_what_others_made(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend, Dispatch = IpTablesDispatch.Tree },
            TestCluster.Of(services: 100, endpoints: 6));
        plane.Restore("*nat\n-A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE\nCOMMIT\n");
        plane.Sync();

        SyncReport report = plane.Namespace.Run(() => IpTablesPlane.CleanUp(backend));

        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));
        string saved = plane.Save();
        Assert.DoesNotContain("KUBE-SVC", saved, StringComparison.Ordinal);
        Assert.DoesNotContain("KUBE-SERVICES", saved, StringComparison.Ordinal);
        Assert.Contains("-A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE", saved, StringComparison.Ordinal);
    }

    /// <summary>Their rejects would answer for services that came later.</summary>
    [Theory]
    [InlineData(IpTablesBackend.Nft, true)]
    [InlineData(IpTablesBackend.Nft, false)]
    [InlineData(IpTablesBackend.Legacy, true)]
    [InlineData(IpTablesBackend.Legacy, false)]
    public void Chains_of_a_kube_proxy_in_mode_ipvs_go_and_ours_stay_in_force(IpTablesBackend backend, bool isInForce)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend });
        plane.Restore("""
            *filter
            :KUBE-IPVS-FILTER - [0:0]
            :KUBE-IPVS-OUT-FILTER - [0:0]
            :KUBE-NODE-PORT - [0:0]
            :KUBE-FIREWALL - [0:0]
            :KUBE-KUBELET-CANARY - [0:0]
            :KUBE-SOURCE-RANGES-FIREWALL - [0:0]
            -A INPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-FILTER
            -A INPUT -m comment --comment "kubernetes health check rules" -j KUBE-NODE-PORT
            -A INPUT -j KUBE-FIREWALL
            -A OUTPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-OUT-FILTER
            -A KUBE-IPVS-FILTER -d 172.30.0.0/16 -j REJECT
            -A KUBE-FIREWALL -s 192.0.2.1/32 -j DROP
            COMMIT
            *nat
            :KUBE-SERVICES - [0:0]
            :KUBE-NODE-PORT - [0:0]
            :KUBE-LOAD-BALANCER - [0:0]
            :KUBE-MARK-MASQ - [0:0]
            :KUBE-FIREWALL - [0:0]
            -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT
            -A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ
            COMMIT

            """);
        if (isInForce)
            plane.Sync();

        SyncReport report = plane.Namespace.Run(() => IpTablesPlane.CleanUp(backend, ofIpvsAlone: isInForce));

        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));
        string saved = plane.Save();
        foreach (string chain in (string[])["KUBE-IPVS-", "KUBE-NODE-PORT", "KUBE-LOAD-BALANCER", "KUBE-SOURCE-RANGES-FIREWALL"])
            Assert.DoesNotContain(chain, saved, StringComparison.Ordinal);
        // The kubelet's is in table filter alone.
        Assert.Equal(1, saved.Split(":KUBE-FIREWALL ").Length - 1);
        Assert.Contains("-A KUBE-FIREWALL -s 192.0.2.1/32 -j DROP", saved, StringComparison.Ordinal);
        Assert.Equal(isInForce, saved.Contains("-j KUBE-SERVICES", StringComparison.Ordinal));
        if (isInForce)
            Assert.Equal(0, plane.Reconcile().Written);
    }

    [Fact]
    public void What_somebody_broke_is_noticed_and_mended()
    {
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft });
        plane.Sync();
        Assert.Null(plane.Namespace.Run(plane.Plane.Check));
        plane.Restore("*nat\n:KUBE-PROXY-CANARY - [0:0]\n-X KUBE-PROXY-CANARY\n:KUBE-MARK-MASQ - [0:0]\n-D OUTPUT -m comment --comment " +
            "\"kubernetes service portals\" -j KUBE-SERVICES\nCOMMIT\n");

        Assert.Contains("KUBE-PROXY-CANARY", plane.Namespace.Run(plane.Plane.Check), StringComparison.Ordinal);
        Assert.True(plane.Reconcile().IsInForce);
        Assert.Contains("-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000", plane.Save(), StringComparison.Ordinal);
        Assert.Contains("-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES", plane.Save(),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void A_rule_deleted_among_thousands_is_noticed_by_the_comparison(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend });
        plane.Sync();
        plane.Restore("*nat\n-D KUBE-SERVICES -d 172.30.10.1/32 -p tcp -m comment --comment \"shop/web:http cluster IP\" -m tcp --dport " +
            "80 -j KUBE-SVC-67NZLRHBNDSAWJRO\nCOMMIT\n");

        string?[] findings = [.. Enumerable.Range(0, 10).Select(_ => plane.Namespace.Run(plane.Plane.Check))];

        Assert.Contains("KUBE-SERVICES", Assert.Single(findings, static finding => finding is not null), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void A_service_whose_rules_are_refused_is_held_back_and_the_rest_goes_in(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend }, TestCluster.Of(services: 5, endpoints: 2));
        plane.Sync();

        SyncReport report = plane.Sync(TestCluster.Service(6), TestCluster.Slice(6, 2),
            TestCluster.RefusedService(7), TestCluster.Slice(7, 2, IpProtocol.Icmp), TestCluster.Service(8), TestCluster.Slice(8, 2));

        Refusal refusal = Assert.Single(report.Refusals);
        Assert.Contains(TestCluster.NameOf(7).ToString(), refusal.Subject, StringComparison.Ordinal);
        // The line itself, and the tool's own words.
        Assert.Matches("^-A KUBE-SEP-[A-Z0-9]{16} -p icmp .*test/service-7:http.* -j DNAT --to-destination [0-9.]+:8080$", refusal.Change);
        Assert.Contains("-restore v", refusal.Reason, StringComparison.Ordinal);
        Assert.True(report.IsInForce);
        Assert.Contains("test/service-6", plane.Save(), StringComparison.Ordinal);
        Assert.Contains("test/service-8", plane.Save(), StringComparison.Ordinal);
        Assert.DoesNotContain("test/service-7", plane.Save(), StringComparison.Ordinal);

        // Tried again at each full sync, until somebody mends the service.
        Assert.Single(plane.Reconcile().Refusals);
        Assert.Empty(plane.Sync(TestCluster.Service(7), TestCluster.Slice(7, 2)).Refusals);
        Assert.Contains("test/service-7", plane.Save(), StringComparison.Ordinal);
        Assert.Equal(0, plane.Reconcile().Transactions);
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void A_line_refused_among_thousands_names_its_service_and_the_rest_goes_in(IpTablesBackend backend)
    {
        ServiceTable table = TestCluster.Of(services: 600, endpoints: 2);
        table.Apply(TestCluster.RefusedService(277));
        table.Apply(TestCluster.Slice(277, 2, IpProtocol.Icmp));
        using var plane = new PlaneUnderTest(new() { Backend = backend }, table);

        SyncReport report = plane.Sync();

        Refusal refusal = Assert.Single(report.Refusals);
        Assert.Contains(TestCluster.NameOf(277).ToString(), refusal.Subject, StringComparison.Ordinal);
        Assert.Matches("^-A KUBE-SEP-[A-Z0-9]{16} -p icmp .* -j DNAT --to-destination [0-9.]+:8080$", refusal.Change);
        Assert.True(report.IsInForce);
        Assert.Equal(599, plane.Save(ipv6: false, "-t", "nat").Split('\n')
            .Where(static line => line.Contains(" cluster IP\"", StringComparison.Ordinal))
            .Select(static line => line.Split("--comment \"")[1].Split(':')[0]).Distinct().Count());
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void A_start_writes_the_chains_that_are_missing_or_wrong_and_no_others(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend }, TestCluster.Of(services: 600, endpoints: 2));
        plane.Sync();
        string right = plane.Save(ipv6: false, "-t", "nat");
        string[] chains = [.. right.Split('\n').Where(static line => line.StartsWith("-A KUBE-SEP-", StringComparison.Ordinal))
            .Select(static line => line.Split(' ')[1]).Distinct()];
        string leading = right.Split('\n').First(line => line.StartsWith("-A KUBE-SV", StringComparison.Ordinal)
            && line.EndsWith($"-j {chains[1]}", StringComparison.Ordinal));
        // One chain emptied, one with a rule too many, one gone with what led to it.
        plane.Restore($"*nat\n:{chains[0]} - [0:0]\n-A {chains[^1]} -j RETURN\n:{leading.Split(' ')[1]} - [0:0]\n:{chains[1]} - " +
            "[0:0]\nCOMMIT\n");
        plane.Restore($"*nat\n-X {chains[1]}\nCOMMIT\n");

        SyncReport report = plane.Restart(TestCluster.Of(services: 600, endpoints: 2));

        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));
        Assert.Equal(Rules(right), Rules(plane.Save(ipv6: false, "-t", "nat")));
        // Name and rules of four chains, table and COMMIT.
        Assert.InRange(plane.Plane.Statistics.Lines, 4 + 6, 24);

        static string[] Rules(string saved) =>
            [.. saved.Split('\n').Where(static line => line.StartsWith("-A ", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void Names_cannot_add_rules_of_their_own()
    {
        using var plane = new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft }, TestCluster.Empty());
        ObjectName name = new("test", "evil\" -j ACCEPT\nCOMMIT\n*filter\n-A INPUT -j DROP\n\\'$(reboot)");

        SyncReport report = plane.Sync(
            new ClusterEvent.ServiceSet(TestCluster.Service(1).Service with { Name = name }),
            new ClusterEvent.SliceSet(TestCluster.Slice(1, 2).Slice with { ServiceName = name.Name }));

        Assert.Empty(report.Refusals);
        Assert.DoesNotContain("-A INPUT -j DROP", plane.Save().Split('\n'));
        Assert.Equal(0, plane.Reconcile().Transactions);
    }

    [Fact]
    public void Node_addresses_that_come_and_go_are_followed()
    {
        using var plane =
            new PlaneUnderTest(new() { Backend = IpTablesBackend.Nft }) { Node = new([InetAddress.Parse("192.168.10.11")], []) };
        plane.Sync();
        Assert.Contains("-A KUBE-SERVICES -d 192.168.10.11/32", plane.Save(), StringComparison.Ordinal);

        plane.Node = new([InetAddress.Parse("192.168.10.12")], []);
        plane.Sync();

        string saved = plane.Save();
        Assert.DoesNotContain("-d 192.168.10.11/32", saved, StringComparison.Ordinal);
        Assert.Contains("-A KUBE-SERVICES -d 192.168.10.12/32", saved, StringComparison.Ordinal);
        Assert.Equal(0, plane.Reconcile().Transactions);
    }
}
