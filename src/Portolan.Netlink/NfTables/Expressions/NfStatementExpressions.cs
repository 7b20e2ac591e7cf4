using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Which end of a connection is translated (enum nft_nat_types).</summary>
public enum NfNatKind : uint
{
    /// <summary>The source.</summary>
    Source = 0,

    /// <summary>The destination.</summary>
    Destination = 1,
}

/// <summary>Flags of translation (linux/netfilter/nf_nat.h, NF_NAT_RANGE_*).</summary>
[Flags]
public enum NfNatFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Addresses are given; the kernel sets it itself.</summary>
    MapAddresses = 1,

    /// <summary>Ports are given ("proto specified"); needed with ports.</summary>
    PortSpecified = 2,

    /// <summary>The port is drawn at random, with a hash.</summary>
    PortRandom = 4,

    /// <summary>The same client always gets the same address.</summary>
    Persistent = 8,

    /// <summary>The port is drawn at random.</summary>
    PortRandomFully = 16,

    /// <summary>Ports are moved by an offset.</summary>
    PortOffset = 32,

    /// <summary>Networks are mapped one to one.</summary>
    Netmap = 64,
}

/// <summary>Translates an end of the packet's connection to the address and port found in registers ("dnat", "snat").</summary>
/// <param name="Kind">Which end.</param>
/// <param name="Family">The addresses' family.</param>
/// <param name="AddressMin">Register of the address, or of the first one of a range; null: only the port changes.</param>
/// <param name="PortMin">Register of the port, or of the first one of a range; null: the port stays.</param>
public sealed record NfNat(NfNatKind Kind, NfFamily Family, NfRegister? AddressMin, NfRegister? PortMin = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "nat";

    /// <summary>Register of the last address of a range; null: one address.</summary>
    public NfRegister? AddressMax { get; init; }

    /// <summary>Register of the last port of a range; null: one port.</summary>
    public NfRegister? PortMax { get; init; }

    /// <summary>
    /// Flags. The kernel adds <see cref="NfNatFlags.MapAddresses"/> and <see cref="NfNatFlags.PortSpecified"/> by itself; when read, they
    /// are left out.
    /// </summary>
    public NfNatFlags Flags { get; init; }

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_NAT_TYPE, (uint)Kind);
        writer.PutUInt32BigEndian(NFTA_NAT_FAMILY, (uint)Family);
        writer.PutRegister(NFTA_NAT_REG_ADDR_MIN, AddressMin);
        writer.PutRegister(NFTA_NAT_REG_ADDR_MAX, AddressMax);
        writer.PutRegister(NFTA_NAT_REG_PROTO_MIN, PortMin);
        writer.PutRegister(NFTA_NAT_REG_PROTO_MAX, PortMax);
        if (Flags != 0)
            writer.PutUInt32BigEndian(NFTA_NAT_FLAGS, (uint)Flags);
    }
}

/// <summary>Translates the source to the address of the interface the packet leaves by.</summary>
public sealed record NfMasquerade : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "masq";

    /// <summary>Flags.</summary>
    public NfNatFlags Flags { get; init; }

    /// <summary>Register of the first source port to use; null: any.</summary>
    public NfRegister? PortMin { get; init; }

    /// <summary>Register of the last source port to use; null: one port.</summary>
    public NfRegister? PortMax { get; init; }

    private protected override void WriteData(MessageWriter writer)
    {
        if (Flags != 0)
            writer.PutUInt32BigEndian(NFTA_MASQ_FLAGS, (uint)Flags);
        writer.PutRegister(NFTA_MASQ_REG_PROTO_MIN, PortMin);
        writer.PutRegister(NFTA_MASQ_REG_PROTO_MAX, PortMax);
    }
}

