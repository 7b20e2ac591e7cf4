namespace Portolan.Inspect.Simulation;

/// <summary>Whether a condition holds for a packet: yes, no, by chance, or unknown from the input.</summary>
/// <param name="Kind">Which of the four.</param>
/// <param name="Probability">How likely the condition is to hold, for <see cref="AnswerKind.Random"/>.</param>
/// <param name="Condition">What would have to be known, for <see cref="AnswerKind.Unknown"/>.</param>
internal readonly record struct Answer(AnswerKind Kind, double Probability, Condition? Condition)
{
    internal static Answer Yes => new(AnswerKind.Yes, 1, null);

    internal static Answer No => new(AnswerKind.No, 0, null);

    internal static Answer Of(bool holds) => holds ? Yes : No;

    internal static Answer Chance(double probability) =>
        probability <= 0 ? No : probability >= 1 ? Yes : new(AnswerKind.Random, probability, null);

    internal static Answer Unknown(Fact fact) => new(AnswerKind.Unknown, 0, new Condition(fact));

    /// <summary>The answer to the opposite question, if <paramref name="negated"/>.</summary>
    internal Answer NegateIf(bool negated) => !negated ? this : Kind switch
    {
        AnswerKind.Yes => No,
        AnswerKind.No => Yes,
        AnswerKind.Random => new(AnswerKind.Random, 1 - Probability, null),
        _ => this with { Condition = Condition! with { IsNegated = !Condition.IsNegated } },
    };
}

internal enum AnswerKind : byte
{
    No,
    Yes,
    Random,
    Unknown,
}

/// <summary>A condition that depends on a fact that the input does not show.</summary>
/// <param name="Fact">The fact.</param>
/// <param name="IsNegated">True when the rule matches if the fact is false.</param>
internal sealed record Condition(Fact Fact, bool IsNegated = false)
{
    /// <inheritdoc cref="Fact.Text"/>
    internal string Text => Fact.Text;
}
