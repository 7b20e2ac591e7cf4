using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>The header an offset counts from (enum nft_payload_bases).</summary>
public enum NfPayloadBase : uint
{
    /// <summary>The link layer header.</summary>
    Link = 0,

    /// <summary>The IP header.</summary>
    Network = 1,

    /// <summary>The TCP, UDP, SCTP, ... header.</summary>
    Transport = 2,

    /// <summary>What follows the transport header.</summary>
    Inner = 3,

    /// <summary>The header of a tunnel.</summary>
    Tunnel = 4,
}

/// <summary>Loads bytes of the packet into a register.</summary>
/// <param name="Base">The header.</param>
/// <param name="Offset">Bytes from its start.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Destination">The register.</param>
public sealed record NfPayloadLoad(NfPayloadBase Base, uint Offset, uint Length, NfRegister Destination) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "payload";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_PAYLOAD_DREG, Destination);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_BASE, (uint)Base);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_OFFSET, Offset);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_LEN, Length);
    }
}

/// <summary>Writes a register into the packet.</summary>
/// <param name="Base">The header.</param>
/// <param name="Offset">Bytes from its start.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Source">The register.</param>
/// <param name="ChecksumType">The checksum to mend: 0 none, 1 Internet, 2 SCTP (enum nft_payload_csum_types).</param>
/// <param name="ChecksumOffset">Where it is, in bytes from the start of the header.</param>
/// <param name="ChecksumFlags">1: the field is part of the transport checksum's pseudo header.</param>
public sealed record NfPayloadStore(
    NfPayloadBase Base, uint Offset, uint Length, NfRegister Source, uint ChecksumType = 0, uint ChecksumOffset = 0, uint ChecksumFlags = 0)
    : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "payload";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_PAYLOAD_SREG, Source);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_BASE, (uint)Base);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_OFFSET, Offset);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_LEN, Length);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_CSUM_TYPE, ChecksumType);
        writer.PutUInt32BigEndian(NFTA_PAYLOAD_CSUM_OFFSET, ChecksumOffset);
        if (ChecksumFlags != 0)
            writer.PutUInt32BigEndian(NFTA_PAYLOAD_CSUM_FLAGS, ChecksumFlags);
    }
}

/// <summary>Loads, writes or only looks for an IPv6 extension header, IPv4 option, TCP option or SCTP chunk.</summary>
/// <param name="Operation">Where: 0 IPv6 header, 1 TCP option, 2 IPv4 option, 3 SCTP chunk, 4 DCCP option (enum nft_exthdr_op).</param>
/// <param name="Type">Number of the header, option or chunk.</param>
/// <param name="Offset">Bytes from its start.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Flags">1: load 1 or 0 for present or not.</param>
/// <param name="Destination">The register to load into, or null.</param>
/// <param name="Source">The register to write from, or null.</param>
public sealed record NfExtensionHeader(
    uint Operation, byte Type, uint Offset, uint Length, uint Flags, NfRegister? Destination, NfRegister? Source = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "exthdr";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_EXTHDR_SREG, Source);
        writer.PutRegister(NFTA_EXTHDR_DREG, Destination);
        writer.PutUInt8(NFTA_EXTHDR_TYPE, Type);
        writer.PutUInt32BigEndian(NFTA_EXTHDR_OFFSET, Offset);
        writer.PutUInt32BigEndian(NFTA_EXTHDR_LEN, Length);
        writer.PutUInt32BigEndian(NFTA_EXTHDR_OP, Operation);
        if (Flags != 0)
            writer.PutUInt32BigEndian(NFTA_EXTHDR_FLAGS, Flags);
    }
}

/// <summary>Facts about a packet that are not in its bytes (enum nft_meta_keys). All results are in host byte order unless told.</summary>
public enum NfMetaKey : uint
{
    /// <summary>Length in bytes.</summary>
    Length = 0,

    /// <summary>EtherType, network byte order.</summary>
    Protocol = 1,

    /// <summary>Traffic control priority.</summary>
    Priority = 2,

    /// <summary>The packet mark.</summary>
    Mark = 3,

    /// <summary>Index of the input interface.</summary>
    InputInterface = 4,

    /// <summary>Index of the output interface.</summary>
    OutputInterface = 5,

    /// <summary>Name of the input interface, 16 bytes.</summary>
    InputInterfaceName = 6,

    /// <summary>Name of the output interface, 16 bytes.</summary>
    OutputInterfaceName = 7,

    /// <summary>Hardware type of the input interface.</summary>
    InputInterfaceType = 8,

    /// <summary>Hardware type of the output interface.</summary>
    OutputInterfaceType = 9,

    /// <summary>User id of the sending socket.</summary>
    SocketUserId = 10,

    /// <summary>Group id of the sending socket.</summary>
    SocketGroupId = 11,

    /// <summary>Tracing on or off (write only).</summary>
    Trace = 12,

    /// <summary>Routing realm.</summary>
    RouteClass = 13,

    /// <summary>Security mark.</summary>
    SecurityMark = 14,

    /// <summary>IP family of the packet (<see cref="NfFamily"/>), 1 byte.</summary>
    NetfilterProtocol = 15,

    /// <summary>Transport protocol, 1 byte.</summary>
    TransportProtocol = 16,

    /// <summary>Name of the bridge the packet came in by.</summary>
    BridgeInputInterfaceName = 17,

    /// <summary>Name of the bridge the packet leaves by.</summary>
    BridgeOutputInterfaceName = 18,

    /// <summary>Unicast, broadcast, multicast, ...: 1 byte.</summary>
    PacketType = 19,

    /// <summary>Number of the processor.</summary>
    Cpu = 20,

    /// <summary>Group of the input interface.</summary>
    InputInterfaceGroup = 21,

