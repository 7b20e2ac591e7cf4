using Portolan.Netlink.Core;

namespace Portolan.Netlink.NfTables;

/// <summary>An event of nf_tables.</summary>
/// <param name="PortId">
/// The netlink port id of the socket that committed (its <see cref="NetlinkSocket.PortId"/>); 0 for the kernel itself, for rules
/// that change sets, and for traces.
/// </param>
public abstract record NfEvent(uint PortId);

/// <summary>The receive buffer overran: some events were lost. Read the tables to get the current state.</summary>
public sealed record NfEventsLost() : NfEvent(0);

/// <summary>A commit is complete; the events of its changes precede this one.</summary>
/// <param name="PortId">Port id of the socket that committed.</param>
/// <param name="Generation">The new generation, with the process that committed.</param>
public sealed record NfGenerationEvent(uint PortId, NfGeneration Generation) : NfEvent(PortId);

/// <summary>A table was added, changed or deleted.</summary>
/// <param name="PortId">Port id of the socket that committed.</param>
/// <param name="Deleted">True if it was deleted.</param>
/// <param name="Table">The table.</param>
public sealed record NfTableEvent(uint PortId, bool Deleted, NfTable Table) : NfEvent(PortId);

/// <summary>A chain was added, changed or deleted.</summary>
/// <param name="PortId">Port id of the socket that committed.</param>
/// <param name="Deleted">True if it was deleted.</param>
/// <param name="Chain">The chain.</param>
public sealed record NfChainEvent(uint PortId, bool Deleted, NfChain Chain) : NfEvent(PortId);

/// <summary>A rule was added or deleted.</summary>
/// <param name="PortId">Port id of the socket that committed.</param>
/// <param name="Deleted">True if it was deleted.</param>
/// <param name="Rule">The rule.</param>
public sealed record NfRuleEvent(uint PortId, bool Deleted, NfRule Rule) : NfEvent(PortId);

/// <summary>A set or map was added or deleted.</summary>
/// <param name="PortId">Port id of the socket that committed.</param>
/// <param name="Deleted">True if it was deleted.</param>
/// <param name="Set">The set.</param>
public sealed record NfSetEvent(uint PortId, bool Deleted, NfSet Set) : NfEvent(PortId);

/// <summary>Elements of a set or map were added or deleted; also if they expired, or a rule added them.</summary>
/// <param name="PortId">Port id of the socket that committed; 0 for a rule.</param>
/// <param name="Deleted">True if they were deleted.</param>
/// <param name="Table">The table.</param>
/// <param name="Set">Name of the set.</param>
/// <param name="Count">Number of elements.</param>
public sealed record NfElementsEvent(uint PortId, bool Deleted, NfTableId Table, string Set, int Count) : NfEvent(PortId);

/// <summary>What a trace event reports (enum nft_trace_types).</summary>
public enum NfTraceKind : uint
{
    /// <summary>The end of a base chain: its policy.</summary>
    Policy = 1,

    /// <summary>The end of a chain that was jumped to.</summary>
    Return = 2,

    /// <summary>A rule that was evaluated to its end; without a handle it is the end of a chain.</summary>
    Rule = 3,
}

/// <summary>One step of a packet whose tracing is on (meta nftrace set 1).</summary>
/// <param name="Id">Number of the packet: the same for all its steps.</param>
/// <param name="Kind">What the step is.</param>
/// <param name="Table">The table.</param>
/// <param name="Chain">The chain.</param>
public sealed record NfTraceEvent(uint Id, NfTraceKind Kind, NfTableId Table, string Chain) : NfEvent(0)
{
    /// <summary>The rule that was evaluated to its end; 0 for a policy or the end of a chain.</summary>
    public ulong RuleHandle { get; init; }

    /// <summary>The verdict of the rule, or after the chain.</summary>
    public NfVerdict? Verdict { get; init; }

    /// <summary>The policy that was applied.</summary>
    public NfPolicy? Policy { get; init; }

    /// <summary>IP family of the packet.</summary>
    public NfFamily PacketFamily { get; init; }

    /// <summary>Index of the input interface; 0 for none.</summary>
    public uint InputInterface { get; init; }

    /// <summary>Index of the output interface; 0 for none.</summary>
    public uint OutputInterface { get; init; }

    /// <summary>The packet mark.</summary>
    public uint Mark { get; init; }

    /// <summary>Start of the link layer header; only in the first step of a packet.</summary>
    public NfData LinkHeader { get; init; }

    /// <summary>Start of the IP header; only in the first step of a packet.</summary>
    public NfData NetworkHeader { get; init; }

    /// <summary>Start of the transport header; only in the first step of a packet.</summary>
    public NfData TransportHeader { get; init; }

    /// <summary>Id of its connection (since Linux 6.16); 0 if not reported.</summary>
    public uint ConnectionId { get; init; }
}
