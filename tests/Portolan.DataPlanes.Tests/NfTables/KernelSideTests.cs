using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Rules.Dialects;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Plans;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>What others see of our tables, and what happens when they, or the kernel, interfere.</summary>
public sealed class KernelSideTests
{
    private static readonly AddressPlan s_facts = new([InetAddress.Parse("192.168.0.2")], [InetAddress.Parse("192.168.0.2")]);

    /// <summary>nft as installed, and a newer one where test.sh could fetch it.</summary>
    public static TheoryData<string> NftVersions() => ["nft", "newer nft"];

    [Theory, MemberData(nameof(NftVersions))]
    public void Nft_lists_our_tables_as_text_and_JSON(string version)
    {
        RequireNamespaces();
        (string tool, string[] before) = Nft(version);
        using var lab = new NetworkNamespace("listing");
        using NfTablesPlane plane = Open(lab);
        AssertInForce(plane.Apply(AllKinds(40).At(s_facts)));

        string text = lab.Run(() => Tool.Run(tool, [.. before, "list", "ruleset"]));
        Assert.Contains("comment \"shop/svc-00001:web\"", text, StringComparison.Ordinal);
        Assert.Contains("comment \"portolan ", text, StringComparison.Ordinal);
        Assert.Contains("172.30.0.2 . tcp . 80 . 0", text, StringComparison.Ordinal);

        using JsonDocument json = JsonDocument.Parse(lab.Run(() => Tool.Run(tool, [.. before, "-j", "list", "ruleset"])));
        int rules = json.RootElement.GetProperty("nftables").EnumerateArray().Count(entry => entry.TryGetProperty("rule", out _));
        Assert.True(rules > 40, $"only {rules} rules are listed");
    }

    /// <summary>People save their firewall and load it at boot, with the nft that they have.</summary>
    [Theory, MemberData(nameof(NftVersions))]
    public void A_listing_of_our_tables_can_be_loaded_again_by_the_nft_that_printed_it(string version)
    {
        RequireNamespaces();
        (string tool, string[] before) = Nft(version);
        using var lab = new NetworkNamespace("saved");
        using NfTablesPlane plane = new(new NfTablesOptions { WithCounters = true }, lab.Path, NullLogger.Instance);
        AssertInForce(plane.Apply(AllKinds(60)));
        string listing = lab.Run(() => Tool.Run(tool, [.. before, "list", "ruleset"]));

        using var other = new NetworkNamespace("loaded");
        other.Run(() => Tool.Run(tool, [.. before, "-f", "-"], listing));

        Assert.Equal(listing, other.Run(() => Tool.Run(tool, [.. before, "list", "ruleset"])));
        Assert.Equal(Elements(lab), Elements(other));

        // Rules come back too, but nft says some of them in other bytes (two of an address's four for a /16).
        static string[] Elements(NetworkNamespace lab) =>
            [.. KernelText.Read(lab).Split('\n')
            .Where(line => line.StartsWith("element ", StringComparison.Ordinal) || line.StartsWith("verdict ", StringComparison.Ordinal))];
    }

    /// <summary>
    /// Each new rule that looks into a map makes the kernel walk the map: the small changes of every day must not need any.
    /// </summary>
    [Fact]
    public void Everyday_changes_write_no_rule_that_looks_into_the_endpoints()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("walks");
        using NfTablesPlane plane = Open(lab);
        ServiceTable table = Table(3);
        AssertInForce(plane.Apply(table.DrainAt(s_facts)));
        var service = new ServiceObject
        {
            Name = Name(0),
            Type = ServiceType.LoadBalancer,
            ClusterIPs = [InetAddress.FromIPv4(0xAC1E_0001u)],
            Ports = [Objects.Port(80, 30000, "web")],
            LoadBalancerIPs = Objects.Addresses("198.51.100.7"),
            SourceRanges = Objects.Prefixes("203.0.113.0/24"),
        };
        foreach (ClusterEvent change in (ClusterEvent[])[
            new ClusterEvent.SliceSet(Slice(1, 5)),
            new ClusterEvent.SliceSet(Slice(1, 8)),
            new ClusterEvent.ServiceSet(service),
            new ClusterEvent.ServiceCidrSet(new() { Name = "kubernetes", Cidrs = Objects.Prefixes("172.30.0.0/16") }),
            new ClusterEvent.SliceSet(Slice(1, 0))])
        {
            HashSet<ulong> before = [.. Lookups(lab).Select(rule => rule.Handle)];
            table.Apply(change);
            AssertInForce(plane.Apply(table.DrainAt(s_facts)));
            Assert.All(Lookups(lab), rule => Assert.Contains(rule.Handle, before));
        }

