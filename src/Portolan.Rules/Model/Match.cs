using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>A condition: the rule goes on only for packets that meet it.</summary>
public abstract record Match : Statement
{
    /// <summary>Calls the visitor's method for this kind of condition.</summary>
    /// <param name="visitor">The handler of every kind.</param>
    /// <param name="context">Additional input of the visitor.</param>
    public abstract TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context);
}

/// <summary>A condition of iptables, which can be negated with "!".</summary>
/// <param name="Negated">True when the packet must not meet the condition.</param>
public abstract record NegatableMatch(bool Negated) : Match;

/// <summary>Which end of the packet or connection is matched.</summary>
public enum PacketSide : byte
{
    /// <summary>The source.</summary>
    Source,

    /// <summary>The destination.</summary>
    Destination,

    /// <summary>Either of the two (multiport --ports).</summary>
    Either,
}

/// <summary>The protocol in the IP header (for IPv6: after the extension headers). "-p all" gives no match.</summary>
/// <param name="Protocol">The protocol.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record ProtocolMatch(IpProtocol Protocol, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>Source or destination address in a range given by a prefix. 0.0.0.0/0 without negation gives no match.</summary>
/// <param name="Side">Source or destination.</param>
/// <param name="Prefix">The addresses.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record AddressMatch(PacketSide Side, InetPrefix Prefix, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>Source or destination address under a mask that is not a prefix: (address AND mask) = value.</summary>
/// <param name="Side">Source or destination.</param>
/// <param name="Value">The value after masking.</param>
/// <param name="Mask">The mask.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record MaskedAddressMatch(PacketSide Side, InetAddress Value, InetAddress Mask,
    bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>Source or destination address from one address to another (iprange).</summary>
/// <param name="Side">Source or destination.</param>
/// <param name="First">First address.</param>
/// <param name="Last">Last address, inclusive.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record AddressRangeMatch(PacketSide Side, InetAddress First, InetAddress Last, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>
/// Ports of TCP, UDP, UDP-Lite, SCTP and DCCP (the tcp, udp, sctp, dccp and multiport matches). Never holds for a fragment other than the
/// first.
/// </summary>
/// <param name="Side">Source, destination, or either.</param>
/// <param name="Ports">The ranges; one of them must hold the port.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record PortMatch(PacketSide Side, EquatableArray<PortRange> Ports, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>A range of ports, host byte order.</summary>
/// <param name="First">First port.</param>
/// <param name="Last">Last port, inclusive.</param>
public readonly record struct PortRange(ushort First, ushort Last)
{
    /// <summary>True when the port is in the range.</summary>
    public bool Contains(ushort port) => port >= First && port <= Last;

    /// <summary>"80" or "80:90".</summary>
    public override string ToString() => First == Last ? $"{First}" : $"{First}:{Last}";
}

/// <summary>The interface a packet came in on or goes out on. Without one (PREROUTING has no output interface) the name is empty.</summary>
/// <param name="Direction">In or out.</param>
/// <param name="Name">The name, or its beginning when <paramref name="IsPrefix"/> ("eth+" is "eth").</param>
/// <param name="IsPrefix">True for a name that ended with "+".</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record InterfaceMatch(InterfaceDirection Direction, string Name, bool IsPrefix = false, bool Negated = false)
    : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The direction through an interface.</summary>
public enum InterfaceDirection : byte
{
    /// <summary>Came in on it.</summary>
    In,

    /// <summary>Goes out on it.</summary>
    Out,
}

/// <summary>The bridge port a bridged packet came in on or goes out on (physdev).</summary>
/// <param name="Kind">What is matched.</param>
/// <param name="Name">The port's name for <see cref="PhysdevKind.In"/> and <see cref="PhysdevKind.Out"/>, otherwise empty.</param>
/// <param name="IsPrefix">True for a name that ended with "+".</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record PhysdevMatch(PhysdevKind Kind, string Name, bool IsPrefix = false, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The options of the physdev match.</summary>
public enum PhysdevKind : byte
{
    /// <summary>--physdev-in NAME.</summary>
    In,

    /// <summary>--physdev-out NAME.</summary>
    Out,

    /// <summary>--physdev-is-in: came in on any bridge port.</summary>
    IsIn,

