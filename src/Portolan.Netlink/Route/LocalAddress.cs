using Portolan.Inet;

namespace Portolan.Netlink.Route;

/// <summary>An address of this host.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Length of its network's prefix in bits.</param>
/// <param name="InterfaceIndex">Number of the interface it is on.</param>
/// <param name="InterfaceName">Name of that interface; empty if the interface no longer exists.</param>
/// <param name="Scope">Its scope.</param>
/// <param name="Flags">Its state.</param>
public sealed record LocalAddress(
    InetAddress Address, byte PrefixLength, int InterfaceIndex, string InterfaceName, AddressScope Scope, AddressFlags Flags);
