using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>A virtual server of IPVS: the packets that it takes, and the real servers it sends them to.</summary>
public sealed record VirtualServer
{
    /// <summary>The address that clients dial; the default value for one that takes packets by their mark.</summary>
    public InetAddress Address { get; init; }

    /// <summary>The port, host byte order; 0 for all ports of the address, and for one that takes packets by their mark.</summary>
    public ushort Port { get; init; }

    /// <summary>TCP, UDP or SCTP; <see cref="IpProtocol.None"/> for one that takes packets by their mark, whatever the protocol.</summary>
    public IpProtocol Protocol { get; init; }

    /// <summary>The mark of the packets that it takes; null for one with an address.</summary>
    public uint? Mark { get; init; }

    /// <summary>The family of the packets.</summary>
    public IpFamily Family { get; init; } = IpFamily.IPv4;

    /// <summary>The scheduler that chooses a real server for each connection: "rr", "wlc", "sh"...</summary>
    public required string Scheduler { get; init; }

    /// <summary>The scheduler's flags: "sh-port", "sh-fallback", "flag-1"...</summary>
    public EquatableArray<string> SchedulerFlags { get; init; }

    /// <summary>For how long a client stays with its real server after its last connection; null without persistence.</summary>
    public TimeSpan? Persistence { get; init; }

    /// <summary>True when each packet is scheduled by itself (UDP).</summary>
    public bool IsOnePacket { get; init; }

    /// <summary>The real servers, in the order of the input.</summary>
    public EquatableArray<RealServer> Servers { get; init; }

    /// <summary>True when real servers are missing because the input is cut off or could not be read.</summary>
    public bool IsIncomplete { get; init; }

    /// <summary>Where the virtual server is listed.</summary>
    public SourceSpan Source { get; init; }

    /// <summary>"tcp 10.96.0.1:443", or "mark 0x1 (IPv4)".</summary>
    public string Name => Mark is { } mark ? $"mark 0x{mark:x} ({Family})" : $"{Protocol.ToRuleText()} {new InetEndpoint(Address, Port)}";
}

/// <summary>A real server of a virtual server.</summary>
/// <param name="Address">The address that packets are sent to.</param>
/// <param name="Port">The port, host byte order; 0 for the one that the client dialled.</param>
/// <param name="Method">How packets reach it.</param>
/// <param name="Weight">Its share of new connections; 0 for none, while those that exist go on.</param>
public sealed record RealServer(InetAddress Address, ushort Port, ForwardingMethod Method, uint Weight);

/// <summary>How IPVS passes packets to a real server.</summary>
public enum ForwardingMethod : byte
{
    /// <summary>Destination address and port are rewritten ("Masq", -m).</summary>
    Masquerading,

    /// <summary>Unchanged, to the link address of the real server ("Route", -g).</summary>
    DirectRouting,

    /// <summary>Encapsulated ("Tunnel", -i).</summary>
    Tunnelling,

    /// <summary>Unchanged, to this machine itself ("Local").</summary>
    Local,
}