    /// <summary>--physdev-is-out: goes out on any bridge port.</summary>
    IsOut,

    /// <summary>--physdev-is-bridged: is bridged, not routed.</summary>
    IsBridged,
}

/// <summary>The packet's mark or its connection's: (mark AND mask) = value.</summary>
/// <param name="Kind">Whose mark.</param>
/// <param name="Value">The value.</param>
/// <param name="Mask">The mask; all ones when none is written.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record MarkMatch(MarkKind Kind, uint Value, uint Mask, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>Whose mark is matched.</summary>
public enum MarkKind : byte
{
    /// <summary>The packet's.</summary>
    Packet,

    /// <summary>The connection's.</summary>
    Connection,
}

/// <summary>What kind of address the source or destination is for this node (addrtype).</summary>
/// <param name="Side">Source or destination.</param>
/// <param name="Types">The kinds; one must hold.</param>
/// <param name="LimitTo">Checks only addresses of the incoming or outgoing interface; null for the whole node.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record AddressTypeMatch(PacketSide Side, AddressTypes Types, InterfaceDirection? LimitTo = null, bool Negated = false)
    : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>Kinds of addresses: bit n is RTN_n of linux/rtnetlink.h, as in linux/netfilter/xt_addrtype.h.</summary>
[Flags]
public enum AddressTypes : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Unspecified: 0.0.0.0.</summary>
    Unspec = 1 << 0,

    /// <summary>Reached through a gateway or a link.</summary>
    Unicast = 1 << 1,

    /// <summary>One of this node's own.</summary>
    Local = 1 << 2,

    /// <summary>A broadcast address.</summary>
    Broadcast = 1 << 3,

    /// <summary>An anycast address.</summary>
    Anycast = 1 << 4,

    /// <summary>A multicast address.</summary>
    Multicast = 1 << 5,

    /// <summary>Dropped by a route.</summary>
    Blackhole = 1 << 6,

    /// <summary>Unreachable by a route.</summary>
    Unreachable = 1 << 7,

    /// <summary>Prohibited by a route.</summary>
    Prohibit = 1 << 8,

    /// <summary>Lookup continues in another routing table (throw).</summary>
    Throw = 1 << 9,

    /// <summary>Translated by a route (no longer in the kernel).</summary>
    Nat = 1 << 10,

    /// <summary>Resolved by an external program.</summary>
    XResolve = 1 << 11,
}

/// <summary>A random choice for each packet, as the kernel makes it (xt_statistic): a 31-bit random number below the threshold.</summary>
/// <param name="Threshold">Of 2^31: 0 never, 2^31 always. The kernel's own number; 0.33333333349 is 715827883.</param>
/// <param name="Printed">The probability as the input shows it; listings of old versions round it ("0.14286").</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record StatisticRandomMatch(uint Threshold, string Printed, bool Negated = false) : NegatableMatch(Negated)
{
    /// <summary>The probability of the match, from 0 to 1, negation included.</summary>
    public double Probability
    {
        get
        {
            double probability = Math.Min(1, Threshold / 2147483648.0);
            return Negated ? 1 - probability : probability;
        }
    }

    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>Every nth packet (statistic --mode nth).</summary>
/// <param name="Every">n, from 1.</param>
/// <param name="Packet">The first that matches, from 0.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record StatisticNthMatch(uint Every, uint Packet, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The packet is in an ipset.</summary>
/// <param name="Set">The set's name; see <see cref="Ruleset.IpSets"/>.</param>
/// <param name="Sides">For each dimension of the set, the side the packet's value is taken from.</param>
/// <param name="Options">Further options as written (--packets-gt and the like); empty when there are none.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record IpSetMatch(string Set, EquatableArray<PacketSide> Sides, string Options = "", bool Negated = false)
    : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>A list of recently seen addresses (recent); kube-proxy's session affinity.</summary>
/// <param name="Mode">What is done with the list.</param>
/// <param name="List">The list's name; "DEFAULT" when none is given.</param>
/// <param name="Side">Whose address is kept.</param>
/// <param name="Seconds">Match only if the address was seen within this many seconds; null when not limited.</param>
/// <param name="HitCount">Match only if it was seen this often; null when not limited.</param>
/// <param name="Reap">True when older entries are removed.</param>
/// <param name="Ttl">True when the packet's TTL must be that of the entry (--rttl).</param>
/// <param name="Mask">The mask applied to the address; the default value for the whole address.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record RecentMatch(
    RecentMode Mode, string List, PacketSide Side, uint? Seconds, uint? HitCount, bool Reap, bool Ttl, InetAddress Mask,
        bool Negated = false)
    : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>What the recent match does, linux/netfilter/xt_recent.h.</summary>
