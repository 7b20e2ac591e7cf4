namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Properties of a packet that are not in its bytes (enum nft_meta_keys). In host byte order unless stated otherwise.</summary>
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

    /// <summary>Name of the bridge the packet arrived on.</summary>
    BridgeInputInterfaceName = 17,

    /// <summary>Name of the bridge the packet leaves on.</summary>
    BridgeOutputInterfaceName = 18,

    /// <summary>Unicast, broadcast, multicast, ...: 1 byte.</summary>
    PacketType = 19,

    /// <summary>Number of the CPU.</summary>
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
