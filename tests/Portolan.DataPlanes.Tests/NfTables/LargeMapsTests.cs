using System.Globalization;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Plans;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>A restart on maps that are too large to be listed finds everything that changed while no proxy ran.</summary>
public sealed class LargeMapsTests
{
    private static readonly AddressPlan s_facts = new(
        [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("2001:db8::1")],
        [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("2001:db8::1")]);

    private static readonly ProxyPolicy s_policy = new() { NodeName = Objects.ThisNode, DetectByNodeCidr = true };

    // Every map counts as large.
    private static readonly NfTablesOptions s_large = new() { MostListed = -1 };

    /// <summary>
    /// Before Linux 6.16 the kernel does not say how many elements a map has. A transaction that is refused, whichever it is, leads to a
    /// listing: a map that was in order before it must not be taken for one that nobody wants.
    /// </summary>
    [Theory, InlineData(true, 0), InlineData(false, 0), InlineData(true, 1), InlineData(true, 2), InlineData(true, 3), InlineData(true, 4)]
    public void Whatever_changed_meanwhile_the_kernel_ends_as_from_scratch(bool withCounts, int refusedCommit)
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("large");
        using var scratch = new NetworkNamespace("scratch");
        Gen.Select(BusyCluster.Changes, BusyCluster.Changes, Gen.Int[0, 1_000_000]).Sample((before, after, seed) =>
        {
            using (NfTablesPlane plane = Open(lab, s_large))
                AssertInForce(plane.Apply(Whole(before).At(s_facts)));
            Disturb(lab, new Random(seed), withForeign: withCounts && Counts(lab));
            using (var kernel = new FullKernel(new OlderKernel(new NfTablesKernel(lab.Path), withCounts), refusedCommit))
            using (var plane = new NfTablesPlane(s_large, kernel, NullLogger.Instance))
            {
                SyncReport first = plane.Apply(Whole(after).At(s_facts));
                // Where the refused transaction is the one that writes the difference, the sync loop tries again.
                if (refusedCommit > 0 && first is { IsInForce: false } or { Refusals.IsEmpty: false })
                    first = plane.Reconcile();
                AssertInForce(first);
                KernelText.CommitByOthers(lab);
                SyncReport again = plane.Reconcile();
                AssertInForce(again);
                Assert.Equal((0, 0), (again.Written, again.Removed));
            }
            using (NfTablesPlane plane = Open(scratch, s_large))
                AssertInForce(plane.Apply(Whole(after).At(s_facts)));
            string restarted = KernelText.Read(lab);
            string fresh = KernelText.Read(scratch);
            Remove(lab);
            Remove(scratch);
            Assert.Equal(fresh, restarted);
        }, iter: refusedCommit == 0 ? 100 : 25, threads: 1);
    }

    [Fact]
    public void A_restart_writes_nothing_if_nothing_changed()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("large");
        BusyCluster.Changes.Sample(changes =>
        {
            using (NfTablesPlane plane = Open(lab, s_large))
                AssertInForce(plane.Apply(Whole(changes).At(s_facts)));
            using (NfTablesPlane plane = Open(lab, s_large))
            {
                SyncReport report = plane.Apply(Whole(changes).At(s_facts));
                Assert.Equal((0, 0, 0), (report.Written, report.Removed, report.Transactions));
            }
            Remove(lab);
        }, iter: 30, threads: 1);
    }

    /// <summary>Large in earnest: several transactions, most of them with nothing to change.</summary>
    [Fact]
    public void Among_seventy_thousand_endpoints_one_of_ours_that_is_missing_and_one_of_somebody_elses_are_found()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("large");
        var options = new NfTablesOptions { WithIPv6 = false };
        using (NfTablesPlane plane = Open(lab, options))
            AssertInForce(plane.Apply(Services(7000).DrainAt(s_facts)));
        string before = KernelText.Read(lab);
        var missing = Endpoint("172.30.12.34", 7, "10.0.0.1");
        var foreign = Endpoint("172.30.99.99", 0, "10.9.9.9");
        var changed = Endpoint("172.30.3.3", 5, "10.9.9.9");
        Commit(lab, transaction =>
        {
            Write(transaction, NfElementChange.Delete, missing);
            Write(transaction, NfElementChange.Delete, changed);
            Write(transaction, NfElementChange.Add, foreign);
            Write(transaction, NfElementChange.Add, changed);
        });

        using NfTablesPlane restarted = Open(lab, options);
        SyncReport report = restarted.Apply(Services(7000).DrainAt(s_facts));

        AssertInForce(report);
        Assert.InRange(report.Written, 1, 3);
        if (Counts(lab))
        {
            Assert.InRange(report.Removed, 1, 2);
            Assert.Equal(before, KernelText.Read(lab));
        }
    }

    /// <summary>The first transaction brings back what is missing; the second is refused, and the maps are listed after all.</summary>
    [Fact]
    public void When_the_kernel_refuses_for_another_reason_the_maps_are_listed()
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("large");
        var options = new NfTablesOptions { WithIPv6 = false };
        using (NfTablesPlane plane = Open(lab, options))
            AssertInForce(plane.Apply(Services(7000).DrainAt(s_facts)));
        string before = KernelText.Read(lab);
        Commit(lab, transaction =>
        {
            Write(transaction, NfElementChange.Delete, Endpoint("172.30.0.1", 7, "10.0.0.1"));
            Write(transaction, NfElementChange.Delete, Endpoint("172.30.12.34", 7, "10.0.0.1"));
            Write(transaction, NfElementChange.Add, Endpoint("172.30.99.99", 0, "10.9.9.9"));
        });
        using var kernel = new FullKernel(new NfTablesKernel(lab.Path), refusedCommit: 2);
        uint generation = kernel.ReadGeneration();

        using var restarted = new NfTablesPlane(options, kernel, NullLogger.Instance);
        SyncReport report = restarted.Apply(Services(7000).DrainAt(s_facts));

        AssertInForce(report);
        Assert.Equal(before, KernelText.Read(lab));
        // The count of our own transactions is what tells those of other programs from them.
        Assert.Equal(generation + (uint)report.Transactions, kernel.ReadGeneration());
    }

    /// <summary>Removes, changes and adds endpoints at random, as somebody with nft might.</summary>
    private static void Disturb(NetworkNamespace lab, Random random, bool withForeign)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        foreach (IpFamily family in (ReadOnlySpan<IpFamily>)[IpFamily.IPv4, IpFamily.IPv6])
        {
            using var transaction = new NfTransaction();
            foreach (Element element in kernel.Read(family).Elements.Elements.ToArray())
            {
                if (!LargeMaps.Contains(element.Set) || random.Next(4) != 0
                    || !element.TryRead(out ElementFields key, out ElementFields data))
                    continue;
                int kind = random.Next(withForeign ? 3 : 2);
                if (kind < 2)
                    Write(transaction, NfElementChange.Delete, element, family);
                if (kind == 1)
                    Write(transaction, NfElementChange.Add,
                        ElementCodec.Encode(element.Set, key, data with { Port = (ushort)random.Next(1, 60000) }), family);
                else if (kind == 2)
                    Write(transaction, NfElementChange.Add,
                        ElementCodec.Encode(element.Set, key with { Index = (uint)random.Next(1000, 60000) }, data), family);
            }
            if (!transaction.IsEmpty)
                Assert.True(kernel.Commit(transaction).IsCommitted);
        }
    }

    private static bool Counts(NetworkNamespace lab)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        return kernel.CountElements(IpFamily.IPv4, PortolanSet.Endpoints) is not null;
    }

    private static Element Endpoint(string frontend, uint index, string endpoint) => ElementCodec.Encode(PortolanSet.Endpoints,
        new ElementFields { Destination = InetAddress.Parse(frontend), Protocol = IpProtocol.Tcp, Port = 80, Index = index },
        new ElementFields { Destination = InetAddress.Parse(endpoint), Port = 8080 });

    private static void Write(NfTransaction transaction, NfElementChange change, Element element, IpFamily family = IpFamily.IPv4)
    {
        transaction.BeginElements(change, TableSchema.Table(family), TableSchema.Name(element.Set, element.Variant));
        transaction.Element(new NfElement { Key = element.Key, Data = change == NfElementChange.Add ? element.Data : default });
        transaction.EndElements();
    }

    private static void Commit(NetworkNamespace lab, Action<NfTransaction> write)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        using var transaction = new NfTransaction();
        write(transaction);
        Assert.True(kernel.Commit(transaction).IsCommitted);
    }

    private static TableDelta Whole(List<ClusterEvent> changes)
    {
        var table = new ServiceTable(s_policy);
        foreach (ClusterEvent state in ClusterGen.FinalState(changes))
            table.Apply(state);
        table.Apply(new ClusterEvent.Synced());
        return table.Drain();
    }

    /// <summary>Services with ten endpoints each.</summary>
    private static ServiceTable Services(int services)
    {
        var table = new ServiceTable(s_policy);
        table.Apply(new ClusterEvent.Synced());
        for (int i = 0; i < services; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"svc-{i}");
            table.Apply(new ClusterEvent.ServiceSet(new ServiceObject
            {
                Name = new("shop", name),
                ClusterIPs = [InetAddress.FromIPv4(0xAC1E_0000u + (uint)i)],
                Ports = [Objects.Port(80, 0, "web")],
            }));
            table.Apply(new ClusterEvent.SliceSet(new EndpointSliceObject
            {
                Name = new("shop", name),
                ServiceName = name,
                Family = IpFamily.IPv4,
                Ports = [Objects.SlicePort(8080, "web")],
                Endpoints = [.. Enumerable.Range(0, 10).Select(e => new EndpointObject(
                    InetAddress.FromIPv4(0x0AB4_0000u + ((uint)i << 4) + (uint)e),
                    EndpointConditions.Ready | EndpointConditions.Serving, "node-1", [], []))],
            }));
        }
        return table;
    }

    private static NfTablesPlane Open(NetworkNamespace lab, NfTablesOptions options) => new(options, lab.Path, NullLogger.Instance);

    private static void AssertInForce(SyncReport report)
    {
        Assert.Empty(report.Refusals);
        Assert.True(report.IsInForce);
    }

    private static void Remove(NetworkNamespace lab)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        NfTablesPlane.Remove(kernel);
    }

    private static void RequireNamespaces() =>
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");

    private sealed class OlderKernel(INfTablesKernel kernel, bool withCounts) : KernelDecorator(kernel)
    {
        public override uint? CountElements(IpFamily family, PortolanSet set) => withCounts ? base.CountElements(family, set) : null;
    }

    /// <summary>Has no memory for one transaction.</summary>
    private sealed class FullKernel(INfTablesKernel kernel, int refusedCommit) : KernelDecorator(kernel)
    {
        private int _commits;

        public override CommitResult Commit(NfTransaction transaction) => ++_commits == refusedCommit
            ? new CommitResult(CommitOutcome.Refused, [new CommitRefusal(0, 3, 0, new Errno(12), null, 40)])
            : base.Commit(transaction);
    }
}
