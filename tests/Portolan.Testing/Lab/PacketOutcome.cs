using Portolan.Inet;

namespace Portolan.Testing.Lab;

/// <summary>How a packet's way through the node ended.</summary>
public enum PacketEnd
{
    /// <summary>Nothing came out anywhere.</summary>
    Vanished,

    /// <summary>ICMP port unreachable came back, and the packet was not delivered.</summary>
    Refused,

    /// <summary>It left the node on a device.</summary>
    Forwarded,

    /// <summary>It was delivered to the node's own stack.</summary>
    Delivered,

    /// <summary>Something else happened; <see cref="PacketOutcome.Note"/> says what.</summary>
    Odd,
}

/// <summary>What became of one packet of a flow: seen in the lab, or computed by a rule simulator.</summary>
public sealed record PacketOutcome
{
    /// <summary>Source as the packet was sent.</summary>
    public required InetEndpoint SentFrom { get; init; }

    /// <summary>Destination as the packet was sent.</summary>
    public required InetEndpoint SentTo { get; init; }

    public required PacketEnd End { get; init; }

    /// <summary>Source where it came out.</summary>
    public InetEndpoint Source { get; init; }

    /// <summary>Destination where it came out.</summary>
    public InetEndpoint Destination { get; init; }

    /// <summary>The device it left on: "ext0", "pod0", or empty when it was delivered or did not come out.</summary>
    public string Device { get; init; } = string.Empty;

    /// <summary>Null when the reply's way back was right or is not known, else what was wrong with it.</summary>
    public string? ReplyFault { get; init; }

    /// <summary>What is odd about the outcome.</summary>
    public string Note { get; init; } = string.Empty;

    public override string ToString()
    {
        string end = End switch
        {
            PacketEnd.Vanished => "nothing came out",
            PacketEnd.Refused => "refused with ICMP port unreachable",
            PacketEnd.Forwarded => $"left on {Device} as {Source} -> {Destination}",
            PacketEnd.Delivered => $"delivered to the node as {Source} -> {Destination}",
            _ => Note,
        };
        return $"{SentFrom} -> {SentTo}: {end}{(ReplyFault is null ? string.Empty : "; " + ReplyFault)}";
    }
}
