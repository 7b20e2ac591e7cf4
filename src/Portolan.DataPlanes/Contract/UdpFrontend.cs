using Portolan.Inet;

namespace Portolan.DataPlanes.Contract;

/// <summary>What clients of a UDP service dial.</summary>
/// <param name="Family">The family.</param>
/// <param name="Address">The address; the default value for a NodePort, which is dialled at the node's own addresses.</param>
/// <param name="Port">The port, 1 to 65535.</param>
public readonly record struct UdpFrontend(IpFamily Family, InetAddress Address, ushort Port);
