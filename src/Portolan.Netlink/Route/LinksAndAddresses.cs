using Portolan.Inet;

namespace Portolan.Netlink.Route;

/// <summary>A network interface.</summary>
/// <param name="Index">Its number, from 1.</param>
/// <param name="Name">Its name: "eth0".</param>
/// <param name="IsUp">Whether it is switched on (IFF_UP).</param>
/// <param name="IsLoopback">Whether it is the loopback interface (IFF_LOOPBACK).</param>
/// <param name="Master">Number of the bridge, bond or VRF it belongs to; 0 for none.</param>
public sealed record NetworkLink(int Index, string Name, bool IsUp, bool IsLoopback, int Master);

/// <summary>How far an address is valid (linux/rtnetlink.h, enum rt_scope_t). Numbers in between are the administrator's.</summary>
public enum AddressScope : byte
{
    /// <summary>Everywhere.</summary>
    Universe = 0,

    /// <summary>In this site.</summary>
    Site = 200,

    /// <summary>On this link.</summary>
    Link = 253,

    /// <summary>On this host.</summary>
    Host = 254,

    /// <summary>Nowhere.</summary>
    Nowhere = 255,
}

/// <summary>State of an address (linux/if_addr.h, IFA_F_*).</summary>
[Flags]
public enum AddressFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>IPv4: not the first of its network on the interface; IPv6: a temporary privacy address.</summary>
    Secondary = 0x01,

    /// <summary>Duplicate address detection is skipped.</summary>
    NoDuplicateDetection = 0x02,

    /// <summary>May be used before duplicate address detection has finished.</summary>
    Optimistic = 0x04,

    /// <summary>Duplicate address detection failed: the address is not in use.</summary>
    DuplicateDetected = 0x08,

    /// <summary>The home address of Mobile IPv6.</summary>
    Home = 0x10,

    /// <summary>Its preferred lifetime is over: not for new connections.</summary>
    Deprecated = 0x20,

    /// <summary>Duplicate address detection is under way: not in use yet.</summary>
    Tentative = 0x40,

    /// <summary>Set by hand, without a lifetime.</summary>
    Permanent = 0x80,

    /// <summary>Temporary addresses are derived from it.</summary>
    ManageTemporary = 0x100,

    /// <summary>Without a route for its prefix.</summary>
    NoPrefixRoute = 0x200,

    /// <summary>Joined multicast groups of its own accord.</summary>
    AutoJoin = 0x400,

    /// <summary>Its interface identifier is stable and opaque (RFC 7217).</summary>
    StablePrivacy = 0x800,
}

/// <summary>An address of this host.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Length of its network's prefix in bits.</param>
/// <param name="InterfaceIndex">Number of the interface it is on.</param>
/// <param name="InterfaceName">Name of that interface; empty when the interface is gone.</param>
/// <param name="Scope">How far it is valid.</param>
/// <param name="Flags">Its state.</param>
public sealed record LocalAddress(
    InetAddress Address, byte PrefixLength, int InterfaceIndex, string InterfaceName, AddressScope Scope, AddressFlags Flags);
