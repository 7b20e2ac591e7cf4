using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;

namespace Portolan.DataPlanes.IpTables;

/// <summary>Statistics of the plane's tool runs since it was opened. May be read from any thread.</summary>
public sealed class IpTablesStatistics
{
    private static readonly PlaneMetric s_restores =
        new("portolan_iptables_restores_total", "Runs of iptables-restore and ip6tables-restore", IsCounter: true);

    private static readonly PlaneMetric s_failures = new(
        "kubeproxy_sync_proxy_rules_iptables_restore_failures_total", "Runs that were refused or did not get the lock", IsCounter: true);

    private static readonly PlaneMetric s_lines = new("portolan_iptables_restore_lines_total", "Lines fed to them", IsCounter: true);

    private static readonly PlaneMetric s_lastLines =
        new("portolan_iptables_last_restore_lines", "Lines fed to the last of them", IsCounter: false);

    private static readonly PlaneMetric s_lockTimeouts =
        new("portolan_iptables_lock_timeouts_total", "Runs that gave up waiting for the xtables lock", IsCounter: true);

    private static readonly PlaneMetric s_modifications =
        new("portolan_iptables_disturbances_total", "Times that rules were found changed or missing", IsCounter: true);

    private long _restores, _failures, _lines, _lastLines, _lockTimeouts, _modifications;

    /// <summary>The metrics that <see cref="Read"/> returns.</summary>
    internal static ImmutableArray<PlaneMetric> Metrics { get; } =
        [s_restores, s_failures, s_lines, s_lastLines, s_lockTimeouts, s_modifications];

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
    internal IEnumerable<PlaneSample> Read() =>
    [
        new(s_restores, Restores), new(s_failures, Interlocked.Read(ref _failures)), new(s_lines, Lines), new(s_lastLines, LastLines),
        new(s_lockTimeouts, LockTimeouts), new(s_modifications, Modifications),
    ];

    internal void CountRestore(int lines, bool succeeded)
    {
        Interlocked.Increment(ref _restores);
        if (!succeeded)
            Interlocked.Increment(ref _failures);
        Interlocked.Add(ref _lines, lines);
        Interlocked.Exchange(ref _lastLines, lines);
    }

    internal void CountLockTimeout() => Interlocked.Increment(ref _lockTimeouts);

    internal void CountModification() => Interlocked.Increment(ref _modifications);
}
