namespace Portolan.Netlink.Ipvs;

/// <summary>After which idle time connections are forgotten; zero leaves a value as it is. Resolution: seconds.</summary>
/// <param name="Tcp">Established TCP connections.</param>
/// <param name="TcpFin">TCP connections after a FIN.</param>
/// <param name="Udp">UDP flows.</param>
public readonly record struct IpvsTimeouts(TimeSpan Tcp, TimeSpan TcpFin, TimeSpan Udp);