        static IEnumerable<NfRule> Lookups(NetworkNamespace lab)
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter,
                new NetlinkSocketOptions { NetworkNamespace = lab.Path });
            return new NfReader(socket).ReadRules(TableSchema.Table(IpFamily.IPv4))
                .Where(rule => rule.Expressions.OfType<NfLookup>().Any(lookup => lookup.Set == TableSchema.Name(PortolanSet.Endpoints)));
        }
    }

    [Fact]
    public async Task Someone_else_flushing_the_ruleset_is_told_with_the_tool_and_repaired()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("flush");
        using NfTablesPlane plane = Open(lab);
        AssertInForce(plane.Apply(AllKinds(20).At(s_facts)));
        string before = KernelText.Read(lab);
        var told = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        plane.ExternallyModified += what => told.TrySetResult(what);

        lab.Run(() => Tool.Run("nft", ["flush", "ruleset"]));

        string what = await told.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Contains("portolan", what, StringComparison.Ordinal);
        Assert.Contains("(nft)", what, StringComparison.Ordinal);
        AssertInForce(plane.Reconcile());
        Assert.Equal(before, KernelText.Read(lab));
    }

    [Theory]
    [InlineData("delete element ip portolan cluster-ips { 172.30.0.2 }")]
    [InlineData("flush map ip portolan endpoints")]
    [InlineData("add element ip portolan frontends { 172.30.9.9 . tcp . 80 : 1:1 }")]
    [InlineData("delete element ip portolan kinds { 1:2 }")]
    [InlineData("delete element ip portolan kinds { 1:2 }; add element ip portolan kinds { 1:2 : goto overtaken }")]
    [InlineData("add rule ip portolan services drop")]
    [InlineData("insert rule ip portolan services accept")]
    [InlineData("flush chain ip portolan postrouting")]
    [InlineData("add chain ip portolan stranger")]
    [InlineData("add set ip portolan stranger { type ipv4_addr; }")]
    [InlineData("add table ip portolan { flags dormant; }")]
    [InlineData("add table ip portolan { flags dormant; }; flush chain ip portolan output; delete chain ip portolan output")]
    [InlineData("add chain ip portolan prerouting { policy drop; }")]
    [InlineData("flush chain ip portolan output; delete chain ip portolan output")]
    [InlineData("flush chain ip portolan output; delete chain ip portolan output; add chain ip portolan output")]
    [InlineData("flush chain ip portolan output; delete chain ip portolan output; " +
        "add chain ip portolan output { type nat hook output priority 50; }; add rule ip portolan output jump services")]
    [InlineData("flush chain ip portolan output; delete chain ip portolan output; " +
        "add chain ip portolan output { type filter hook output priority -100; }")]
    [InlineData("flush chain ip portolan prerouting; delete chain ip portolan prerouting; " +
        "add chain ip portolan prerouting { type nat hook input priority -100; }")]
    [InlineData("add chain ip portolan stranger { type filter hook forward priority 0; policy drop; }")]
    [InlineData("delete table ip6 portolan")]
    [InlineData("delete table ip portolan")]
    public void Whatever_somebody_changes_is_put_right(string command)
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("tamper");
        using NfTablesPlane plane = Open(lab);
        AssertInForce(plane.Apply(AllKinds(20).At(s_facts)));
        string before = KernelText.Read(lab);

        lab.Run(() => Tool.Run("nft", ["-f", "-"], command));
        Assert.NotEqual(before, KernelText.Read(lab));
        AssertInForce(plane.Reconcile());

        Assert.Equal(before, KernelText.Read(lab));
    }

    [Fact]
    public void At_rest_nothing_is_read_until_somebody_else_commits()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("rest");
        using var kernel = new CountingKernel(new NfTablesKernel(lab.Path));
        using var plane = new NfTablesPlane(new NfTablesOptions(), kernel, NullLogger.Instance);
        TableDelta whole = AllKinds(20);
        AssertInForce(plane.Apply(whole.At(s_facts)));
        AssertInForce(plane.Apply(new TableDelta([new ServiceChange(Name(3), null)], Node: null)));
        int reads = kernel.Reads;
        // Commits of our own are no reason to look: the first removes rules that no service asks for any more.
        AssertInForce(plane.Reconcile());
        AssertInForce(plane.Reconcile());
        Assert.Equal(reads, kernel.Reads);

        KernelText.CommitByOthers(lab);
        AssertInForce(plane.Reconcile());
        Assert.Equal(reads + 2, kernel.Reads);
        AssertInForce(plane.Reconcile());
        Assert.Equal(reads + 2, kernel.Reads);
    }

    [Fact]
    public void A_change_that_meets_a_stranger_in_its_place_goes_in_all_the_same()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("stranger");
        using NfTablesPlane plane = Open(lab);
        ServiceTable table = Table(5);
        AssertInForce(plane.Apply(table.DrainAt(s_facts)));
        // The place of an endpoint to come is taken, with other data: the kernel answers EEXIST.
        lab.Run(() => Tool.Run("nft", ["-f", "-"], "add element ip portolan endpoints { 172.30.0.2 . tcp . 80 . 2 : 10.9.9.9 . 9 }"));

        table.Apply(new ClusterEvent.SliceSet(Slice(1, 3)));
        SyncReport report = plane.Apply(table.DrainAt(s_facts));

        AssertInForce(report);
        Assert.Contains("172.30.0.2 . tcp . 80 . 2 : 10.180.1.2:8080", KernelText.Read(lab), StringComparison.Ordinal);
    }

    /// <summary>Ten services are one transaction, four thousand are several: those before the refused one are in force by then.</summary>
    [Theory]
    [InlineData(10, 1, 0)]
    [InlineData(4000, 3, 9000)]
    public void A_service_the_kernel_refuses_is_named_and_held_back_and_all_others_go_in(int services, int refusedCommit,
        int refusedSubject)
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("refuse");
        using var kernel = new RefusingKernel(new NfTablesKernel(lab.Path))
        {
            RefusedCommit = refusedCommit,
            RefusedSubject = refusedSubject
        };
        using var plane = new NfTablesPlane(new NfTablesOptions { WithIPv6 = false }, kernel, NullLogger.Instance);

        SyncReport report = plane.Apply(Table(services).DrainAt(s_facts));

        Refusal refusal = Assert.Single(report.Refusals);
        Assert.StartsWith("Service shop/svc-", refusal.Subject, StringComparison.Ordinal);
        Assert.Contains("add element", refusal.Change, StringComparison.Ordinal);
        Assert.Contains("ENOSPC", refusal.Reason, StringComparison.Ordinal);
        Assert.True(report.IsInForce);
        // Or the plane would take its own pieces for somebody else's.
        Assert.Equal(kernel.Commits - 1, report.Transactions);
        string refused = refusal.Subject["Service ".Length..] + ":web";
        HashSet<string> held = NamesIn(kernel);
        Assert.Equal(services - 1, held.Count);
        Assert.DoesNotContain(refused, held);

        // The kernel has room again: the next look brings the last one in.
        Assert.Empty(plane.Reconcile().Refusals);
        Assert.Contains(refused, NamesIn(kernel));

        static HashSet<string> NamesIn(RefusingKernel kernel)
        {
            HashSet<string> names = [];
            foreach (ref readonly Element element in kernel.Read(IpFamily.IPv4).Elements.Elements)
            {
                if (element.Comment is { } name)
                    names.Add(name);
            }
            return names;
        }
    }

    /// <summary>Packets at such addresses: node-changes.yaml.</summary>
    [Fact]
    public void A_node_address_that_comes_or_goes_is_one_element_however_many_node_ports_there_are()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("node-address");
        using NfTablesPlane plane = Open(lab);
        TableDelta whole = AllKinds(60).At(s_facts);
        AssertInForce(plane.Apply(whole));
        AddressPlan more = new([.. s_facts.NodePortAddresses, InetAddress.Parse("192.168.0.9")],
            [.. s_facts.LocalAddresses, InetAddress.Parse("192.168.0.9")]);

        SyncReport came = plane.Apply(TableDelta.Empty with { Node = whole.Node! with { Addresses = more } });
        Assert.Equal((1, 0, 1), (came.Written, came.Removed, came.Transactions));
        SyncReport went = plane.Apply(TableDelta.Empty with { Node = whole.Node });
        Assert.Equal((0, 1, 1), (went.Written, went.Removed, went.Transactions));
    }

    [Fact]
    public void A_table_of_another_version_is_replaced_in_one_transaction()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("version");
        lab.Run(() => Tool.Run("nft", ["-f", "-"], """
            table ip portolan {
              comment "portolan 0.0.1 layout 0"
              map endpoints { type ipv4_addr : ipv4_addr; elements = { 172.30.0.1 : 10.0.0.1 } }
              chain prerouting { type nat hook prerouting priority dstnat; dnat ip to ip daddr map @endpoints; }
            }
            """));
        var kernel = new RefusingKernel(new NfTablesKernel(lab.Path));
        using var plane = new NfTablesPlane(new NfTablesOptions { WithIPv6 = false }, kernel, NullLogger.Instance);
        SyncReport report = plane.Apply(Table(10).DrainAt(s_facts));
        AssertInForce(report);
        Assert.Equal(1, report.Transactions);
        Assert.Contains("layout 2", KernelText.Read(lab), StringComparison.Ordinal);
    }

    [Fact]
    public void Cleaning_up_leaves_other_tables_alone()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("cleanup");
        lab.Run(() => Tool.Run("nft", ["-f", "-"], "add table ip other; add chain ip other c { type filter hook input priority 0; }"));
        using (NfTablesPlane plane = Open(lab))
            AssertInForce(plane.Apply(AllKinds(20).At(s_facts)));
        using var kernel = new NfTablesKernel(lab.Path);
        Assert.True(NfTablesPlane.Remove(kernel));
        Assert.False(NfTablesPlane.Remove(kernel));
        string left = lab.Run(() => Tool.Run("nft", ["list", "tables"]));
        Assert.Equal("table ip other", left.Trim());
    }

    [Fact]
    public void A_service_with_five_thousand_endpoints_is_programmed()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("many");
        using NfTablesPlane plane = Open(lab);
        ServiceTable table = Table(2);
        table.Apply(new ClusterEvent.SliceSet(Slice(1, 5000)));
        AssertInForce(plane.Apply(table.DrainAt(s_facts)));
        Assert.Contains("172.30.0.2 . tcp . 80 . 4999 : ", KernelText.Read(lab), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\"b\nc", "a?b?c")]
    [InlineData("<script>alert(1)</script>", "<script>alert(1)</script>")]
    public void Odd_names_become_harmless_comments(string name, string shown)
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("names");
        using NfTablesPlane plane = Open(lab);
        var table = new ServiceTable(new ProxyPolicy { NodeName = Objects.ThisNode });
        table.Apply(new ClusterEvent.Synced());
        table.Apply(new ClusterEvent.ServiceSet(new ServiceObject
        {
            Name = new ObjectName("shop", name),
            ClusterIPs = Objects.Addresses("172.30.0.1"),
            Ports = [Objects.Port(80)],
        }));
        AssertInForce(plane.Apply(table.DrainAt(s_facts)));
        string text = lab.Run(() => Tool.Run("nft", ["list", "ruleset"]));
        Assert.Contains($"comment \"shop/{shown}\"", text, StringComparison.Ordinal);
    }

    private static (string Tool, string[] Arguments) Nft(string version)
    {
        Assert.SkipWhen(Tool.Find("nft") is null, "nft (package nftables) is not installed");
        if (version == "nft")
            return ("nft", []);
        string? newer = Environment.GetEnvironmentVariable("PORTOLAN_NEWER_NFT");
        Assert.SkipWhen(newer is null || !File.Exists(newer),
            "no newer nft here: PORTOLAN_NEWER_NFT does not name one (tests/tools/newer-nft.sh fetches it)");
        return ("sh", [newer!]);
    }

    private static ObjectName Name(int i) => new("shop", string.Create(CultureInfo.InvariantCulture, $"svc-{i:d5}"));

    private static EndpointSliceObject Slice(int i, int endpoints) => new()
    {
        Name = Name(i),
        ServiceName = Name(i).Name,
        Family = IpFamily.IPv4,
        Ports = [Objects.SlicePort(8080, "web")],
        Endpoints = [.. Enumerable.Range(0, endpoints).Select(e => new EndpointObject(
            InetAddress.FromIPv4(0x0AB4_0000u + ((uint)i << 8) + (uint)e),
            EndpointConditions.Ready | EndpointConditions.Serving, e % 2 == 0 ? Objects.ThisNode : "node-1", [], []))],
    };

    /// <summary>Plain services with two endpoints each.</summary>
    private static ServiceTable Table(int services)
    {
        ServiceTable table = Empty();
        for (int i = 0; i < services; i++)
        {
            table.Apply(new ClusterEvent.ServiceSet(new ServiceObject
            {
                Name = Name(i),
                ClusterIPs = [InetAddress.FromIPv4(0xAC1E_0001u + (uint)i)],
                Ports = [Objects.Port(80, 0, "web")],
            }));
            table.Apply(new ClusterEvent.SliceSet(Slice(i, 2)));
        }
        return table;
    }

    /// <summary>Services of all kinds in turn: types, policies, affinity, source ranges, numbers of endpoints.</summary>
    private static TableDelta AllKinds(int services)
    {
        ServiceTable table = Empty();
        for (int i = 0; i < services; i++)
        {
            ServiceType type = (ServiceType)(i % 3);
            table.Apply(new ClusterEvent.ServiceSet(new ServiceObject
            {
                Name = Name(i),
                Type = type,
                ClusterIPs = [InetAddress.FromIPv4(0xAC1E_0001u + (uint)i), InetAddress.FromIPv6(((UInt128)0xfd00 << 112) + (uint)i + 1)],
                Ports = [Objects.Port(80, type == ServiceType.ClusterIP ? (ushort)0 : (ushort)(20000 + i), "web")],
                LoadBalancerIPs = type == ServiceType.LoadBalancer ? [InetAddress.FromIPv4(0xC612_0000u + (uint)i)] : [],
                SourceRanges = type == ServiceType.LoadBalancer && i % 4 == 0 ? Objects.Prefixes("203.0.113.0/24", "198.51.100.7/32") : [],
                ExternalPolicyLocal = type != ServiceType.ClusterIP && i % 2 == 0,
                InternalPolicyLocal = i % 5 == 0,
                AffinitySeconds = i % 4 == 3 ? 10800 : 0,
            }));
            table.Apply(new ClusterEvent.SliceSet(Slice(i, i % 10 == 9 ? 0 : 1 + i % 4)));
        }
        return table.Drain();
    }

    private static ServiceTable Empty()
    {
        var table = new ServiceTable(new ProxyPolicy
        {
            NodeName = Objects.ThisNode,
            DetectorIPv4 = new LocalDetector(LocalDetection.Cidrs, Objects.Prefixes("10.180.0.0/16"), ""),
        });
        table.Apply(new ClusterEvent.Synced());
        return table;
    }

    /// <summary>
    /// As Linux 6.1 did with a rule it does not know: no service is at fault, so nothing can be quarantined so that the rest is accepted.
    /// </summary>
    [Fact]
    public void A_rule_that_the_kernel_refuses_is_named_and_nothing_is_called_in_force()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("refused-rule");
        using var kernel = new RuleRefusingKernel(new NfTablesKernel(lab.Path));
        using var plane = new NfTablesPlane(new NfTablesOptions { WithIPv6 = false }, kernel, NullLogger.Instance);

        SyncReport report = plane.Apply(Table(3).DrainAt(s_facts));

        Assert.False(report.IsInForce);
        Refusal refusal = Assert.Single(report.Refusals);
        Assert.Contains("not attributable to one service", refusal.Subject, StringComparison.Ordinal);
        Assert.Equal("add rule 1 to chain odd of table ip portolan", refusal.Change);
        Assert.Contains("ENOENT", refusal.Reason, StringComparison.Ordinal);
        Assert.Equal(1,
            plane.ReadMetrics().Single(sample => sample.Metric.Name == "kubeproxy_sync_proxy_rules_nftables_sync_failures_total").Value);

        kernel.IsOdd = false;
        AssertInForce(plane.Apply(Table(3).DrainAt(s_facts)));
    }

    private static NfTablesPlane Open(NetworkNamespace lab) => new(new NfTablesOptions(), lab.Path, NullLogger.Instance);

    private static void AssertInForce(SyncReport report)
    {
        Assert.Empty(report.Refusals);
        Assert.True(report.IsInForce);
    }

    private static void RequireNamespaces() =>
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");

    /// <summary>Adds to every transaction a rule that the real kernel refuses.</summary>
    private sealed class CountingKernel(INfTablesKernel kernel) : KernelDecorator(kernel)
    {
        /// <summary>Tables that were read.</summary>
        internal int Reads { get; private set; }

        public override KernelTable Read(IpFamily family, bool withEndpoints = true)
        {
            Reads++;
            return base.Read(family, withEndpoints);
        }
    }

    private sealed class RuleRefusingKernel(INfTablesKernel kernel) : KernelDecorator(kernel)
    {
        internal bool IsOdd { get; set; } = true;

        public override CommitResult Commit(NfTransaction transaction)
        {
            if (IsOdd)
            {
                NfTableId table = TableSchema.Table(IpFamily.IPv4);
                transaction.AddChain(new NfChain(table, "odd"));
                transaction.AppendRule(new NfRule(table, "odd", [new NfImmediateVerdict(NfVerdict.Jump("nowhere"))]));
            }
            return base.Commit(transaction);
        }
    }

    /// <summary>
    /// Stands before the real kernel and, as often as told, answers that there is no room for the first element of a transaction.
    /// </summary>
    private sealed class RefusingKernel(INfTablesKernel kernel) : KernelDecorator(kernel)
    {
        /// <summary>Commits so far, the refused one included.</summary>
        internal int Commits { get; private set; }

        /// <summary>Number of the commit to refuse, from 1; 0 for none.</summary>
        internal int RefusedCommit { get; init; }

        internal int RefusedSubject { get; init; }

        public override CommitResult Commit(NfTransaction transaction)
        {
            if (++Commits != RefusedCommit)
                return base.Commit(transaction);
            return new CommitResult(CommitOutcome.Refused, [new CommitRefusal(RefusedSubject, 3, 0, new Errno(28), null, 40)]);
        }
    }
}
