using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>The context of a table's rules: its family and its sets.</summary>
internal sealed class NftScope(TableFamily family)
{
    private readonly Dictionary<string, NamedSet> _sets = new(StringComparer.Ordinal);

    public TableFamily Family { get; } = family;

    public void Add(NamedSet set) => _sets.TryAdd(set.Name, set);

    public NamedSet? Find(string name) => _sets.GetValueOrDefault(name);

    /// <summary>The types of a value, one for each part of a concatenation; empty when they are not known.</summary>
    public EquatableArray<DataType> TypesOf(Expression expression) => expression switch
    {
        SelectorExpression selector => [NftTypes.TypeOf(selector.Field)],
        ConcatExpression concat => [.. concat.Parts.Select(part => TypesOf(part) is [var type, ..] ? type : DataType.Unknown)],
        BitwiseExpression bitwise => TypesOf(bitwise.Left),
        FibExpression { Result: FibResult.Type } => [DataType.AddressType],
        FibExpression { Result: FibResult.OutInterfaceName } => [DataType.InterfaceName],
        FibExpression { Result: FibResult.OutInterfaceIndex } => [DataType.InterfaceIndex],
        FibExpression => [DataType.Boolean],
        NumgenExpression or HashExpression => [DataType.Integer],
        MapExpression { Map: SetReference map } => Find(map.Name)?.DataTypes ?? default,
        _ => default,
    };

    /// <summary>How many parts a map's key has; 1 when it is not known.</summary>
    public int KeyLengthOf(Expression map) => map switch
    {
        SetReference reference => Find(reference.Name)?.KeyTypes.Length ?? 0,
        AnonymousSet { Elements: [var first, ..] } => first.Key is ConcatExpression concat ? concat.Parts.Length : 1,
        _ => 0,
    };
}
