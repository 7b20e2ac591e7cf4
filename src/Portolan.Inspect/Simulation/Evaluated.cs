using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// The value of an nf_tables expression for a packet: one constant, several with probabilities, none (the kernel leaves the rule), or
/// unknown.
/// </summary>
internal readonly struct Evaluated
{
    private Evaluated(Expression? single, IReadOnlyList<(Expression Value, double Probability)>? many, Condition? unknown) =>
        (Single, Many, UnknownCondition) = (single, many, unknown);

    internal Expression? Single { get; }

    /// <summary>Values by chance; the remainder to 1 is the chance that there is no value.</summary>
    internal IReadOnlyList<(Expression Value, double Probability)>? Many { get; }

    internal Condition? UnknownCondition { get; }

    internal bool IsAbsent => Single is null && Many is null && UnknownCondition is null;

    internal static Evaluated Absent => default;

    internal static Evaluated Of(Expression value) => new(value, null, null);

    internal static Evaluated Of(ulong value) => new(new NumberValue(value), null, null);

    internal static Evaluated Of(IReadOnlyList<(Expression Value, double Probability)> values) => values.Count switch
    {
        0 => Absent,
        1 when values[0].Probability >= 1 => Of(values[0].Value),
        _ => new(null, values, null),
    };

    internal static Evaluated Unknown(Fact fact) => new(null, null, new Condition(fact));

    internal static Evaluated Unknown(Condition condition) => new(null, null, condition);

    /// <summary>Applies a function that gives one value or none (null) to each value.</summary>
    internal Evaluated Select(Func<Expression, Evaluated> map)
    {
        if (Single is not null)
            return map(Single);
        if (Many is null)
            return this;
        var results = new Dictionary<Expression, double>();
        foreach ((Expression value, double probability) in Many)
        {
            Evaluated mapped = map(value);
            if (mapped.UnknownCondition is not null)
                return mapped;
            if (mapped.Single is not null)
                Add(results, mapped.Single, probability);
            foreach ((Expression inner, double share) in mapped.Many ?? [])
                Add(results, inner, probability * share);
        }
        return Of([.. results.Select(pair => (pair.Key, pair.Value))]);
    }

    private static void Add(Dictionary<Expression, double> results, Expression value, double probability) =>
        results[value] = results.GetValueOrDefault(value) + probability;
}
