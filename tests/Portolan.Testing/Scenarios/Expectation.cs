using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Testing.Scenarios;

/// <summary>What must happen to a packet.</summary>
public abstract record Expectation
{
    private protected Expectation()
    {
    }

    /// <summary>Number of different ends that a right packet can have.</summary>
    public virtual int Outcomes => 1;

    /// <summary>True when every listed destination has to be reached by some packet.</summary>
    public virtual bool WantsSpread => false;

    public sealed override string ToString() => Describe();

    protected abstract string Describe();
}

/// <summary>Refused by the rules with ICMP port unreachable, and never delivered.</summary>
public sealed record Refused : Expectation
{
    protected override string Describe() => "refused (ICMP port unreachable)";
}

/// <summary>Nothing comes out.</summary>
public sealed record Dropped : Expectation
{
    protected override string Describe() => "dropped silently";
}

/// <summary>Passes with its destination as it was, forwarded or delivered to the node.</summary>
/// <param name="Masquerade">What happens to the source: rewritten, kept, or null for no claim.</param>
public sealed record Direct(bool? Masquerade) : Expectation
{
    protected override string Describe() => "passes untouched" + Reaches.DescribeSource(Masquerade);
}

/// <summary>Delivered to the node's own stack with its destination as it was.</summary>
public sealed record DeliveredToNode : Expectation
{
    protected override string Describe() => "delivered to the node, untouched";
}

/// <summary>Reaches one of these endpoints.</summary>
/// <param name="Destinations">The endpoints.</param>
/// <param name="Masquerade">What happens to the source: rewritten to a node address, kept, or null for no claim.</param>
/// <param name="Spread">Each destination must be reached by some packet.</param>
/// <param name="Device">The side on which the packet must leave, or null for no claim; Node stands for neither.</param>
/// <param name="RandomPort">The source port must not be, for all packets, the one they were sent from.</param>
public sealed record Reaches(ImmutableArray<InetEndpoint> Destinations, bool? Masquerade, bool Spread, FlowOrigin? Device,
    bool RandomPort) : Expectation
{
    public override int Outcomes => Destinations.Length;

    public override bool WantsSpread => Spread;

    public bool Equals(Reaches? other) => other is not null && Masquerade == other.Masquerade && Spread == other.Spread
        && Device == other.Device && RandomPort == other.RandomPort && Destinations.AsSpan().SequenceEqual(other.Destinations.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Destinations.Length, Masquerade, Spread, Device, RandomPort);

    internal static string DescribeSource(bool? masquerade) => masquerade switch
    {
        true => ", source masqueraded",
        false => ", source kept",
        null => string.Empty,
    };

    protected override string Describe() =>
        $"reaches {(Spread ? "each of " : Destinations.Length > 1 ? "one of " : string.Empty)}{string.Join(' ', Destinations)}"
        + DescribeSource(Masquerade)
        + (RandomPort ? ", from a port of chance" : string.Empty)
        + Device switch { FlowOrigin.Pod => ", leaves on pod0", FlowOrigin.External => ", leaves on ext0", _ => string.Empty };
}

/// <summary>One of several, decided packet by packet.</summary>
public sealed record AnyOf(ImmutableArray<Expectation> Choices) : Expectation
{
    public override int Outcomes => Choices.Sum(static choice => choice.Outcomes);

    public bool Equals(AnyOf? other) => other is not null && Choices.AsSpan().SequenceEqual(other.Choices.AsSpan());

    public override int GetHashCode() => Choices.Length;

    protected override string Describe() => "either " + string.Join("; or ", Choices);
}
