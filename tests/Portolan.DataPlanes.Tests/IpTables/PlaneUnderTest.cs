using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Plans;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>A plane in a network namespace of its own, with a cluster to serve.</summary>
internal sealed class PlaneUnderTest : IDisposable
{
    private readonly IpTablesOptions _options;

    public PlaneUnderTest(IpTablesOptions options, ServiceTable? table = null)
    {
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");
        _options = options;
        Table = table ?? HarborCluster.Table();
        Namespace = new("iptables");
        Plane = New();
    }

    public NetworkNamespace Namespace { get; }

    public ServiceTable Table { get; }

    public IpTablesPlane Plane { get; private set; }

    public AddressPlan Node { get; set; } = HarborCluster.Node;

    public SyncReport Sync(params ClusterEvent[] changes)
    {
        foreach (ClusterEvent change in changes)
            Table.Apply(change);
        return Namespace.Run(() => Plane.Apply(Table.DrainAt(Node)));
    }

    /// <summary>Looks for changes by others, and adds what is found.</summary>
    public void Check(List<string> findings)
    {
        if (Namespace.Run(Plane.Check) is { } finding)
            findings.Add(finding);
    }

    public SyncReport Reconcile() => Namespace.Run(Plane.Reconcile);

    /// <summary>Another process in the place of the first: it knows nothing of what was written.</summary>
    public SyncReport Restart(ServiceTable table)
    {
        Plane.Dispose();
        Plane = New();
        return Namespace.Run(() => Plane.Apply(table.DrainAt(Node)));
    }

    public string Save(bool ipv6 = false, params string[] arguments) =>
        Namespace.Run(() =>
        Tool.Run($"{(ipv6 ? "ip6" : "ip")}tables-{(_options.Backend == IpTablesBackend.Nft ? "nft" : "legacy")}-save", arguments));

    public void Restore(string script, bool ipv6 = false) => Namespace.Run(() =>
        Tool.Run($"{(ipv6 ? "ip6" : "ip")}tables-{(_options.Backend == IpTablesBackend.Nft ? "nft" : "legacy")}-restore",
        ["--noflush"], script));

    /// <summary>Runs code on another thread of the same network namespace; it is given a way to feed iptables-restore.</summary>
    public Task<T> InBackground<T>(Func<Action<string>, T> code)
    {
        string tool = $"iptables-{(_options.Backend == IpTablesBackend.Nft ? "nft" : "legacy")}-restore";
        return Task.Run(() => code(script => Tool.Run("nsenter", [$"--net={Namespace.Path}", tool, "--noflush", "--wait=30"], script)));
    }

    public void Dispose()
    {
        Plane.Dispose();
        Namespace.Dispose();
    }

    private IpTablesPlane New() => Namespace.Run(() => new IpTablesPlane(_options));
}
