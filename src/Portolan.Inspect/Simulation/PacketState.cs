using Portolan.Inet;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Everything that decides the rest of a packet's path: equal facts have the same future. Equality is compiler-generated, so that a new
/// field takes part.
/// </summary>
internal abstract record PacketFacts
{
    /// <summary>The source; the default value once masquerading has chosen an address that is not known here.</summary>
    internal InetAddress Source;
    internal ushort? SourcePort;
    internal InetAddress Destination;
    internal ushort? DestinationPort;
    internal uint Mark;

    /// <summary>The bits of the mark that are not known: they came from a connection whose mark is not known.</summary>
    internal uint UnknownMark;
    internal uint ConnectionMark;
    internal uint UnknownConnectionMark;
    internal ulong Priority;

    /// <summary>Name of the interface; null when not known, empty when there is none at this hook.</summary>
    internal string? InInterface;
    internal string? OutInterface;

    /// <summary>True while the packet has the socket of the program on this node that sends it.</summary>
    internal bool HasSocket;

    /// <summary>
    /// True once the connection's first packet has passed all hooks: packets of this node to itself come in with such a connection.
    /// </summary>
    internal bool IsConfirmed;

    /// <summary>True when rules may have assigned the connection its own zone.</summary>
    internal bool IsInZone;
    internal TrackState Tracking;
    internal bool IsDestinationSettled;
    internal bool IsSourceSettled;
    internal bool IsDestinationTranslated;
    internal bool IsSourceTranslated;
    internal bool IsMasqueraded;

    /// <summary>True once IPVS has sent the packet to a real server: it does not take it again (ipvs_property in the kernel).</summary>
    internal bool IsSentByIpvs;
    internal Assumption? Assumptions;

    /// <summary>Why this path is only one of several that cannot be distinguished; null when it is not.</summary>
    internal Ambiguity? Ambiguity;

    /// <summary>What rules recorded for this packet: in lists of recent clients, dynamic sets.</summary>
    internal PacketMemory? Memory;
}

/// <summary>
/// One path the packet may have taken so far: the packet as it is now, how likely that is, and the rules that brought it here.
/// </summary>
internal sealed record PacketState : PacketFacts
{
    internal double Probability = 1;
    internal PathNode? Path;

    /// <summary>Equal when the facts are, whatever the probability and the path: such states are joined.</summary>
    public bool Equals(PacketState? other) => base.Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => base.GetHashCode();

    internal PacketState Copy() => this with { };
}

/// <summary>What conntrack knows of the packet at this point of its path.</summary>
internal enum TrackState : byte
{
    /// <summary>Before conntrack's hook (priority -200, NF_IP_PRI_CONNTRACK): nothing.</summary>
    NotYet,

    /// <summary>The packet belongs to a connection, or begins one.</summary>
    Tracked,

    /// <summary>A notrack rule matched.</summary>
    Untracked,

    /// <summary>The packet belongs to no connection.</summary>
    Invalid,
}

/// <summary>
/// An unknown condition and the side that was taken; a list, latest first. Compared by reference: each fork makes its own.
/// </summary>
internal sealed class Assumption(int fork, Condition condition, bool holds, RuleRef? place, Assumption? previous)
{
    internal int Fork { get; } = fork;

    internal Condition Condition { get; } = condition;

    internal bool Holds { get; } = holds;

    internal RuleRef? Place { get; } = place;

    internal Assumption? Previous { get; } = previous;

    internal int Depth { get; } = (previous?.Depth ?? 0) + 1;

    internal static bool? Find(Assumption? list, Fact fact)
    {
        for (; list is not null; list = list.Previous)
        {
            if (list.Condition.Fact == fact)
                return list.Holds;
        }
        return null;
    }
}

/// <summary>A choice made before this packet that the input does not show, with the packet as it was then.</summary>
/// <param name="Reason">What is not known.</param>
/// <param name="Source">The source before the choice.</param>
/// <param name="Destination">The destination before the choice.</param>
/// <param name="DestinationPort">Its port.</param>
/// <param name="When">The choice that this path is about, in words that follow "if"; null where the choices have their shares.</param>
internal sealed record Ambiguity(string Reason, InetAddress Source, InetAddress Destination, ushort? DestinationPort, string? When = null);

/// <summary>A step of a path; a list, latest first, so that forks share their beginning.</summary>
internal sealed record PathNode(PathStep Step, PathNode? Previous);
