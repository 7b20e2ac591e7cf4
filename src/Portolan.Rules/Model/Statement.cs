using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>One step of a rule: a match or an action.</summary>
public abstract record Statement;

/// <summary>What a rule or a map element decides about a packet.</summary>
/// <param name="Kind">The decision.</param>
/// <param name="Chain">The target chain; set for <see cref="VerdictKind.Jump"/> and <see cref="VerdictKind.Goto"/> only.</param>
public sealed record Verdict(VerdictKind Kind, string? Chain = null)
{
    /// <summary>The packet passes this table's chain.</summary>
    public static Verdict Accept { get; } = new(VerdictKind.Accept);

    /// <summary>The packet is discarded.</summary>
    public static Verdict Drop { get; } = new(VerdictKind.Drop);

    /// <summary>Back to the calling chain, or to the policy.</summary>
    public static Verdict Return { get; } = new(VerdictKind.Return);

    /// <summary>On to the next rule.</summary>
    public static Verdict Continue { get; } = new(VerdictKind.Continue);
}

/// <summary>The kinds of verdict, linux/netfilter.h and linux/netfilter/nf_tables.h.</summary>
public enum VerdictKind : byte
{
    /// <summary>The packet passes this hook's chain of this table.</summary>
    Accept,

    /// <summary>The packet is discarded silently.</summary>
    Drop,

    /// <summary>Back to the rule after the jump; from a base chain, to its policy.</summary>
    Return,

    /// <summary>To the next rule.</summary>
    Continue,

    /// <summary>To another chain, and back to the next rule at its end.</summary>
    Jump,

    /// <summary>To another chain; its end is this chain's end.</summary>
    Goto,

    /// <summary>To a program in user space, which decides.</summary>
    Queue,
}

/// <summary>
/// A verdict as the action of a rule: iptables' ACCEPT, DROP, RETURN, QUEUE, -j and -g to a chain; nft's verdict statement.
/// </summary>
/// <param name="Verdict">The verdict.</param>
public sealed record VerdictStatement(Verdict Verdict) : Statement;

/// <summary>Rejects the packet: it is discarded and the sender is notified.</summary>
/// <param name="With">What the sender receives.</param>
public sealed record RejectStatement(RejectWith With) : Statement;

/// <summary>What the sender of a rejected packet receives.</summary>
public enum RejectWith : byte
{
    /// <summary>ICMP or ICMPv6 port unreachable; the default.</summary>
    PortUnreachable,

    /// <summary>ICMP net unreachable; ICMPv6 no route.</summary>
    NetUnreachable,

    /// <summary>ICMP host unreachable; ICMPv6 address unreachable.</summary>
    HostUnreachable,

    /// <summary>ICMP protocol unreachable (IPv4 only).</summary>
    ProtocolUnreachable,

    /// <summary>ICMP net prohibited (IPv4 only).</summary>
    NetProhibited,

    /// <summary>ICMP host prohibited (IPv4 only).</summary>
    HostProhibited,

    /// <summary>ICMP or ICMPv6 administratively prohibited.</summary>
    AdminProhibited,

    /// <summary>ICMPv6 failed ingress/egress policy.</summary>
    PolicyFail,

    /// <summary>ICMPv6 reject route.</summary>
    RejectRoute,

    /// <summary>A TCP segment with RST.</summary>
    TcpReset,
}

/// <summary>
/// Translates addresses: iptables' DNAT, SNAT, MASQUERADE, REDIRECT; nft's dnat, snat, masquerade, redirect. Ends the nat hook.
/// </summary>
/// <param name="Kind">Which translation.</param>
/// <param name="Range">
/// The new address and port as constants; null when there is none (masquerade, redirect without a port) or when it is computed.
/// </param>
/// <param name="Flags">How ports and addresses are chosen.</param>
/// <param name="Operand">
/// nft: the computed new address; an address and port when the operand is a map whose data is a concatenation of both
/// ("dnat ip to ... map { 0 : 10.0.0.1 . 80 }"). Null when <paramref name="Range"/> says it all.
/// </param>
/// <param name="Port">nft: the computed port, where it is a separate operand; null otherwise.</param>
public sealed record NatStatement(NatKind Kind, NatRange? Range, NatFlags Flags = NatFlags.None, Expression? Operand = null,
    Expression? Port = null)
    : Statement;