    /// <summary>Group of the output interface.</summary>
    OutputInterfaceGroup = 22,

    /// <summary>Control group of the socket (version 1 class id).</summary>
    ControlGroup = 23,

    /// <summary>A random 32-bit number.</summary>
    Random = 24,

    /// <summary>Whether IPsec handled the packet, 1 byte.</summary>
    SecurityPath = 25,

    /// <summary>Kind of the input interface, 16 bytes.</summary>
    InputInterfaceKind = 26,

    /// <summary>Kind of the output interface, 16 bytes.</summary>
    OutputInterfaceKind = 27,

    /// <summary>VLAN of the bridge port.</summary>
    BridgeVlan = 28,

    /// <summary>VLAN protocol of the bridge.</summary>
    BridgeVlanProtocol = 29,

    /// <summary>Time in nanoseconds.</summary>
    Time = 30,

    /// <summary>Day of the week.</summary>
    Day = 31,

    /// <summary>Second of the day.</summary>
    Hour = 32,

    /// <summary>Index of the slave of a VRF.</summary>
    SlaveInterface = 33,

    /// <summary>Name of the slave of a VRF.</summary>
    SlaveInterfaceName = 34,
}

/// <summary>Loads a fact about the packet into a register.</summary>
/// <param name="Key">The fact.</param>
/// <param name="Destination">The register.</param>
public sealed record NfMetaLoad(NfMetaKey Key, NfRegister Destination) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "meta";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_META_KEY, (uint)Key);
        writer.PutRegister(NFTA_META_DREG, Destination);
    }
}

/// <summary>Sets a fact about the packet, such as its mark, from a register.</summary>
/// <param name="Key">The fact.</param>
/// <param name="Source">The register.</param>
public sealed record NfMetaStore(NfMetaKey Key, NfRegister Source) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "meta";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_META_KEY, (uint)Key);
        writer.PutRegister(NFTA_META_SREG, Source);
    }
}

/// <summary>Facts about a packet's connection (enum nft_ct_keys).</summary>
public enum NfConntrackKey : uint
{
    /// <summary>State bits, host byte order: 1 invalid, 2 established, 4 related, 8 new, 64 untracked.</summary>
    State = 0,

    /// <summary>Direction of the packet, 1 byte.</summary>
    Direction = 1,

    /// <summary>Status bits (enum ip_conntrack_status), host byte order: 16 snat, 32 dnat.</summary>
    Status = 2,

    /// <summary>The connection mark, host byte order.</summary>
    Mark = 3,

    /// <summary>Security mark.</summary>
    SecurityMark = 4,

    /// <summary>Milliseconds until it expires.</summary>
    Expiration = 5,

    /// <summary>Name of the helper, 16 bytes.</summary>
    Helper = 6,

    /// <summary>IP family (<see cref="NfFamily"/>), 1 byte.</summary>
    NetworkProtocol = 7,

    /// <summary>Source address, of the table's family; needs a direction.</summary>
    Source = 8,

    /// <summary>Destination address, of the table's family; needs a direction.</summary>
    Destination = 9,

    /// <summary>Transport protocol, 1 byte; needs a direction.</summary>
    Protocol = 10,

    /// <summary>Source port, network byte order; needs a direction.</summary>
    SourcePort = 11,

    /// <summary>Destination port, network byte order; needs a direction.</summary>
    DestinationPort = 12,

    /// <summary>Labels, 16 bytes.</summary>
    Labels = 13,

    /// <summary>Packets so far.</summary>
    Packets = 14,

    /// <summary>Bytes so far.</summary>
    Bytes = 15,

    /// <summary>Bytes per packet.</summary>
    AveragePacket = 16,

    /// <summary>Zone, 2 bytes in host byte order.</summary>
    Zone = 17,

    /// <summary>Mask of events to report.</summary>
    EventMask = 18,

    /// <summary>IPv4 source address; needs a direction.</summary>
    SourceIPv4 = 19,

    /// <summary>IPv4 destination address; needs a direction.</summary>
    DestinationIPv4 = 20,

    /// <summary>IPv6 source address; needs a direction.</summary>
    SourceIPv6 = 21,

    /// <summary>IPv6 destination address; needs a direction.</summary>
    DestinationIPv6 = 22,

    /// <summary>The connection's number.</summary>
    Id = 23,
}

/// <summary>A direction of a connection (enum ip_conntrack_dir).</summary>
public enum NfConntrackDirection : byte
{
    /// <summary>From who opened it.</summary>
    Original = 0,

    /// <summary>To who opened it.</summary>
    Reply = 1,
}

/// <summary>Loads a fact about the packet's connection into a register.</summary>
/// <param name="Key">The fact.</param>
/// <param name="Destination">The register.</param>
/// <param name="Direction">The direction, for facts that have one.</param>
public sealed record NfConntrackLoad(NfConntrackKey Key, NfRegister Destination, NfConntrackDirection? Direction = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "ct";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_CT_KEY, (uint)Key);
        writer.PutRegister(NFTA_CT_DREG, Destination);
        if (Direction is { } direction)
            writer.PutUInt8(NFTA_CT_DIRECTION, (byte)direction);
    }
}

/// <summary>Sets a fact about the packet's connection, such as its mark, from a register.</summary>
/// <param name="Key">The fact.</param>
/// <param name="Source">The register.</param>
/// <param name="Direction">The direction, for facts that have one (zones).</param>
public sealed record NfConntrackStore(NfConntrackKey Key, NfRegister Source, NfConntrackDirection? Direction = null) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "ct";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutUInt32BigEndian(NFTA_CT_KEY, (uint)Key);
        if (Direction is { } direction)
            writer.PutUInt8(NFTA_CT_DIRECTION, (byte)direction);
        writer.PutRegister(NFTA_CT_SREG, Source);
    }
}
