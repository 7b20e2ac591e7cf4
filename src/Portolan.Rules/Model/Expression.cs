using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>A value of an nf_tables rule: taken from the packet, constant, or computed.</summary>
public abstract record Expression;

/// <summary>nft: compares a value of the packet with another.</summary>
/// <param name="Left">The value of the packet.</param>
/// <param name="Operator">How it is compared.</param>
/// <param name="Right">
/// A constant, prefix or range; for <see cref="RelationalOperator.Equal"/> and <see cref="RelationalOperator.NotEqual"/> also a
/// <see cref="SetReference"/> or <see cref="AnonymousSet"/>, which tests whether the set holds the value.
/// </param>
public sealed record RelationalMatch(Expression Left, RelationalOperator Operator, Expression Right) : Match
{
    /// <inheritdoc/>
    public override TResult Accept<TContext, TResult>(IMatchVisitor<TContext, TResult> visitor, in TContext context) =>
        visitor.Visit(this, context);
}

/// <summary>How nft compares.</summary>
public enum RelationalOperator : byte
{
    /// <summary>Equal, in the range or prefix, or in the set.</summary>
    Equal,

    /// <summary>Not equal, outside the range or prefix, or not in the set.</summary>
    NotEqual,

    /// <summary>Less.</summary>
    Less,

    /// <summary>Less or equal.</summary>
    LessOrEqual,

    /// <summary>Greater.</summary>
    Greater,

    /// <summary>Greater or equal.</summary>
    GreaterOrEqual,

    /// <summary>At least one bit of the right value is set in the left one: "ct state new,established", "ct status dnat".</summary>
    AnyBit,

    /// <summary>No bit of the right value is set in the left one: "ct status ! dnat".</summary>
    NoBit,
}

/// <summary>A field of the packet, its metadata or its connection.</summary>
/// <param name="Field">The field.</param>
/// <param name="Direction">For fields of the connection's tuple: which direction's; null otherwise.</param>
public sealed record SelectorExpression(PacketField Field, ConntrackDirection? Direction = null) : Expression;

/// <summary>Values side by side, as one key: "ip daddr . meta l4proto . th dport".</summary>
/// <param name="Parts">The values in order.</param>
public sealed record ConcatExpression(EquatableArray<Expression> Parts) : Expression;

/// <summary>Arithmetic on bits.</summary>
/// <param name="Operator">The operation.</param>
/// <param name="Left">The left operand.</param>
/// <param name="Right">The right operand.</param>
public sealed record BitwiseExpression(BitwiseOperator Operator, Expression Left, Expression Right) : Expression;

/// <summary>The operations on bits.</summary>
public enum BitwiseOperator : byte
{
    /// <summary>And.</summary>
    And,

    /// <summary>Or.</summary>
    Or,

    /// <summary>Exclusive or.</summary>
    Xor,

    /// <summary>Shift to higher bits.</summary>
    ShiftLeft,

    /// <summary>Shift to lower bits.</summary>
    ShiftRight,
}

/// <summary>The data of a map's element. Without an element the rule does not match.</summary>
/// <param name="Key">What is looked up.</param>
/// <param name="Map">A <see cref="SetReference"/> or an <see cref="AnonymousSet"/> that is a map.</param>
public sealed record MapExpression(Expression Key, Expression Map) : Expression;

/// <summary>A lookup in the routing table (nft "fib").</summary>
/// <param name="Keys">What is looked up.</param>
/// <param name="Result">What is returned.</param>
public sealed record FibExpression(FibKeys Keys, FibResult Result) : Expression;

/// <summary>What a fib expression looks up, NFTA_FIB_F_* of linux/netfilter/nf_tables.h.</summary>
[Flags]
public enum FibKeys : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The source address.</summary>
    SourceAddress = 1,

    /// <summary>The destination address.</summary>
    DestinationAddress = 2,

    /// <summary>The mark takes part.</summary>
    Mark = 4,

    /// <summary>Only by the incoming interface.</summary>
    InInterface = 8,

    /// <summary>Only by the outgoing interface.</summary>
    OutInterface = 16,
}

/// <summary>What a fib expression returns.</summary>
public enum FibResult : byte
{
    /// <summary>The kind of address: a number of RTN_* (local is 2); see <see cref="AddressTypes"/>.</summary>
    Type,

    /// <summary>The output interface's index; 0 without a route.</summary>
    OutInterfaceIndex,

    /// <summary>The output interface's name.</summary>
    OutInterfaceName,

    /// <summary>Whether there is a route: 1 or 0 ("exists", "missing").</summary>
    Present,
}

/// <summary>A number from a generator (nft "numgen").</summary>
/// <param name="IsRandom">True for random, false for incremental.</param>
/// <param name="Modulus">The number is below this.</param>
/// <param name="Offset">Added to it.</param>
public sealed record NumgenExpression(bool IsRandom, uint Modulus, uint Offset = 0) : Expression;

/// <summary>A hash (nft "jhash", "symhash").</summary>
/// <param name="Operand">What is hashed; null for symhash, which hashes the connection.</param>
/// <param name="Modulus">The number is below this.</param>
/// <param name="Seed">The seed; null when the kernel chose one.</param>
/// <param name="Offset">Added to it.</param>
public sealed record HashExpression(Expression? Operand, uint Modulus, uint? Seed, uint Offset = 0) : Expression;

/// <summary>
/// A number: ports, protocols, marks, states, types, times in milliseconds, MAC addresses ... in host byte order, even if
/// written as a name. Bits of one field are combined with or.
/// </summary>
/// <param name="Value">The number.</param>
public sealed record NumberValue(ulong Value) : Expression;

/// <summary>An address.</summary>
/// <param name="Address">The address.</param>
public sealed record AddressValue(InetAddress Address) : Expression;

/// <summary>All addresses with a prefix.</summary>
/// <param name="Prefix">The prefix.</param>
public sealed record PrefixValue(InetPrefix Prefix) : Expression;

/// <summary>From one value to another.</summary>
/// <param name="First">The first value.</param>
/// <param name="Last">The last value, inclusive.</param>
public sealed record RangeValue(Expression First, Expression Last) : Expression;

/// <summary>A name: of an interface, a conntrack helper, and the like.</summary>
/// <param name="Text">The name, or its beginning.</param>
/// <param name="IsPrefix">True for "eth*": all names with this prefix.</param>
public sealed record NameValue(string Text, bool IsPrefix = false) : Expression;

/// <summary>The catch-all element "*" of a set or map: matches what no other element matches.</summary>
public sealed record CatchAllValue : Expression;

/// <summary>A verdict as the data of a map's element.</summary>
/// <param name="Verdict">The verdict.</param>
public sealed record VerdictValue(Verdict Verdict) : Expression;

/// <summary>A named set or map of the same table.</summary>
/// <param name="Name">The name, without "@".</param>
public sealed record SetReference(string Name) : Expression;

/// <summary>A set or map written in the rule.</summary>
/// <param name="Elements">The elements in the order of the input.</param>
/// <param name="IsMap">True when the elements have data.</param>
public sealed record AnonymousSet(EquatableArray<SetElement> Elements, bool IsMap) : Expression;

/// <summary>An unmodelled expression: its value is unknown.</summary>
/// <param name="Text">As it was written.</param>
public sealed record UnmodelledExpression(string Text) : Expression;