/// <summary>The kinds of address translation.</summary>
public enum NatKind : byte
{
    /// <summary>To a new destination.</summary>
    Destination,

    /// <summary>To a new source.</summary>
    Source,

    /// <summary>To the address of the outgoing interface as source.</summary>
    Masquerade,

    /// <summary>To this node as destination: the incoming interface's address, or loopback for the node's own packets.</summary>
    Redirect,
}

/// <summary>The flags of a translation, NF_NAT_RANGE_* of linux/netfilter/nf_nat.h.</summary>
[Flags]
public enum NatFlags : byte
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>--random: the port is chosen with a hash of the addresses.</summary>
    Random = 1,

    /// <summary>--random-fully, fully-random: the port is random.</summary>
    FullyRandom = 2,

    /// <summary>--persistent: a client gets the same address of the range each time.</summary>
    Persistent = 4,

    /// <summary>nft "prefix": the network part is replaced and the host part kept.</summary>
    Prefix = 8,
}

/// <summary>A constant range of addresses and ports to translate to.</summary>
/// <param name="First">First address; the default value when only ports are given.</param>
/// <param name="Last">Last address, inclusive; equal to <paramref name="First"/> for one address.</param>
/// <param name="FirstPort">First port, host byte order; 0 when no port is given.</param>
/// <param name="LastPort">Last port, inclusive.</param>
/// <param name="BasePort">DNAT's "low-high/base": the original port that maps to the first one; 0 when not given.</param>
public sealed record NatRange(InetAddress First, InetAddress Last, ushort FirstPort = 0, ushort LastPort = 0, ushort BasePort = 0)
{
    /// <summary>True when addresses are given.</summary>
    public bool HasAddress => First.Family != IpFamily.None;

    /// <summary>True when ports are given.</summary>
    public bool HasPorts => FirstPort != 0 || LastPort != 0;
}

/// <summary>
/// iptables' NETMAP: replaces the network part of the destination (PREROUTING, OUTPUT) or source (POSTROUTING, INPUT), keeps the host
/// part.
/// </summary>
/// <param name="Prefix">The new network.</param>
public sealed record NetmapStatement(InetPrefix Prefix) : Statement;

/// <summary>
/// iptables' MARK in the form the kernel keeps (xt_MARK): mark = (mark AND NOT <paramref name="Mask"/>) XOR <paramref name="Value"/>.
/// "or 0x4000" is 0x4000/0x4000, "and 0xff" is 0x0/0xffffff00, "xor 0x4000" is 0x4000/0x0, "set 0x1" is 0x1/0xffffffff.
/// </summary>
/// <param name="Value">The bits to flip.</param>
/// <param name="Mask">The bits to clear first.</param>
public sealed record MarkStatement(uint Value, uint Mask) : Statement;

/// <summary>
/// iptables' CONNMARK. Set: ctmark = (ctmark AND NOT CtMask) XOR Value. Save: ctmark = (ctmark AND NOT CtMask) XOR (mark AND PacketMask).
/// Restore: mark = (mark AND NOT PacketMask) XOR (ctmark AND CtMask).
/// </summary>
/// <param name="Operation">Which of the three.</param>
/// <param name="Value">Set: the bits to flip.</param>
/// <param name="CtMask">The mask of the connection's mark.</param>
/// <param name="PacketMask">Save and restore: the mask of the packet's mark.</param>
public sealed record ConnmarkStatement(ConnmarkOperation Operation, uint Value, uint CtMask, uint PacketMask) : Statement;

