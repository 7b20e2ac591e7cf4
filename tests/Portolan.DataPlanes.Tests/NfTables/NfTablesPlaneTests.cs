using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Plans;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>The plane against the real kernel, in a network namespace of its own.</summary>
public sealed class NfTablesPlaneTests
{
    private static readonly AddressPlan s_facts = new(
        [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("203.0.113.3"), InetAddress.Parse("2001:db8::1")],
        [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("203.0.113.3"), InetAddress.Parse("2001:db8::1")]);

    private static readonly ProxyPolicy s_policy = new() { NodeName = Objects.ThisNode, DetectByNodeCidr = true };

    [Fact]
    public void Step_by_step_leaves_the_kernel_as_from_scratch() => StepsAgreeWithScratch(BusyCluster.Changes, iterations: 150);

    [Fact]
    public void Odd_objects_step_by_step_leave_the_kernel_as_from_scratch() => StepsAgreeWithScratch(ClusterGen.Changes, iterations: 60);

    private static void StepsAgreeWithScratch(Gen<List<ClusterEvent>> histories, int iterations)
    {
        RequireNamespaces();
        using var steps = new NetworkNamespace("steps");
        using var scratch = new NetworkNamespace("scratch");
        histories.Sample(changes =>
        {
            var table = new ServiceTable(s_policy);
            using (NfTablesPlane plane = Open(steps))
            {
                table.Apply(new ClusterEvent.Synced());
                AssertInForce(plane.Apply(table.DrainAt(s_facts)));
                foreach (ClusterEvent change in changes)
                {
                    table.Apply(change);
                    AssertInForce(plane.Apply(table.DrainAt(s_facts)));
                }
                // Rules that no service asks for any more go now, and are no news: nobody else changed anything of ours.
                KernelText.CommitByOthers(steps);
                SyncReport reconciled = plane.Reconcile();
                AssertInForce(reconciled);
                Assert.Equal((0, 0, 0), (reconciled.Written, reconciled.Removed, reconciled.Transactions));
            }
            var final = new ServiceTable(s_policy);
            foreach (ClusterEvent state in ClusterGen.FinalState(changes))
                final.Apply(state);
            final.Apply(new ClusterEvent.Synced());
            using (NfTablesPlane plane = Open(scratch))
                AssertInForce(plane.Apply(final.DrainAt(s_facts)));
            string bySteps = KernelText.Read(steps);
            string atOnce = KernelText.Read(scratch);
            Remove(steps);
            Remove(scratch);
            Assert.Equal(atOnce, bySteps);
        }, iter: iterations, threads: 1);
    }

    [Fact]
    public void A_restart_with_an_unchanged_cluster_writes_nothing() =>
        InNamespace(lab =>
        {
            BusyCluster.Changes.Sample(changes =>
            {
                TableDelta Whole()
                {
                    var table = new ServiceTable(s_policy);
                    foreach (ClusterEvent state in ClusterGen.FinalState(changes))
                        table.Apply(state);
                    table.Apply(new ClusterEvent.Synced());
                    return table.Drain();
                }
                using (NfTablesPlane plane = Open(lab))
                    AssertInForce(plane.Apply(Whole().At(s_facts)));
                using (NfTablesPlane plane = Open(lab))
                {
                    SyncReport report = plane.Apply(Whole().At(s_facts));
                    Assert.Equal((0, 0, 0), (report.Written, report.Removed, report.Transactions));
                }
                Remove(lab);
            }, iter: 60, threads: 1);
        });

    private static void AssertInForce(SyncReport report)
    {
        Assert.Empty(report.Refusals);
        Assert.True(report.IsInForce);
    }

    private static void InNamespace(Action<NetworkNamespace> test)
    {
        RequireNamespaces();
        using var lab = new NetworkNamespace("plane");
        test(lab);
    }

    private static void RequireNamespaces() =>
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");

    private static NfTablesPlane Open(NetworkNamespace lab) => new(new NfTablesOptions(), lab.Path, NullLogger.Instance);

    private static void Remove(NetworkNamespace lab)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        NfTablesPlane.Remove(kernel);
    }
}
