namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Properties of a packet's connection (enum nft_ct_keys).</summary>
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

    /// <summary>The connection's id.</summary>
    Id = 23,
}
