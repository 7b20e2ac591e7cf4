using System.Collections.Immutable;

namespace Portolan.Inspect.Answers;

/// <summary>The answer of <c>services --counters</c>: what the kernel counted at each frontend.</summary>
public sealed record CountersAnswer
{
    /// <summary>The frontends, by service; empty when the proxy does not count.</summary>
    public required ImmutableArray<CounterAnswer> Counters { get; init; }
}
