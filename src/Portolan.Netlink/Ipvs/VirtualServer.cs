using System.Globalization;
using Portolan.Inet;

namespace Portolan.Netlink.Ipvs;

/// <summary>What clients of a virtual server dial.</summary>
/// <param name="Address">The address.</param>
/// <param name="Protocol">TCP, UDP or SCTP.</param>
/// <param name="Port">The port; 0 for all ports, which needs persistence.</param>
public readonly record struct VirtualServerKey(InetAddress Address, IpProtocol Protocol, ushort Port)
{
    /// <summary>
    /// The mark of the packets that it takes, whatever their destination; 0 for one with an address. The address is then the unspecified
    /// one of the family.
    /// </summary>
    public uint Mark { get; init; }

    /// <summary>"tcp 10.96.0.1:443", "mark 0x1 (IPv4)".</summary>
    public override string ToString() => Mark != 0
        ? string.Create(CultureInfo.InvariantCulture, $"mark 0x{Mark:x} ({Address.Family})")
        : string.Create(CultureInfo.InvariantCulture, $"{Protocol.ToRuleText()} {new InetEndpoint(Address, Port)}");
}

/// <summary>Flags of a virtual server (linux/ip_vs.h, IP_VS_SVC_F_*).</summary>
[Flags]
public enum VirtualServerFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Connections of a client go to one real server while <see cref="VirtualServer.PersistenceSeconds"/> last.</summary>
    Persistent = 0x1,

    /// <summary>UDP: each packet is scheduled by itself.</summary>
    OnePacket = 0x4,

    /// <summary>
    /// Schedulers sh and mh: another real server is tried when the chosen one has weight 0 ("sh-fallback", "mh-fallback").
    /// </summary>
    SchedulerFallback = 0x8,

    /// <summary>Schedulers sh and mh: the client's port counts as well ("sh-port", "mh-port").</summary>
    SchedulerPort = 0x10,
}

/// <summary>A virtual server: an IPVS "service".</summary>
/// <param name="Key">What clients dial.</param>
/// <param name="Scheduler">Its scheduler: "rr", "wlc", "mh"...; up to 15 characters. The kernel loads module ip_vs_NAME.</param>
public sealed record VirtualServer(VirtualServerKey Key, string Scheduler)
{
    /// <summary>Its flags.</summary>
    public VirtualServerFlags Flags { get; init; }

    /// <summary>
    /// Seconds that a client stays with its real server after its last connection; 0 without <see cref="VirtualServerFlags.Persistent"/>.
    /// </summary>
    public uint PersistenceSeconds { get; init; }
}
