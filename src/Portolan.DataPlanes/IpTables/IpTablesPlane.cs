using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables.Host;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables;

/// <summary>
/// Mode iptables: kube-proxy's chains, written through iptables-restore and ip6tables-restore of the back-end the machine uses. A change
/// feeds the chains of the services it touches and the changed rules of shared chains; a full sync compares with iptables-save first and
/// leaves alone what is right.
/// </summary>
/// <remarks>
/// The tools work on the network namespace of the calling thread. Statistics and <see cref="ExternallyModified"/> aside, one thread at a time.
/// </remarks>
public sealed class IpTablesPlane : IDataPlane
{
    private const int LooksPerReconcile = 10;

    // The jumps without which nothing in a table has an effect.
    private static readonly Dictionary<string, (string From, string To)> s_ways = new()
    {
        ["nat"] = ("PREROUTING", ChainName.Services),
        ["filter"] = ("FORWARD", ChainName.Forward),
    };

    private readonly IpTablesOptions _options;
    private readonly Lock _gate = new();
    private readonly List<FamilySync> _families = [];
    private readonly ITimer _timer;
    private readonly bool _hasCounters;
    private NodeWide _nodeWide = new(LocalDetector.None, LocalDetector.None, []);
    private bool _isStarted;
    private int _looks;

    /// <summary>Finds the back-end where the options leave it open. Nothing is written before the first <see cref="Apply"/>.</summary>
    /// <param name="options">The configuration.</param>
    /// <param name="time">For the periodic look at the canary chains.</param>
    public IpTablesPlane(IpTablesOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        _options = options;
        Backend = options.Backend == IpTablesBackend.Auto ? BackendDetection.Detect() : options.Backend;
        _hasCounters = options.Layout == IpTablesLayout.Modern
            && AccountingObjects.TryEnsure(ChainLayout.InvalidCounter, ChainLayout.LocalhostCounter);
        if (options.ServesIPv4)
            AddFamily(IpFamily.IPv4);
        if (options.ServesIPv6)
            AddFamily(IpFamily.IPv6);
        _timer = time.CreateTimer(_ => Check(), null, options.CheckPeriod, options.CheckPeriod);
    }

    /// <inheritdoc/>
    public event Action<string>? ExternallyModified;

    /// <inheritdoc/>
    public string Mode => "iptables";

    /// <summary>The back-end in use: Nft or Legacy.</summary>
    public IpTablesBackend Backend { get; }

    /// <summary>What the tools were used for.</summary>
    public IpTablesStatistics Statistics { get; } = new();

    /// <inheritdoc/>
    public SyncReport Apply(TableDelta delta, NodeFacts node)
    {
        ArgumentNullException.ThrowIfNull(delta);
        ArgumentNullException.ThrowIfNull(node);
        lock (_gate)
        {
            _nodeWide = delta.NodeWide ?? _nodeWide;
            SyncReport report = SyncReport.UpToDate;
            foreach (FamilySync family in _families)
            {
                LayoutContext context = LayoutContext.Of(family.Tool.Family, _options, _nodeWide, node, _hasCounters);
                if (context.AllowsLocalhost && Sysctl.TryEnableRouteLocalnet() is { } refusal)
                    report = Sum(report, new() { Refusals = [refusal] });
                report = Sum(report, family.Apply(delta.Services, context, node));
            }
            _isStarted = true;
            return report;
        }
    }

    /// <inheritdoc/>
    public SyncReport Reconcile()
    {
        lock (_gate)
            return _families.Aggregate(SyncReport.UpToDate, static (report, family) => Sum(report, family.Reconcile()));
    }

    /// <summary>For the operator: which tools have to be installed before a plane can work; null for none.</summary>
    /// <param name="backend">Nft, Legacy, or Auto for one of the two.</param>
    /// <param name="withIPv6">IPv6 is to be served as well.</param>
    public static string? WhatIsMissing(IpTablesBackend backend, bool withIPv6) => ToolSearch.WhatIsMissing(backend, withIPv6);

    /// <summary>Takes every chain of this mode, in either layout, and every jump to one out of the kernel; what others made stays.</summary>
    /// <param name="backend">Nft, Legacy, or Auto for both.</param>
    public static SyncReport CleanUp(IpTablesBackend backend)
    {
        SyncReport report = SyncReport.UpToDate;
        foreach (IpTablesBackend each in (ReadOnlySpan<IpTablesBackend>)[IpTablesBackend.Nft, IpTablesBackend.Legacy])
        {
            if (backend != IpTablesBackend.Auto && backend != each)
                continue;
            report = Sum(report, CleanUpRules.Remove(new(IpFamily.IPv4, each, lockSeconds: 30)));
            report = Sum(report, CleanUpRules.Remove(new(IpFamily.IPv6, each, lockSeconds: 30)));
        }
        return report;
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>
    /// Looks whether the canary chains and the jumps to ours are still there; the first time and now and then, whether the rules are what was
    /// written.
    /// </summary>
    internal void Check()
    {
        // A sync is at work: it sees for itself.
        if (!_gate.TryEnter())
            return;
        string? finding;
        try
        {
            finding = _isStarted ? Look(comparesRules: _looks++ % LooksPerReconcile == 0) : null;
        }
        finally
        {
            _gate.Exit();
        }
        if (finding is null)
            return;
        Statistics.CountModification();
        ExternallyModified?.Invoke(finding);
    }

    private string? Look(bool comparesRules)
    {
        foreach (FamilySync family in _families)
        {
            foreach (string table in (ReadOnlySpan<string>)["mangle", "nat", "filter"])
            {
                if (!family.Tool.HasChain(table, ChainName.Canary))
                    return $"{family.Tool.Family}: chain {ChainName.Canary} of table {table} is gone; somebody flushed the table (a firewall's restart?)";
                // `iptables -F` empties all chains and leaves them there.
                if (s_ways.TryGetValue(table, out (string From, string To) way) && !family.Tool.HasJump(table, way.From, way.To))
                    return $"{family.Tool.Family}: chain {way.From} of table {table} leads to {way.To} no more; somebody flushed its rules";
            }
            if (comparesRules && family.FindDifference() is { } finding)
                return finding;
        }
        return null;
    }

    private void AddFamily(IpFamily family)
    {
        ChainLayout layout = ChainLayout.Of(LayoutContext.Of(family, _options, _nodeWide, NodeFacts.None, _hasCounters), NodeFacts.None);
        _families.Add(new(new(family, Backend, _options.LockSeconds), new(layout, _options.Dispatch), Statistics));
    }

    private static SyncReport Sum(SyncReport left, SyncReport right) => new()
    {
        Written = left.Written + right.Written,
        Removed = left.Removed + right.Removed,
        Transactions = left.Transactions + right.Transactions,
        Refusals = [.. left.Refusals, .. right.Refusals],
        Warnings = [.. left.Warnings, .. right.Warnings],
        IsInForce = left.IsInForce && right.IsInForce,
    };
}
