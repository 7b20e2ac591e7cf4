using System.Collections.Concurrent;
using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables;

/// <summary>Statistics of the plane's tool runs since it was opened. May be read from any thread.</summary>
public sealed class IpTablesStatistics
{
    private static readonly IpTable[] s_tables = [IpTable.Filter, IpTable.Nat];

    private static readonly PlaneMetric s_restores =
        new("portolan_iptables_restores_total", "Runs of iptables-restore and ip6tables-restore", IsCounter: true);

    private static readonly PlaneMetric s_failures = new(
        "kubeproxy_sync_proxy_rules_iptables_restore_failures_total", "Cumulative proxy iptables restore failures", IsCounter: true,
        "ip_family");

    private static readonly PlaneMetric s_partialFailures = new(
        "kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total", "Cumulative proxy iptables partial restore failures",
        IsCounter: true, "ip_family");

    private static readonly PlaneMetric s_lastRules = new(
        "kubeproxy_sync_proxy_rules_iptables_last", "Number of iptables rules written by kube-proxy in last sync", IsCounter: false,
        "ip_family", "table");

    private static readonly PlaneMetric s_lines = new("portolan_iptables_restore_lines_total", "Lines fed to them", IsCounter: true);

    private static readonly PlaneMetric s_lastLines =
        new("portolan_iptables_last_restore_lines", "Lines fed to the last of them", IsCounter: false);

    private static readonly PlaneMetric s_lockTimeouts =
        new("portolan_iptables_lock_timeouts_total", "Runs that gave up waiting for the xtables lock", IsCounter: true);

    private static readonly PlaneMetric s_modifications =
        new("portolan_iptables_disturbances_total", "Times that rules were found changed or missing", IsCounter: true);

    private static readonly PlaneMetric s_rules = new(
        "kubeproxy_sync_proxy_rules_iptables_total", "Total number of iptables rules owned by kube-proxy", IsCounter: false,
        "ip_family", "table");

    private readonly ConcurrentDictionary<IpFamily, FamilyFigures> _families = new();
    private long _restores, _lines, _lastLines, _lockTimeouts, _modifications;

    /// <summary>The metrics that <see cref="Read"/> returns.</summary>
    internal static ImmutableArray<PlaneMetric> Metrics { get; } =
        [s_restores, s_failures, s_partialFailures, s_lastRules, s_rules, s_lines, s_lastLines, s_lockTimeouts, s_modifications];

    /// <summary>Runs of iptables-restore and ip6tables-restore.</summary>
    public long Restores => Interlocked.Read(ref _restores);

    /// <summary>Lines fed to them in total.</summary>
    public long Lines => Interlocked.Read(ref _lines);

    /// <summary>Lines fed by the last run.</summary>
    public long LastLines => Interlocked.Read(ref _lastLines);

    /// <summary>Runs that gave up because another program held the xtables lock all the time.</summary>
    public long LockTimeouts => Interlocked.Read(ref _lockTimeouts);

    /// <summary>Times that rules were found changed or missing.</summary>
    public long Modifications => Interlocked.Read(ref _modifications);

    /// <summary>The values for the metrics page.</summary>
    internal IEnumerable<PlaneSample> Read()
    {
        foreach ((IpFamily family, FamilyFigures figures) in _families)
        {
            string label = family.ToString();
            yield return new(s_failures, figures.Failures, label);
            yield return new(s_partialFailures, figures.PartialFailures, label);
            foreach (IpTable table in s_tables)
            {
                yield return new(s_lastRules, figures.Last.GetValueOrDefault(table), label, table.Text());
                yield return new(s_rules, figures.Owned.GetValueOrDefault(table), label, table.Text());
            }
        }
        yield return new(s_restores, Restores);
        yield return new(s_lines, Lines);
        yield return new(s_lastLines, LastLines);
        yield return new(s_lockTimeouts, LockTimeouts);
        yield return new(s_modifications, Modifications);
    }

    /// <summary>Makes the figures of a family appear, which may stay zero.</summary>
    internal void Add(IpFamily family) => _families.TryAdd(family, FamilyFigures.None);

    /// <summary>Counts a run of iptables-restore.</summary>
    /// <param name="family">Its family.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="isPartial">It had the changes of some services alone.</param>
    internal void CountRestore(IpFamily family, RestoreOutcome outcome, bool isPartial)
    {
        Interlocked.Increment(ref _restores);
        Interlocked.Add(ref _lines, outcome.Lines);
        Interlocked.Exchange(ref _lastLines, outcome.Lines);
        _families.AddOrUpdate(family, static (_, change) => change(FamilyFigures.None), static (_, before, change) => change(before),
            (FamilyFigures before) => outcome.Succeeded
                ? before with { Last = outcome.Rules }
                : isPartial ? before with { PartialFailures = before.PartialFailures + 1 }
                : before with { Failures = before.Failures + 1 });
    }

    /// <summary>Notes how many rules are ours.</summary>
    internal void NoteOwned(IpFamily family, ImmutableDictionary<IpTable, int> owned) =>
        _families.AddOrUpdate(family, static (_, owned) => FamilyFigures.None with { Owned = owned },
            static (_, before, owned) => before with { Owned = owned }, owned);

    internal void CountLockTimeout() => Interlocked.Increment(ref _lockTimeouts);

    internal void CountModification() => Interlocked.Increment(ref _modifications);

    private sealed record FamilyFigures(
        long Failures, long PartialFailures, ImmutableDictionary<IpTable, int> Last, ImmutableDictionary<IpTable, int> Owned)
    {
        public static FamilyFigures None { get; } =
            new(0, 0, ImmutableDictionary<IpTable, int>.Empty, ImmutableDictionary<IpTable, int>.Empty);
    }
}
