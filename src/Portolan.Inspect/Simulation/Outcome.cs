using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>What happens to a traced packet.</summary>
public sealed class TraceResult
{
    /// <summary>The packet.</summary>
    public required PacketSpec Packet { get; init; }

    /// <summary>The possible ends, most likely first; probabilities add up to 1.</summary>
    public required ImmutableArray<Outcome> Outcomes { get; init; }

    /// <summary>What the answer assumes because the input does not show it: a table that is missing, interface columns left out.</summary>
    public required ImmutableArray<string> Caveats { get; init; }
}

/// <summary>How a packet's path ends.</summary>
public enum OutcomeVerdict : byte
{
    /// <summary>The packet leaves the node.</summary>
    Forward,

    /// <summary>The packet is delivered to this node.</summary>
    Local,

    /// <summary>The packet is discarded silently.</summary>
    Drop,

    /// <summary>The packet is discarded and the sender is notified.</summary>
    Reject,

    /// <summary>The input does not say; see <see cref="Outcome.Reason"/> and <see cref="Outcome.Candidates"/>.</summary>
    Unknown,
}

/// <summary>One end of a packet's path.</summary>
public sealed record Outcome
{
    /// <summary>How the path ends.</summary>
    public required OutcomeVerdict Verdict { get; init; }

    /// <summary>How likely this end is, above 0 up to 1.</summary>
    public required double Probability { get; init; }

    /// <summary>The destination at the end.</summary>
    public required InetAddress Destination { get; init; }

    /// <summary>The destination port at the end; null without ports or when it is not known.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>The source at the end; the default value when masquerading chooses an address that the input does not show.</summary>
    public InetAddress Source { get; init; }

    /// <summary>True when the destination was translated.</summary>
    public bool IsTranslated { get; init; }

    /// <summary>True when the source becomes an address of this node.</summary>
    public bool IsMasqueraded { get; init; }

    /// <summary>True when the source becomes another, by masquerading or by a rule that names it.</summary>
    public bool IsSourceTranslated { get; init; }

    /// <summary>The packet's mark at the end.</summary>
    public uint Mark { get; init; }

    /// <summary>
    /// Of a candidate: when the packet ends so, in words that follow "if"; several when any one is enough, none for an unconditional end.
    /// </summary>
    public ImmutableArray<string> When { get; init; } = [];

    /// <summary>
    /// Of a candidate: the choice of IPVS that leads to it, where nothing tells how often each is taken; it is in <see cref="When"/> as
    /// well. Null for others.
    /// </summary>
    public string? Choice { get; init; }

    /// <summary>What is not known and why, or what a reject sends to the client; null otherwise.</summary>
    public string? Reason { get; init; }

    /// <summary>The rules that the packet matched, in order, and the decisions between them.</summary>
    public ImmutableArray<PathStep> Path { get; init; } = [];

    /// <summary>
    /// For an unknown end: what it would be if the unknown condition were true or false. The probability of each is that under its
    /// own conditions; those of ends with different conditions do not add up.
    /// </summary>
    public ImmutableArray<Outcome> Candidates { get; init; } = [];

    /// <summary>
    /// For an unknown end: what one may add to the question so that it is known, options of trace or other inputs; empty when nothing
    /// would do.
    /// </summary>
    public ImmutableArray<string> SettledBy { get; init; } = [];

    /// <summary>
    /// The end as one of several among which IPVS chooses, each without a condition and with an unknown share; other ends as they are.
    /// </summary>
    internal Outcome AsChoice() => Choice is { } choice && When is [var only] && only == choice
        ? this with { When = [], Probability = double.NaN } : this;

    /// <summary>"10.244.2.50:80", or the address alone for protocols without ports.</summary>
    public string DestinationText =>
        DestinationPort is { } port ? new InetEndpoint(Destination, port).ToString() : Destination.ToString();
}

/// <summary>A rule in a ruleset.</summary>
/// <param name="Table">The table.</param>
/// <param name="Chain">The chain.</param>
/// <param name="Index">The rule's index in the chain, from 0.</param>
public sealed record RuleRef(RuleTable Table, Chain Chain, int Index)
{
    /// <summary>The rule.</summary>
    public Rule Rule => Chain.Rules[Index];

    /// <summary>"nat KUBE-SERVICES rule 3", with file and line when the rule was read from text.</summary>
    public override string ToString()
    {
        string place = $"{Table.Name} {Chain.Name} rule {Index + 1}";
        string source = Rule.Source.ToString();
        return source.Length == 0 ? place : $"{place} ({source})";
    }
}

/// <summary>A step of a packet's path.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Hook">At which hook.</param>
/// <param name="Place">The rule that matched; null for steps that no rule made.</param>
/// <param name="Table">The table, for a policy's decision.</param>
/// <param name="Chain">The chain, for a policy's decision.</param>
/// <param name="Text">What happened, for steps that no rule made; may be empty.</param>
/// <param name="Destination">The destination when the packet came here.</param>
/// <param name="DestinationPort">The destination port when the packet came here; null without ports.</param>
public sealed record PathStep(
    PathStepKind Kind, Hook Hook, RuleRef? Place, RuleTable? Table, Chain? Chain, string Text, InetAddress Destination,
        ushort? DestinationPort);

/// <summary>The kinds of steps.</summary>
public enum PathStepKind : byte
{
    /// <summary>The packet reached a hook.</summary>
    Hook,

    /// <summary>A rule matched.</summary>
    Rule,

    /// <summary>A chain's policy dropped the packet.</summary>
    Policy,

    /// <summary>The node decided where the packet goes.</summary>
    Route,

    /// <summary>IPVS took the packet.</summary>
    VirtualServer,
}
