using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Whether an unmodelled condition holds.</summary>
internal sealed record UnmodelledCondition(RuleRef Place, string Condition) : Fact
{
    internal override string Text => $"the match '{Condition}' is not modelled";
}

/// <summary>The value of an unmodelled expression.</summary>
internal sealed record UnmodelledValue(RuleRef Place, string Expression) : Fact
{
    internal override string Text => $"the expression '{Expression}' is not modelled";
}

/// <summary>A partly known value, looked up or compared.</summary>
/// <param name="Value">What is known of it.</param>
/// <param name="ComparedWith">A constant, or the index of a set.</param>
internal sealed record OpaqueValue(Expression Value, object ComparedWith) : Fact
{
    internal override string Text => "a value of the packet that the trace does not know";
}

/// <summary>A partly known value, in arithmetic.</summary>
internal sealed record OpaqueOperand(RuleRef Place) : Fact
{
    internal override string Text => "a value of the packet that the trace does not know";
}

/// <summary>Arithmetic on values that are not numbers.</summary>
internal sealed record ArithmeticResult(RuleRef Place) : Fact
{
    internal override string Text => "arithmetic on values that are not numbers";
}

/// <summary>A comparison of values that are not numbers.</summary>
internal sealed record ComparisonResult(RuleRef Place) : Fact
{
    internal override string Text => "a comparison of values that are not numbers";
}

/// <summary>A random number with very many values.</summary>
/// <param name="Place">The rule that draws it; null for a number drawn once per packet.</param>
internal sealed record WideRandom(RuleRef? Place) : Fact
{
    internal override string Text => "a random number with too many values to list";
}

/// <summary>A concatenation with very many values.</summary>
internal sealed record ManyCombinations(RuleRef Place) : Fact
{
    internal override string Text => "too many random values to list";
}

/// <summary>A hash over values whose bytes in the kernel are not modelled.</summary>
internal sealed record HashOfUnknownForm(RuleRef Place) : Fact
{
    internal override string Text => "a hash over values whose form in the kernel is not modelled";
}

/// <summary>What the routing table answers.</summary>
internal sealed record RouteLookup(FibExpression Lookup, InetAddress Address) : Fact
{
    internal override string Text => "the node's routes, which the input does not show";

    internal override string SettledBy => "the outputs of 'ip route' and 'ip rule' beside the rules";
}

/// <summary>Another fact, compared with a constant.</summary>
internal sealed record ComparedFact(Fact Value, RelationalOperator Operator, Expression With) : Fact
{
    internal override string Text => Value.Text;

    internal override string? SettledBy => Value.SettledBy;
}

/// <summary>The content of an nf_tables set that is not in the input.</summary>
internal sealed record MissingSet(Expression Set) : Fact
{
    internal override string Text => $"the set '{(Set as SetReference)?.Name}' is not in the input";

    internal override string SettledBy => "the whole output of 'nft list ruleset'";
}

/// <summary>The content of an nf_tables set that is cut off in the input.</summary>
internal sealed record CutSet(string Set) : Fact
{
    internal override string Text => $"the set '{Set}' is cut off in the input";

    internal override string SettledBy => "the whole output of 'nft list ruleset'";
}

/// <summary>What the packet's own rules wrote into a set.</summary>
internal sealed record WrittenElement(string Set, Expression Key) : Fact
{
    internal override string Text => $"what the packet's own rules wrote into the set '{Set}'";
}

/// <summary>Whether an ipset that is not in the input holds these values of the packet.</summary>
internal sealed record MissingIpSet(string Set, EquatableArray<PacketSide> Sides = default, InetAddress Source = default,
    InetAddress Destination = default) : Fact
{
    internal override string Text => $"the ipset '{Set}' is not in the input";

    internal override string SettledBy => "the output of 'ipset save' beside the rules";
}

/// <summary>Whether an ipset that is cut off in the input holds these values of the packet.</summary>
internal sealed record CutIpSet(string Set, EquatableArray<PacketSide> Sides, InetAddress Source, InetAddress Destination) : Fact
{
    internal override string Text => $"the ipset '{Set}' is cut off in the input";

    internal override string SettledBy => "the whole output of 'ipset save'";
}

/// <summary>A set match with options that are not modelled.</summary>
internal sealed record IpSetOptions(IpSetMatch Match) : Fact
{
    internal override string Text => $"the set match with '{Match.Options}' is not modelled";
}

/// <summary>A part of an ipset's entries that is not modelled.</summary>
internal sealed record UnmodelledIpSetPart(string Set, string Type, IpSetPart Part) : Fact
{
    internal override string Text => $"the ipset '{Set}' of type {Type} needs values that the trace does not model";
}

/// <summary>Which address of a range the kernel translates to.</summary>
internal sealed record AddressOfRange(RuleRef Place, InetAddress First, InetAddress Last) : Fact
{
    internal override string Text => $"which address between {First} and {Last} the kernel chooses";
}

/// <summary>An address of the other IP version to translate to, or a range that ends before it begins.</summary>
internal sealed record ImpossibleTarget(RuleRef Place) : Fact
{
    internal override string Text => "a translation that the kernel would refuse: to an address of the other IP version, or to a range "
        + "that ends before it begins";
}

/// <summary>A computed address to translate to.</summary>
internal sealed record ComputedAddress(RuleRef Place) : Fact
{
    internal override string Text => "an address that is computed in a way the trace does not model";
}

/// <summary>The address that a redirect goes to.</summary>
internal sealed record RedirectTarget(string? Interface) : Fact
{
    internal override string Text => "the address of the interface the packet came in on";
}
