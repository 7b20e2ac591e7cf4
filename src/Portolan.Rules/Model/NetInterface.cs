using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>A network interface of the node and its addresses, as "ip -j addr" shows them.</summary>
/// <param name="Index">The kernel's interface index, from 1.</param>
/// <param name="Name">The interface's name.</param>
/// <param name="IsUp">The administrative state (IFF_UP).</param>
/// <param name="IsLoopback">True for a loopback interface (IFF_LOOPBACK).</param>
/// <param name="Addresses">The addresses.</param>
public sealed record NetInterface(int Index, string Name, bool IsUp, bool IsLoopback, EquatableArray<InterfaceAddress> Addresses);

/// <summary>An address of an interface.</summary>
/// <param name="Address">The local address.</param>
/// <param name="PrefixLength">Length of the on-link prefix in bits.</param>
/// <param name="Broadcast">The broadcast address; the default value when there is none.</param>
/// <param name="Peer">The peer of a point-to-point address; the default value when there is none.</param>
/// <param name="Scope">"global", "link", "host" or another name of the address's scope.</param>
public sealed record InterfaceAddress(InetAddress Address, byte PrefixLength, InetAddress Broadcast, InetAddress Peer, string Scope);
