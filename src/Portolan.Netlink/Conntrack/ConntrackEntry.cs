using Portolan.Inet;

namespace Portolan.Netlink.Conntrack;

/// <summary>The tuple that identifies the packets of one direction of a connection.</summary>
/// <param name="Protocol">The transport protocol.</param>
/// <param name="Source">The source address.</param>
/// <param name="Destination">The destination address.</param>
/// <param name="SourcePort">The source port in host byte order; for ICMP and ICMPv6 the id of an echo.</param>
/// <param name="DestinationPort">The destination port in host byte order; for ICMP and ICMPv6 256 times the type, plus the code.</param>
public readonly record struct ConntrackTuple(
    IpProtocol Protocol, InetAddress Source, InetAddress Destination, ushort SourcePort, ushort DestinationPort);

/// <summary>State of a connection (linux/netfilter/nf_conntrack_common.h, enum ip_conntrack_status).</summary>
[Flags]
public enum ConntrackStatus : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Expected by a helper.</summary>
    Expected = 1 << 0,

    /// <summary>Packets were seen in both directions.</summary>
    SeenReply = 1 << 1,

    /// <summary>Not removed early when the table is full.</summary>
    Assured = 1 << 2,

    /// <summary>Its first packet has left.</summary>
    Confirmed = 1 << 3,

    /// <summary>Its source is translated.</summary>
    SourceNat = 1 << 4,

    /// <summary>Its destination is translated.</summary>
    DestinationNat = 1 << 5,

    /// <summary>Sequence numbers are adjusted.</summary>
    SequenceAdjust = 1 << 6,

    /// <summary>Translation of the source is decided.</summary>
    SourceNatDone = 1 << 7,

    /// <summary>Translation of the destination is decided.</summary>
    DestinationNatDone = 1 << 8,

    /// <summary>Being removed.</summary>
    Dying = 1 << 9,
}

/// <summary>A connection tracked by the kernel.</summary>
/// <param name="Original">Packets from the client, as they were sent.</param>
/// <param name="Reply">Reply packets, as they are sent: with translation, the source is the endpoint the original was translated
/// to.</param>
/// <param name="Status">Its state.</param>
/// <param name="Zone">The conntrack zone; 0 is the default.</param>
/// <param name="Mark">The connection mark.</param>
/// <param name="Id">The kernel's id for it, which distinguishes it from a later one with the same tuples.</param>
/// <param name="TimeoutSeconds">Seconds until it expires if no further packet arrives.</param>
public readonly record struct ConntrackEntry(
    ConntrackTuple Original, ConntrackTuple Reply, ConntrackStatus Status, ushort Zone, uint Mark, uint Id, uint TimeoutSeconds);

/// <summary>Which connections to visit. What is not set matches all.</summary>
public sealed record ConntrackFilter
{
    /// <summary>The family; none for both.</summary>
    public IpFamily Family { get; init; }

    /// <summary>The transport protocol; none for all.</summary>
    public IpProtocol Protocol { get; init; }

    /// <summary>The destination its packets were sent to, before translation.</summary>
    public InetAddress? OriginalDestination { get; init; }

    /// <summary>The port its packets were sent to, before translation, in host byte order.</summary>
    public ushort? OriginalDestinationPort { get; init; }

    /// <summary>The source of replies: with translation, the endpoint.</summary>
    public InetAddress? ReplySource { get; init; }

    /// <summary>
    /// Only connections of which no packet came back; the kernel filters by itself since Linux 5.15, without a family too.
    /// </summary>
    public bool IsUnanswered { get; init; }

    /// <summary>Whether a connection matches the filter.</summary>
    public bool Matches(in ConntrackEntry entry) =>
        (Family == IpFamily.None || entry.Original.Destination.Family == Family)
        && (Protocol == IpProtocol.None || entry.Original.Protocol == Protocol)
        && (OriginalDestination is not { } destination || entry.Original.Destination == destination)
        && (OriginalDestinationPort is not { } port || entry.Original.DestinationPort == port)
        && (ReplySource is not { } source || entry.Reply.Source == source)
        && (!IsUnanswered || (entry.Status & ConntrackStatus.SeenReply) == 0);
}
