using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>The state of the packet's connection (conntrack --ctstate, state --state).</summary>
/// <param name="States">The states; one must hold.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record ConntrackStateMatch(ConntrackStates States, bool Negated = false) : NegatableMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>
/// States of a connection as rules name them. The first five have the bits of nft's "ct state" (NF_CT_STATE_BIT of
/// linux/netfilter/nf_conntrack_common.h); SNAT and DNAT are iptables' virtual states.
/// </summary>
[Flags]
public enum ConntrackStates : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Belongs to no connection and cannot begin one.</summary>
    Invalid = 0x01,

    /// <summary>Belongs to a connection that was seen in both directions.</summary>
    Established = 0x02,

    /// <summary>Begins a connection that another one announced, or is an ICMP error of one.</summary>
    Related = 0x04,

    /// <summary>Begins a connection, or belongs to one without a reply yet.</summary>
    New = 0x08,

    /// <summary>Is not tracked.</summary>
    Untracked = 0x40,

    /// <summary>iptables: the source was translated.</summary>
    Snat = 0x100,

    /// <summary>iptables: the destination was translated.</summary>
    Dnat = 0x200,
}

/// <summary>A condition of iptables' conntrack match on the connection, other than its state.</summary>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public abstract record ConntrackMatch(bool Negated) : NegatableMatch(Negated)
{
    /// <summary>
    /// True when the same "-m conntrack" matches the state as well. The kernel then evaluates no other condition for a packet without a
    /// connection (net/netfilter/xt_conntrack.c).
    /// </summary>
    public bool IsCombinedWithState { get; init; }
}

/// <summary>The status bits of the packet's connection (conntrack --ctstatus).</summary>
/// <param name="Statuses">The bits; one must be set. With none ("NONE") the match never holds.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record ConntrackStatusMatch(ConntrackStatuses Statuses, bool Negated = false) : ConntrackMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>Status bits of a connection, IPS_* of linux/netfilter/nf_conntrack_common.h.</summary>
[Flags]
public enum ConntrackStatuses : uint
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>An expected connection.</summary>
    Expected = 1 << 0,

    /// <summary>A reply was seen.</summary>
    SeenReply = 1 << 1,

    /// <summary>It will not be dropped early.</summary>
    Assured = 1 << 2,

    /// <summary>Its first packet left or was delivered.</summary>
    Confirmed = 1 << 3,

    /// <summary>Its source is translated.</summary>
    Snat = 1 << 4,

    /// <summary>Its destination is translated.</summary>
    Dnat = 1 << 5,

    /// <summary>Whether to translate its source has been decided.</summary>
    SnatDone = 1 << 7,

    /// <summary>Whether to translate its destination has been decided.</summary>
    DnatDone = 1 << 8,
}

/// <summary>An address of the connection (conntrack --ctorigsrc, --ctorigdst, --ctreplsrc, --ctrepldst).</summary>
/// <param name="Direction">Of the original or the reply direction.</param>
/// <param name="Side">Source or destination.</param>
/// <param name="Prefix">The addresses.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record ConntrackAddressMatch(ConntrackDirection Direction, PacketSide Side, InetPrefix Prefix, bool Negated = false)
    : ConntrackMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>A port of the connection (conntrack --ctorigdstport and the like).</summary>
/// <param name="Direction">Of the original or the reply direction.</param>
/// <param name="Side">Source or destination.</param>
/// <param name="Ports">The ports.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record ConntrackPortMatch(ConntrackDirection Direction, PacketSide Side, PortRange Ports, bool Negated = false)
    : ConntrackMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The protocol of the connection (conntrack --ctproto).</summary>
/// <param name="Protocol">The protocol.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record ConntrackProtocolMatch(IpProtocol Protocol, bool Negated = false) : ConntrackMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The direction of the packet in its connection (conntrack --ctdir).</summary>
/// <param name="Direction">The direction.</param>
public sealed record ConntrackDirectionMatch(ConntrackDirection Direction) : Match
{
    /// <inheritdoc cref="ConntrackMatch.IsCombinedWithState"/>
    public bool IsCombinedWithState { get; init; }

    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>The direction of a packet in its connection, linux/netfilter/nf_conntrack_tuple_common.h.</summary>
public enum ConntrackDirection : byte
{
    /// <summary>The direction of the first packet.</summary>
    Original,

    /// <summary>The opposite direction.</summary>
    Reply,
}

/// <summary>The remaining lifetime of the connection's entry (conntrack --ctexpire).</summary>
/// <param name="FirstSeconds">From, in seconds.</param>
/// <param name="LastSeconds">To, inclusive.</param>
/// <param name="Negated"><inheritdoc cref="NegatableMatch" path="/param[@name='Negated']"/></param>
public sealed record ConntrackExpireMatch(uint FirstSeconds, uint LastSeconds, bool Negated = false) : ConntrackMatch(Negated)
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}
