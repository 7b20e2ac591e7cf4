namespace Portolan.Inspect.Simulation;

/// <summary>Whether a condition holds for a packet: yes, no, by chance, or not to be known from the input.</summary>
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

    internal static Answer Unknown(string key, string text) => new(AnswerKind.Unknown, 0, new Condition(key, text));

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

/// <summary>A fact that the input does not tell. Two questions with the same key have the same answer for one packet.</summary>
/// <param name="Key">What is asked, the packet's values included.</param>
/// <param name="Text">What is asked, in words that follow "unknown: ".</param>
/// <param name="IsNegated">True when the rule matches if the fact is false.</param>
internal sealed record Condition(string Key, string Text, bool IsNegated = false);
