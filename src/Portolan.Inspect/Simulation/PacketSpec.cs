using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>What is given about the packet that is traced: everything that is not in the rules.</summary>
public sealed record PacketSpec
{
    /// <summary>The source address.</summary>
    public required InetAddress Source { get; init; }

    /// <summary>The destination address, of the same family as <see cref="Source"/>.</summary>
    public required InetAddress Destination { get; init; }

    /// <summary>The transport protocol.</summary>
    public required IpProtocol Protocol { get; init; }

    /// <summary>The source port, host byte order; null when it is not given: a rule that matches it cannot be decided.</summary>
    public ushort? SourcePort { get; init; }

    /// <summary>The destination port, host byte order; null for protocols without ports, or when it is not given.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>Type of an ICMP or ICMPv6 message; null for an echo request.</summary>
    public byte? IcmpType { get; init; }

    /// <summary>Code of an ICMP or ICMPv6 message.</summary>
    public byte IcmpCode { get; init; }

    /// <summary>The flags of a TCP segment; a connection's first has SYN alone.</summary>
    public TcpFlags TcpFlags { get; init; } = TcpFlags.Syn;

    /// <summary>
    /// True for a fragment other than the first (IPv4): it has no ports. Where conntrack is in use no rule sees it, only the whole packet
    /// that it is part of, and that is what must be traced.
    /// </summary>
    public bool IsLaterFragment { get; init; }

    /// <summary>True for a packet that a program on this node sends: it begins at the output hook.</summary>
    public bool IsFromNode { get; init; }

    /// <summary>The interface the packet came in on; null when it is not given.</summary>
    public string? InInterface { get; init; }

    /// <summary>The interface the packet would leave on; null when it is not given.</summary>
    public string? OutInterface { get; init; }

    /// <summary>The node's routes, for the interface a packet leaves by where <see cref="OutInterface"/> is not given.</summary>
    public Routes Routes { get; init; } = Routes.Unknown;

    /// <summary>
    /// Whether the kernel routes IPv4 loopback addresses through other interfaces (net.ipv4.conf.all.route_localnet); null when it is not
    /// known.
    /// </summary>
    public bool? RoutesLoopback { get; init; }

    /// <summary>The state of the packet's connection: one of New, Established, Related, Invalid.</summary>
    public ConntrackStates State { get; init; } = ConntrackStates.New;

    /// <summary>For an answer: what conntrack translates it to. Null for packets in the direction of a connection's first.</summary>
    public ReplyTranslation? Reply { get; init; }

    /// <summary>The packet's mark at the start.</summary>
    public uint Mark { get; init; }

    /// <summary>The connection's mark at the start; null for 0 when the packet begins the connection, and for unknown otherwise.</summary>
    public uint? ConnectionMark { get; init; }

    /// <summary>The user who sends the packet; null when not given. Only for packets from this node.</summary>
    public uint? UserId { get; init; }

    /// <summary>The group that sends the packet; null when not given. Only for packets from this node.</summary>
    public uint? GroupId { get; init; }

    /// <summary>
    /// True when the client is in no list of iptables' recent match (session affinity): it has not used the service recently. The lists
    /// are in no dump of rules; when false, what they hold is unknown. Where they were read (<see cref="Ruleset.RecentClients"/>) they
    /// decide. Does not apply to lists of destinations or of whole networks, nor to a packet of an old connection, whose first packet is
    /// in the list.
    /// </summary>
    public bool ClientIsFresh { get; init; } = true;

    /// <summary>The family of the packet.</summary>
    public IpFamily Family => Destination.Family;

    /// <summary>True for protocols with ports that rules can match.</summary>
    public bool HasPorts => !IsLaterFragment && Protocol is IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp or (IpProtocol)136
        or (IpProtocol)33;

    internal byte EffectiveIcmpType => IcmpType ?? (Protocol == IpProtocol.IcmpV6 ? (byte)128 : (byte)8);
}