public enum RecentMode : byte
{
    /// <summary>Adds the address or refreshes it; always matches.</summary>
    Set,

    /// <summary>Checks whether the address is in the list.</summary>
    Check,

    /// <summary>Checks, and refreshes the entry if present.</summary>
    Update,

    /// <summary>Checks, and removes the entry.</summary>
    Remove,
}

/// <summary>A limit on how often the rule may match: iptables' limit and nft's limit statement.</summary>
/// <param name="Rate">Packets (or bytes) per <paramref name="Per"/>.</param>
/// <param name="Per">The unit of time: a second, minute, hour, day or week.</param>
/// <param name="Burst">How many may match in a burst.</param>
/// <param name="IsOver">True when the rule matches above the limit ("limit rate over").</param>
/// <param name="IsBytes">True when bytes are counted.</param>
/// <param name="Name">The name of a limit object of nf_tables, or null; its rate is then unknown.</param>
public sealed record LimitMatch(ulong Rate, TimeSpan Per, uint Burst, bool IsOver = false, bool IsBytes = false,
    string? Name = null) : Match
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The type and code of an ICMP or ICMPv6 message (icmp, icmp6).</summary>
/// <param name="Protocol"><see cref="IpProtocol.Icmp"/> or <see cref="IpProtocol.IcmpV6"/>.</param>
/// <param name="Type">The type; 255 with ICMP means any.</param>
/// <param name="FirstCode">First code.</param>
/// <param name="LastCode">Last code, inclusive; 0 to 255 when only the type is given.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record IcmpMatch(IpProtocol Protocol, byte Type, byte FirstCode, byte LastCode,
    bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The local sender of a packet (owner); never holds for packets from elsewhere.</summary>
/// <param name="Kind">What is matched.</param>
/// <param name="First">First user or group id.</param>
/// <param name="Last">Last id, inclusive.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record OwnerMatch(OwnerKind Kind, uint First, uint Last, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The options of the owner match.</summary>
public enum OwnerKind : byte
{
    /// <summary>The user.</summary>
    User,

    /// <summary>The group.</summary>
    Group,

    /// <summary>Whether there is a socket.</summary>
    SocketExists,
}

/// <summary>TCP flags: (flags AND mask) = value. --syn is SYN of SYN,RST,ACK,FIN.</summary>
/// <param name="Mask">The flags that are compared.</param>
/// <param name="Value">Those that must be set.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record TcpFlagsMatch(TcpFlags Mask, TcpFlags Value, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The flags of a TCP segment, RFC 9293, bits of byte 13.</summary>
[Flags]
public enum TcpFlags : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>FIN.</summary>
    Fin = 0x01,

    /// <summary>SYN.</summary>
    Syn = 0x02,

    /// <summary>RST.</summary>
    Rst = 0x04,

    /// <summary>PSH.</summary>
    Psh = 0x08,

    /// <summary>ACK.</summary>
    Ack = 0x10,

    /// <summary>URG.</summary>
    Urg = 0x20,

    /// <summary>ECE.</summary>
    Ece = 0x40,

    /// <summary>CWR.</summary>
    Cwr = 0x80,
}

/// <summary>A TCP option is present (--tcp-option).</summary>
/// <param name="Option">The option's number.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record TcpOptionMatch(byte Option, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>A fragment other than the first (-f, IPv4).</summary>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record FragmentMatch(bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>Counts in an accounting object (nfacct); holds for every packet unless the object has a quota.</summary>
/// <param name="Name">The object's name.</param>
public sealed record AccountingMatch(string Name) : Match
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>An unmodelled match of iptables: whether it holds is unknown.</summary>
/// <param name="Name">The match's name.</param>
/// <param name="Text">As it was written, with its options.</param>
public sealed record UnmodelledMatch(string Name, string Text) : Match
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}
