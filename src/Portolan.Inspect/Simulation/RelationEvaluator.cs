using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Decides nft's comparisons for a packet.</summary>
internal sealed class RelationEvaluator(ExpressionEvaluator expressions)
{
    internal Answer Evaluate(RelationalMatch match, PacketState state, RuleRef place)
    {
        if (WideRandom(match) is { } chance)
            return chance;
        Evaluated left = expressions.Evaluate(match.Left, state, place);
        if (left.UnknownCondition is { } unknown)
        {
            // Whether an address is local is one fact however it is matched, so that two rules about it agree.
            if (match is
                {
                    Left: FibExpression, Operator: RelationalOperator.Equal or RelationalOperator.NotEqual,
                    Right: NumberValue { Value: 2 }
                })
                return new Answer(AnswerKind.Unknown, 0, unknown).NegateIf(match.Operator == RelationalOperator.NotEqual);
            return new Answer(AnswerKind.Unknown, 0, unknown with { Fact = new ComparedFact(unknown.Fact, match.Operator, match.Right) });
        }
        if (left.IsAbsent)
            return Answer.No;
        if (left.Single is { } single)
            return Compare(single, match, state, place);
        double probability = 0;
        foreach ((Expression value, double share) in left.Many!)
        {
            Answer one = Compare(value, match, state, place);
            if (one.Kind == AnswerKind.Unknown)
                return one;
            probability += one.Kind == AnswerKind.No ? 0 : share * one.Probability;
        }
        return Answer.Chance(probability > 1 - 1e-12 ? 1 : probability);
    }

    private Answer Compare(Expression value, RelationalMatch match, PacketState state, RuleRef place)
    {
        bool negated = match.Operator == RelationalOperator.NotEqual;
        if (match.Right is SetReference or AnonymousSet)
        {
            if (expressions.Sets.Open(match.Right, place) is not { } set)
                return new Answer(AnswerKind.Unknown, 0, SetLookup.Missing(match.Right)).NegateIf(negated);
            bool found = set.Find(value, state, out Condition? unknown) is not null;
            return (unknown is null ? Answer.Of(found) : new Answer(AnswerKind.Unknown, 0, unknown)).NegateIf(negated);
        }
        Evaluated right = match.Right is PrefixValue or RangeValue or ConcatExpression
            ? Evaluated.Of(match.Right) : expressions.Evaluate(match.Right, state, place);
        if (right.UnknownCondition is { } condition)
            return new Answer(AnswerKind.Unknown, 0, condition);
        if (right.Single is not { } pattern)
            return Answer.No;
        if (ValueComparer.IsOpaque(value) && ValueComparer.Holds(pattern, value))
            return Answer.Unknown(new OpaqueValue(value, match.Right)).NegateIf(negated);
        if (match.Operator is RelationalOperator.Equal or RelationalOperator.NotEqual)
            return Answer.Of(ValueComparer.Holds(pattern, value)).NegateIf(negated);
        if (!ValueComparer.TryNumber(value, out UInt128 a) || !ValueComparer.TryNumber(pattern, out UInt128 b))
            return Answer.Unknown(new ComparisonResult(place));
        return Answer.Of(match.Operator switch
        {
            RelationalOperator.Less => a < b,
            RelationalOperator.LessOrEqual => a <= b,
            RelationalOperator.Greater => a > b,
            RelationalOperator.GreaterOrEqual => a >= b,
            RelationalOperator.AnyBit => (a & b) != 0,
            _ => (a & b) == 0,
        });
    }

    /// <summary>A comparison of a random number of many values with a constant: its probability by counting, not by enumerating.</summary>
    private static Answer? WideRandom(RelationalMatch match)
    {
        (double size, double offset) = match.Left switch
        {
            NumgenExpression { Modulus: > 1 } numgen => (numgen.Modulus, numgen.Offset),
            SelectorExpression { Field: PacketField.MetaRandom } => (4294967296.0, 0),
            _ => (0.0, 0.0),
        };
        if (size == 0)
            return null;
        double from, to;
        switch (match.Right)
        {
            case NumberValue number:
                (from, to) = match.Operator switch
                {
                    RelationalOperator.Equal or RelationalOperator.NotEqual => ((double)number.Value, number.Value + 1.0),
                    RelationalOperator.Less => (0, number.Value),
                    RelationalOperator.LessOrEqual => (0, number.Value + 1.0),
                    RelationalOperator.Greater => (number.Value + 1.0, double.MaxValue),
                    RelationalOperator.GreaterOrEqual => (number.Value, double.MaxValue),
                    _ => (-1, -1),
                };
                break;
            case RangeValue { First: NumberValue first, Last: NumberValue last }
                when match.Operator is RelationalOperator.Equal or RelationalOperator.NotEqual:
                (from, to) = (first.Value, last.Value + 1.0);
                break;
            default:
                return null;
        }
        if (from < 0)
            return null;
        double count = Math.Max(0, Math.Min(to, offset + size) - Math.Max(from, offset));
        return Answer.Chance(count / size).NegateIf(match.Operator == RelationalOperator.NotEqual);
    }
}
