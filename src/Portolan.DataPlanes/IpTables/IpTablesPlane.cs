using System.Collections.Immutable;
using System.Diagnostics;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables.Host;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.State;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables;

/// <summary>
/// Mode iptables: kube-proxy's chains, written with iptables-restore and ip6tables-restore of the back-end the machine uses. A change
/// feeds the chains of the services it touches and the changed rules of shared chains; a full sync compares with iptables-save first and
/// leaves what is right untouched.
/// </summary>
/// <remarks>
/// The tools work on the network namespace of the calling thread. Except for the statistics, one thread at a time.
/// </remarks>
public sealed class IpTablesPlane : IDataPlane
{
    internal const string ModeName = "iptables";

    private const int ChecksPerComparison = 10;

    // The size of a first sync: notifications for each rule would cost more time than they are worth.
    private const int ManyServices = 500;

    private static readonly TimeSpan s_legacyCheckPeriod = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_leastReconcilePeriod = TimeSpan.FromHours(1);

    // What a flush removes: `iptables -X` the canaries, `iptables -F` the jumps, without which a table has no effect.
    private static readonly (ChainId Canary, ChainId From, string To)[] s_vital =
    [
        (ChainId.Mangle(KubeProxyIptables.ProxyCanary), default, ""),
        (ChainId.Nat(KubeProxyIptables.ProxyCanary), ChainId.Nat("PREROUTING"), KubeProxyIptables.Services),
        (ChainId.Filter(KubeProxyIptables.ProxyCanary), ChainId.Filter("FORWARD"), KubeProxyIptables.Forward),
    ];

    private readonly IpTablesOptions _options;
    private readonly List<FamilySync> _families = [];
    private readonly bool _hasCounters;
    private readonly OwnTools _ownTools = new();
    private readonly ChainMonitor _monitor;
    private readonly int _ticksPerCheck;
    private NodePlan _node = NodePlan.None;
    private bool _isStarted;
    private int _checks, _ticks, _restingTicks;

    /// <summary>Detects the back-end if the options leave it open. Nothing is written before the first <see cref="Apply"/>.</summary>
    /// <param name="options">The configuration.</param>
    public IpTablesPlane(IpTablesOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _monitor = new(_ownTools, OnModified);
        Backend = options.Backend == IpTablesBackend.Auto ? BackendDetection.Detect() : options.Backend;
        _hasCounters = options.Layout == IpTablesLayout.Modern
            && AccountingObjects.TryEnsure(KubeProxyIptables.InvalidCounter, KubeProxyIptables.LocalhostCounter);
        if (options.ServesIPv4)
            AddFamily(IpFamily.IPv4);
        if (options.ServesIPv6)
            AddFamily(IpFamily.IPv6);
        bool isOftenChecked = Backend == IpTablesBackend.Legacy && options.CheckPeriod > s_legacyCheckPeriod;
        _ticksPerCheck = isOftenChecked ? (int)Math.Min(options.CheckPeriod / s_legacyCheckPeriod, 1_000_000) : 1;
        // Checks find what others changed, every tenth one in any rule: a reconcile only makes sure.
        Schedule = new PlaneSchedule(
            options.CheckPeriod > s_leastReconcilePeriod ? options.CheckPeriod : s_leastReconcilePeriod,
            isOftenChecked ? s_legacyCheckPeriod : options.CheckPeriod);
    }

    /// <inheritdoc/>
    /// <remarks>Never raised with the legacy back-end: the kernel sends no notifications, so <see cref="Check"/> has to poll.</remarks>
    public event Action<string>? ExternallyModified;

    /// <inheritdoc/>
    public PlaneSchedule Schedule { get; }

    /// <inheritdoc/>
    public string Mode => ModeName;

    /// <summary>The back-end in use: Nft or Legacy.</summary>
    public IpTablesBackend Backend { get; }

    /// <summary>Statistics of the tools' runs.</summary>
    public IpTablesStatistics Statistics { get; } = new();

    /// <summary>Processes started so far.</summary>
    internal long ToolRuns => _ownTools.Runs;

    /// <inheritdoc/>
    public ImmutableArray<PlaneMetric> Metrics =>
        [.. IpTablesStatistics.Metrics, .. _hasCounters ? AccountingObjects.Metrics : []];

    /// <inheritdoc/>
    public IEnumerable<PlaneSample> ReadMetrics() => Statistics.Read().Concat(_hasCounters ? AccountingObjects.Read() : []);

    /// <inheritdoc/>
    public SyncReport Apply(TableDelta delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        _node = delta.Node ?? _node;
        if (delta.Services.Length > ManyServices)
            _monitor.Close();
        SyncReport report = SyncReport.UpToDate;
        foreach (FamilySync family in _families)
        {
            if (Backend == IpTablesBackend.Legacy)
                family.LookBeforeChange();
            LayoutContext context = LayoutContext.Of(family.Tool.Family, _options, _node, _hasCounters);
            if (context.AllowsLocalhost && Sysctl.TryEnableRouteLocalnet() is { } refusal)
                report = Sum(report, new() { Refusals = [refusal] });
            report = Sum(report, family.Apply(delta.Services, context, _node.Addresses));
        }
        _isStarted = true;
        Watch(isRepair: false);
        return report;
    }