/// <summary>Translates the destination to this host.</summary>
public sealed record NfRedirect : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "redir";

    /// <summary>Register of the port, or of the first one of a range; null: the port stays.</summary>
    public NfRegister? PortMin { get; init; }

    /// <summary>Register of the last port of a range; null: one port.</summary>
    public NfRegister? PortMax { get; init; }

    /// <summary>Flags.</summary>
    public NfNatFlags Flags { get; init; }

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_REDIR_REG_PROTO_MIN, PortMin);
        writer.PutRegister(NFTA_REDIR_REG_PROTO_MAX, PortMax);
        if (Flags != 0)
            writer.PutUInt32BigEndian(NFTA_REDIR_FLAGS, (uint)Flags);
    }
}

/// <summary>How a packet is refused (enum nft_reject_types).</summary>
public enum NfRejectKind : uint
{
    /// <summary>An ICMP or ICMPv6 "destination unreachable"; the code is that of the packet's family.</summary>
    IcmpUnreachable = 0,

    /// <summary>A TCP reset.</summary>
    TcpReset = 1,

    /// <summary>The same for both families: code 0 no route, 1 port, 2 host, 3 prohibited (enum nft_reject_inet_code).</summary>
    IcmpxUnreachable = 2,
}

/// <summary>Drops the packet and tells the sender.</summary>
/// <param name="Kind">How.</param>
/// <param name="Code">The ICMP code; port unreachable is 3 in ICMP, 4 in ICMPv6. 0 for a TCP reset.</param>
public sealed record NfReject(NfRejectKind Kind, byte Code = 0) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "reject";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_REJECT_TYPE, (uint)Kind);
        writer.PutUInt8(NFTA_REJECT_ICMP_CODE, Code);
    }
}

/// <summary>Counts packets and bytes.</summary>
/// <param name="Packets">Packets so far.</param>
/// <param name="Bytes">Bytes so far.</param>
public sealed record NfCounter(ulong Packets = 0, ulong Bytes = 0) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "counter";

    private protected override void WriteData(MessageWriter writer)
    {
        if (Bytes != 0)
            writer.PutUInt64BigEndian(NFTA_COUNTER_BYTES, Bytes);
        if (Packets != 0)
            writer.PutUInt64BigEndian(NFTA_COUNTER_PACKETS, Packets);
    }
}

/// <summary>Goes on only while a rate is not exceeded.</summary>
/// <param name="Rate">Packets or bytes per unit.</param>
/// <param name="UnitSeconds">The unit in seconds: 1, 60, 3600, ...</param>
/// <param name="Burst">How much may come at once.</param>
/// <param name="OfBytes">True: bytes are limited; false: packets.</param>
/// <param name="Inverted">True: goes on only once the rate is exceeded ("over").</param>
public sealed record NfLimit(ulong Rate, ulong UnitSeconds, uint Burst, bool OfBytes = false, bool Inverted = false) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "limit";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt64BigEndian(NFTA_LIMIT_RATE, Rate);
        writer.PutUInt64BigEndian(NFTA_LIMIT_UNIT, UnitSeconds);
        writer.PutUInt32BigEndian(NFTA_LIMIT_BURST, Burst);
        writer.PutUInt32BigEndian(NFTA_LIMIT_TYPE, OfBytes ? 1u : 0u);
        writer.PutUInt32BigEndian(NFTA_LIMIT_FLAGS, Inverted ? NFT_LIMIT_F_INV : 0);
    }
}

/// <summary>Goes on only while a number of bytes is not used up.</summary>
/// <param name="Bytes">The number of bytes.</param>
/// <param name="Consumed">How many are used up.</param>
/// <param name="Flags">1: goes on only once they are used up ("over"); 2: they are (enum nft_quota_flags).</param>
public sealed record NfQuota(ulong Bytes, ulong Consumed = 0, uint Flags = 0) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "quota";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt64BigEndian(NFTA_QUOTA_BYTES, Bytes);
        writer.PutUInt64BigEndian(NFTA_QUOTA_CONSUMED, Consumed);
        writer.PutUInt32BigEndian(NFTA_QUOTA_FLAGS, Flags);
    }
}