/// <summary>The operations of CONNMARK, linux/netfilter/xt_connmark.h.</summary>
public enum ConnmarkOperation : byte
{
    /// <summary>Changes the connection's mark.</summary>
    Set,

    /// <summary>Copies the packet's mark to the connection.</summary>
    Save,

    /// <summary>Copies the connection's mark to the packet.</summary>
    Restore,
}

/// <summary>The packet is not tracked: iptables' NOTRACK and CT --notrack, nft's notrack.</summary>
public sealed record NotrackStatement : Statement;

/// <summary>iptables' CT target other than --notrack: zone, helper, events or timeout of the new connection.</summary>
/// <param name="Zone">The conntrack zone, or null.</param>
/// <param name="Helper">The helper's name, or null.</param>
/// <param name="Options">All options as written.</param>
public sealed record ConntrackTemplateStatement(ushort? Zone, string? Helper, string Options) : Statement;

/// <summary>Writes to the log: iptables' LOG and NFLOG, nft's log. The packet goes on to the next rule.</summary>
/// <param name="Prefix">Prefix of each line.</param>
/// <param name="Group">The nfnetlink_log group, or null for the kernel's log.</param>
public sealed record LogStatement(string Prefix, ushort? Group) : Statement;

/// <summary>iptables' TRACE, nft's "meta nftrace set 1": the packet's path is reported. It goes on to the next rule.</summary>
public sealed record TraceStatement : Statement;

/// <summary>
/// nft: the key is looked up in a map of verdicts. Without an element the packet goes on to the next rule; with "continue" to the next
/// statement.
/// </summary>
/// <param name="Key">What is looked up.</param>
/// <param name="Map">A <see cref="SetReference"/> or an <see cref="AnonymousSet"/> that is a map.</param>
public sealed record VerdictMapStatement(Expression Key, Expression Map) : Statement;

/// <summary>nft: changes the packet, its metadata or its connection ("meta mark set ...", "ct mark set ...", "ip dscp set ...").</summary>
/// <param name="Target">What is changed.</param>
/// <param name="Value">The new value.</param>
public sealed record AssignStatement(SelectorExpression Target, Expression Value) : Statement;

/// <summary>nft: adds, updates or deletes an element of a dynamic set or map, with the packet's values as key.</summary>
/// <param name="Operation">What is done.</param>
/// <param name="Set">The set's name, without "@".</param>
/// <param name="Key">The key.</param>
/// <param name="Data">The data of a map's element, or null.</param>
/// <param name="Timeout">The element's timeout; null for the set's own.</param>
/// <param name="Statements">Statements kept with the element; a limit among them decides whether the rule goes on.</param>
public sealed record SetUpdateStatement(
    SetOperation Operation, string Set, Expression Key, Expression? Data, TimeSpan? Timeout,
        EquatableArray<Statement> Statements) : Statement;

/// <summary>What a rule does with an element, NFT_DYNSET_OP_*.</summary>
public enum SetOperation : byte
{
    /// <summary>Adds it if it is missing; the timeout of an existing element stays.</summary>
    Add,

    /// <summary>Adds it, or restarts its timeout.</summary>
    Update,

    /// <summary>Removes it.</summary>
    Delete,
}

/// <summary>A named counter of nf_tables. The packet goes on.</summary>
/// <param name="Name">The counter's name.</param>
public sealed record NamedCounterStatement(string Name) : Statement;

/// <summary>
/// An unmodelled statement, target or match. What it does to a packet is unknown, unless <paramref name="PassesOn"/> is true.
/// </summary>
/// <param name="Name">Its name in the rule's syntax.</param>
/// <param name="Text">As it was written, with its options.</param>
/// <param name="PassesOn">
/// True when the packet is known to go on to the next statement and nothing that is modelled changes
/// (iptables' TCPMSS, CHECKSUM and the like).
/// </param>
public sealed record UnmodelledStatement(string Name, string Text, bool PassesOn = false) : Statement;
