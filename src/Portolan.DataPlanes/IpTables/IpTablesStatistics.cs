namespace Portolan.DataPlanes.IpTables;

/// <summary>What the plane's tools were used for, since it was made. May be read from any thread.</summary>
public sealed class IpTablesStatistics
{
    private long _restores, _lines, _lastLines, _lockTimeouts, _modifications;

    /// <summary>Runs of iptables-restore and ip6tables-restore.</summary>
    public long Restores => Interlocked.Read(ref _restores);

    /// <summary>Lines fed to them in all.</summary>
    public long Lines => Interlocked.Read(ref _lines);

    /// <summary>Lines fed by the last run.</summary>
    public long LastLines => Interlocked.Read(ref _lastLines);

    /// <summary>Runs that gave up because another user of iptables held the xtables lock all the time.</summary>
    public long LockTimeouts => Interlocked.Read(ref _lockTimeouts);

    /// <summary>Times that rules were found changed or gone.</summary>
    public long Modifications => Interlocked.Read(ref _modifications);

    internal void CountRestore(int lines)
    {
        Interlocked.Increment(ref _restores);
        Interlocked.Add(ref _lines, lines);
        Interlocked.Exchange(ref _lastLines, lines);
    }

    internal void CountLockTimeout() => Interlocked.Increment(ref _lockTimeouts);

    internal void CountModification() => Interlocked.Increment(ref _modifications);
}