/// <summary>Goes on only while no more than a number of connections exist.</summary>
/// <param name="Count">The number.</param>
/// <param name="Inverted">True: goes on only once there are more ("over").</param>
public sealed record NfConnectionLimit(uint Count, bool Inverted = false) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "connlimit";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_CONNLIMIT_COUNT, Count);
        writer.PutUInt32BigEndian(NFTA_CONNLIMIT_FLAGS, Inverted ? 1u : 0u);
    }
}

/// <summary>Logs the packet.</summary>
public sealed record NfLog : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "log";

    /// <summary>Text in front; null: none.</summary>
    public string? Prefix { get; init; }

    /// <summary>The nfnetlink_log group; null: the kernel log.</summary>
    public ushort? Group { get; init; }

    /// <summary>Bytes of the packet to pass to a group; null: the default.</summary>
    public uint? SnapLength { get; init; }

    /// <summary>Packets to queue before user space is woken; null: the default.</summary>
    public ushort? QueueThreshold { get; init; }

    /// <summary>Level of the kernel log (enum nft_log_level): 4 is warning; null with a group.</summary>
    public uint? Level { get; init; }

    /// <summary>What to log in addition (NF_LOG_*).</summary>
    public uint? Flags { get; init; }

    private protected override void WriteData(MessageWriter writer)
    {
        if (Prefix is { } prefix)
            writer.PutString(NFTA_LOG_PREFIX, prefix);
        if (Group is { } group)
            writer.PutUInt16BigEndian(NFTA_LOG_GROUP, group);
        if (SnapLength is { } length)
            writer.PutUInt32BigEndian(NFTA_LOG_SNAPLEN, length);
        if (QueueThreshold is { } threshold)
            writer.PutUInt16BigEndian(NFTA_LOG_QTHRESHOLD, threshold);
        if (Level is { } level)
            writer.PutUInt32BigEndian(NFTA_LOG_LEVEL, level);
        if (Flags is { } flags)
            writer.PutUInt32BigEndian(NFTA_LOG_FLAGS, flags);
    }
}

/// <summary>Keeps the packet out of connection tracking.</summary>
public sealed record NfNoTrack : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "notrack";

    private protected override bool HasData => false;

    private protected override void WriteData(MessageWriter writer)
    {
    }
}

/// <summary>Uses a stateful object by its name.</summary>
/// <param name="ObjectType">The kind of object (NFT_OBJECT_*): 1 counter, 2 quota, 3 ct helper, 4 limit.</param>
/// <param name="ObjectName">Its name.</param>
public sealed record NfObjectReference(uint ObjectType, string ObjectName) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "objref";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_OBJREF_IMM_TYPE, ObjectType);
        writer.PutString(NFTA_OBJREF_IMM_NAME, ObjectName);
    }
}

/// <summary>Uses the stateful object a map names for a key.</summary>
/// <param name="Set">The map.</param>
/// <param name="Source">The register the key starts in.</param>
public sealed record NfObjectMapReference(string Set, NfRegister Source) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "objref";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_OBJREF_SET_SREG, Source);
        writer.PutString(NFTA_OBJREF_SET_NAME, Set);
    }
}

/// <summary>An xt match or target of iptables, with its own binary data.</summary>
/// <param name="IsTarget">True for a target, false for a match.</param>
/// <param name="ExtensionName">The extension's name: "addrtype", "MASQUERADE".</param>
/// <param name="Revision">The revision of its data.</param>
/// <param name="Info">Its data, in the layout of linux/netfilter/xt_*.h of this machine.</param>
public sealed record NfCompat(bool IsTarget, string ExtensionName, uint Revision, NfData Info) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => IsTarget ? "target" : "match";

    // linux/netfilter/nf_tables_compat.h numbers the attributes of targets and of matches alike.
    internal const ushort NameAttribute = 1;
    internal const ushort RevisionAttribute = 2;
    internal const ushort InfoAttribute = 3;

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutString(NameAttribute, ExtensionName);
        writer.PutUInt32BigEndian(RevisionAttribute, Revision);
        writer.PutBytes(InfoAttribute, Info.Span);
    }
}
