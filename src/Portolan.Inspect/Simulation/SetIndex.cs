using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Lookups in one nf_tables set or map: single values by hash, prefixes and ranges one by one.</summary>
internal sealed class SetIndex
{
    private readonly Dictionary<Expression, SetElement> _exact = [];
    private readonly List<SetElement> _ranges = [];
    private readonly SetElement? _catchAll;
    private readonly Condition? _incomplete;

    internal SetIndex(IEnumerable<SetElement> elements, Condition? incomplete)
    {
        _incomplete = incomplete;
        foreach (SetElement element in elements)
        {
            if (element.Key is CatchAllValue)
                _catchAll = element;
            else if (IsSingle(element.Key))
                _exact.TryAdd(element.Key, element);
            else
                _ranges.Add(element);
        }
    }

    /// <summary>The element that holds the value, or null; the condition says why it is unknown.</summary>
    internal SetElement? Find(Expression value, out Condition? unknown)
    {
        unknown = null;
        if (ValueComparer.IsOpaque(value))
            return FindOpaque(value, out unknown);
        if (_exact.TryGetValue(value, out SetElement? element))
            return element;
        foreach (SetElement range in _ranges)
        {
            if (ValueComparer.Holds(range.Key, value))
                return range;
        }
        if (_catchAll is null)
            unknown = _incomplete;
        return _catchAll;
    }

    /// <summary>A partly known value: no element can hold it, or unknown.</summary>
    private SetElement? FindOpaque(Expression value, out Condition? unknown)
    {
        bool mayBeThere = _exact.Values.Concat(_ranges).Any(candidate => ValueComparer.Holds(candidate.Key, value));
        unknown = mayBeThere
            ? new Condition(new OpaqueValue(value, this))
            : _catchAll is null ? _incomplete : null;
        return mayBeThere ? null : _catchAll;
    }

    private static bool IsSingle(Expression key)
    {
        if (key is not ConcatExpression concat)
            return key is AddressValue or NumberValue or NameValue { IsPrefix: false };
        foreach (Expression part in concat.Parts)
        {
            if (!IsSingle(part))
                return false;
        }
        return true;
    }
}

/// <summary>Compares constants of nf_tables rules with values of a packet.</summary>
internal static class ValueComparer
{
    /// <summary>
    /// Whether a constant, prefix, range or concatenation of such holds the value. An opaque part of the value matches anything.
    /// </summary>
    internal static bool Holds(Expression pattern, Expression value)
    {
        if (value is UnmodelledExpression || pattern is CatchAllValue)
            return true;
        switch (pattern)
        {
            case ConcatExpression concat:
                if (value is not ConcatExpression values || values.Parts.Length != concat.Parts.Length)
                    return false;
                for (int index = 0; index < concat.Parts.Length; index++)
                {
                    if (!Holds(concat.Parts[index], values.Parts[index]))
                        return false;
                }
                return true;
            case PrefixValue prefix:
                return value is AddressValue address && prefix.Prefix.Contains(address.Address);
            case RangeValue range:
                return TryNumber(range.First, out UInt128 first) && TryNumber(range.Last, out UInt128 last)
                    && TryNumber(value, out UInt128 number)
                    && number >= first && number <= last;
            case NameValue name:
                return value is NameValue text
                    && (name.IsPrefix ? text.Text.StartsWith(name.Text, StringComparison.Ordinal) : text.Text == name.Text);
            default:
                return pattern.Equals(value)
                    || (TryNumber(pattern, out UInt128 left) && TryNumber(value, out UInt128 right) && left == right);
        }
    }

    internal static bool IsOpaque(Expression value)
    {
        if (value is not ConcatExpression concat)
            return value is UnmodelledExpression;
        foreach (Expression part in concat.Parts)
        {
            if (part is UnmodelledExpression)
                return true;
        }
        return false;
    }

    internal static bool TryNumber(Expression value, out UInt128 number)
    {
        number = value switch
        {
            NumberValue plain => plain.Value,
            AddressValue address => address.Address.ToNumber(),
            _ => 0,
        };
        return value is NumberValue or AddressValue;
    }

    /// <summary>A number as a model value: an address when the original was one.</summary>
    internal static Expression Like(Expression original, UInt128 number) => original is AddressValue address
        ? new AddressValue(address.Address.Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)number) : InetAddress.FromIPv6(number))
        : new NumberValue((ulong)number);
}
