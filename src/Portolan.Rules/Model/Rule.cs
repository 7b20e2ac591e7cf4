namespace Portolan.Rules.Model;

/// <summary>
/// A rule: statements in order. Each match must hold for the next statement to be evaluated; in an iptables rule the matches come first
/// and the target, if there is one, last.
/// </summary>
public sealed class Rule
{
    /// <summary>
    /// The statements in order. Comments and anonymous counters are not among them (see <see cref="Comment"/>, <see cref="Counters"/>):
    /// they have no effect.
    /// </summary>
    public required EquatableArray<Statement> Statements { get; init; }

    /// <summary>The rule's comment, or null. In Kubernetes rules it comes from the cluster: untrusted.</summary>
    public string? Comment { get; init; }

    /// <summary>What the rule counted; null when it has no counter or the input does not show it.</summary>
    public Counters? Counters { get; init; }

    /// <summary>What the input does not show of this rule.</summary>
    public RuleGaps Gaps { get; init; }

    /// <summary>The kernel's handle of an nf_tables rule, 0 when unknown.</summary>
    public ulong Handle { get; init; }

    /// <summary>Where the rule was read, and its original text.</summary>
    public SourceSpan Source { get; init; }

    /// <summary>The last statement if it is a target, verdict or other action, else null.</summary>
    public Statement? Target => Statements.IsEmpty || Statements[^1] is Match ? null : Statements[^1];
}

/// <summary>The parts of a rule that the input does not show.</summary>
[Flags]
public enum RuleGaps : byte
{
    /// <summary>The rule is complete.</summary>
    None = 0,

    /// <summary>The listing has no interface columns: whether the rule is limited to an interface is not known.</summary>
    Interfaces = 1,

    /// <summary>The rule's text is cut off: it may have more matches, and its target may differ.</summary>
    Tail = 2,
}