    /// <inheritdoc/>
    public SyncReport Reconcile()
    {
        SyncReport report = _families.Aggregate(SyncReport.UpToDate, static (report, family) => Sum(report, family.Reconcile()));
        Watch(isRepair: true);
        return report;
    }

    /// <summary>
    /// Checks whether the canary chains and the jumps to ours still exist; the first time and every tenth, whether the rules are what
    /// was written. Costs a few runs of iptables on the calling thread: milliseconds, or seconds while another program holds the
    /// xtables lock. With the legacy back-end most calls only ask the kernel for the sizes of its tables, and compare the rules if those
    /// have changed.
    /// </summary>
    /// <returns>What another program changed; null for nothing, or before the first <see cref="Apply"/>.</returns>
    public string? Check()
    {
        if (!_isStarted)
            return null;
        if (Backend == IpTablesBackend.Nft)
            _monitor.TryOpen();
        bool isDue = _ticks++ % _ticksPerCheck == 0;
        string? finding = FindResized();
        if (isDue && finding is null)
            finding = Look(comparesRules: _checks++ % ChecksPerComparison == 0);
        if (finding is not null)
            Statistics.CountModification();
        return finding;
    }

    /// <summary>
    /// Deletes every chain of this mode, in either layout, and every jump to one; what others created stays.
    /// </summary>
    /// <param name="backend">Nft, Legacy, or Auto for both.</param>
    /// <param name="ofIpvsAlone">True for the chains that only a kube-proxy in mode ipvs has.</param>
    public static SyncReport CleanUp(IpTablesBackend backend, bool ofIpvsAlone = false)
    {
        SyncReport report = SyncReport.UpToDate;
        foreach (IpTablesBackend each in (ReadOnlySpan<IpTablesBackend>)[IpTablesBackend.Nft, IpTablesBackend.Legacy])
        {
            if (backend != IpTablesBackend.Auto && backend != each)
                continue;
            report = Sum(report, CleanUpRules.Remove(new(IpFamily.IPv4, each, lockSeconds: 30), ofIpvsAlone));
            report = Sum(report, CleanUpRules.Remove(new(IpFamily.IPv6, each, lockSeconds: 30), ofIpvsAlone));
        }
        return report;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _monitor.Dispose();
    }

    /// <summary>From here on changes are made by others.</summary>
    private void Watch(bool isRepair)
    {
        if (Backend == IpTablesBackend.Nft)
            _monitor.TryOpen();
        else
            _families.ForEach(family => family.RememberSizes(isRepair));
    }

    /// <summary>Compares the rules of families whose tables have changed in size since the last sync; legacy only.</summary>
    private string? FindResized()
    {
        // Another program may change its own rules all the time: at most a tenth of the time is spent on finding out that they are not
        // ours.
        if (Backend != IpTablesBackend.Legacy || _restingTicks-- > 0)
            return null;
        long start = Stopwatch.GetTimestamp();
        string? finding = null;
        foreach (FamilySync family in _families)
            finding ??= family.FindResized();
        _restingTicks = (int)(Stopwatch.GetElapsedTime(start) / s_legacyCheckPeriod * 10);
        return finding;
    }

    private void OnModified(string finding)
    {
        Statistics.CountModification();
        ExternallyModified?.Invoke(finding);
    }

    private string? Look(bool comparesRules)
    {
        foreach (FamilySync family in _families)
        {
            IpTablesTool tool = family.Tool;
            foreach ((ChainId canary, ChainId from, string to) in s_vital)
            {
                if (!tool.HasChain(canary))
                {
                    return $"{tool.Family}: chain {canary.Name} of table {canary.Table.Text()} does not exist any more; " +
                        "another program flushed the table (a firewall restart?)";
                }
                if (to.Length > 0 && !tool.HasJump(from, to))
                {
                    return $"{tool.Family}: chain {from.Name} of table {from.Table.Text()} no longer jumps to {to}; " +
                        "another program flushed its rules";
                }
            }
            if (comparesRules && family.FindDifference() is { } finding)
                return finding;
        }
        return null;
    }

    private void AddFamily(IpFamily family)
    {
        ChainLayout layout = ChainLayout.Of(LayoutContext.Of(family, _options, _node, _hasCounters), AddressPlan.None);
        Statistics.Add(family);
        _families.Add(new(new(family, Backend, _options.LockSeconds, _ownTools), new(layout, _options.Dispatch), Statistics));
    }

    private static SyncReport Sum(SyncReport left, SyncReport right) => new()
    {
        Written = left.Written + right.Written,
        Removed = left.Removed + right.Removed,
        Transactions = left.Transactions + right.Transactions,
        Refusals = [.. left.Refusals, .. right.Refusals],
        Warnings = [.. left.Warnings, .. right.Warnings],
        IsInForce = left.IsInForce && right.IsInForce,
        HasComparedAll = left.HasComparedAll || right.HasComparedAll,
        FoundUdpFrontends = [.. left.FoundUdpFrontends, .. right.FoundUdpFrontends],
    };
}
