namespace Portolan.DataPlanes.NfTables;

/// <summary>Settings of the nftables plane.</summary>
public sealed record NfTablesOptions
{
    /// <summary>
    /// The bit of the packet mark that makes postrouting masquerade: 0 to 31 (KubeProxyConfiguration nftables.masqueradeBit).
    /// </summary>
    public int MasqueradeBit { get; init; } = 14;

    /// <summary>Count new connections per frontend. Costs one look-up per connection and one element per frontend.</summary>
    public bool WithCounters { get; init; }

    /// <summary>Time between two reconciles (KubeProxyConfiguration nftables.syncPeriod).</summary>
    public TimeSpan SyncPeriod { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Families to program, IPv4 and IPv6 unless the machine lacks one.</summary>
    public bool WithIPv4 { get; init; } = true;

    /// <inheritdoc cref="WithIPv4"/>
    public bool WithIPv6 { get; init; } = true;

    /// <summary>
    /// The largest number of elements, as estimated from the plans of a family, for which all maps are listed when the table is read;
    /// beyond it those of endpoints are compared otherwise (<see cref="LargeMaps"/>).
    /// </summary>
    internal int MostListed { get; init; } = 1 << 16;
}
