using System.Text.Json;
using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>Reads the expressions of libnftables-json(5). Each method returns null when the object is not understood.</summary>
internal sealed class NftJsonExpressions(NftScope scope, TextPool pool)
{
    /// <summary>A value; <paramref name="types"/> are the types its constants have, one for each part.</summary>
    public Expression? Value(JsonElement json, EquatableArray<DataType> types)
    {
        DataType type = types.Length > 0 ? types[0] : DataType.Unknown;
        switch (json.ValueKind)
        {
            case JsonValueKind.String:
                string text = json.GetString()!;
                return text is ['@', _, ..] ? new SetReference(pool.Get(text.AsSpan(1)))
                    : NftSymbols.Constant(text, type) ?? new UnmodelledExpression(text);
            case JsonValueKind.Number:
                return type == DataType.Time ? NftSymbols.Constant(json.GetRawText(), type)
                    : json.TryGetUInt64(out ulong number) ? new NumberValue(number) : null;
            case JsonValueKind.True:
                return new NumberValue(1);
            case JsonValueKind.False:
                return new NumberValue(0);
            case JsonValueKind.Array:
                return Bits(json, types);
            case JsonValueKind.Object:
                foreach (JsonProperty property in json.EnumerateObject())
                    return Named(property.Name, property.Value, types);
                return null;
            default:
                return null;
        }
    }

    private Expression? Named(string name, JsonElement body, EquatableArray<DataType> types)
    {
        switch (name)
        {
            case "payload": return Selector(NftTypes.Field(body.Text("protocol"), body.Text("field")), null);
            case "meta": return Selector(NftTypes.Field("meta", body.Text("key")), null);
            case "ct": return Conntrack(body);
            case "fib": return Fib(body);
            case "rt": return Route(body);
            case "numgen":
                return body.Number("mod") is { } modulus && body.Text("mode") is "random" or "inc"
                    ? new NumgenExpression(body.Text("mode") == "random", body.Number("mod") ?? 1, body.Number("offset") ?? 0) : null;
            case "jhash":
                return body.Number("mod") is { } size && body.TryGetProperty("expr", out JsonElement operand) && Value(operand, default)
                    is { } hashed
                    ? new HashExpression(hashed, size, body.Number("seed"), body.Number("offset") ?? 0) : null;
            case "symhash":
                return body.Number("mod") is { } count ? new HashExpression(null, count, null, body.Number("offset") ?? 0) : null;
            case "concat": return Concat(body, types);
            case "prefix": return Prefix(body);
            case "range": return Range(body, types);
            case "map":
                return body.TryGetProperty("key", out JsonElement key) && body.TryGetProperty("data", out JsonElement data)
                    && Value(key, default) is { } looked && Map(data, scope.TypesOf(looked)) is { } map
                    ? new MapExpression(looked, map) : null;
            case "&": return Binary(BitwiseOperator.And, body, types);
            case "|": return Binary(BitwiseOperator.Or, body, types);
            case "^": return Binary(BitwiseOperator.Xor, body, types);
            case "<<": return Binary(BitwiseOperator.ShiftLeft, body, types);
            case ">>": return Binary(BitwiseOperator.ShiftRight, body, types);
            case "set": return Set(body, types, isMap: false);
            case "elem": return body.TryGetProperty("val", out JsonElement inner) ? Value(inner, types) : null;
            default: return null;
        }
    }

    private static SelectorExpression? Selector(PacketField? field, ConntrackDirection? direction) =>
        field is { } known ? new SelectorExpression(known, direction) : null;

    private SelectorExpression? Conntrack(JsonElement body)
    {
        ConntrackDirection? direction = body.Text("dir") switch
        {
            "original" => ConntrackDirection.Original,
            "reply" => ConntrackDirection.Reply,
            _ => null,
        };
        string? key = body.Text("key");
        if (key is "saddr" or "daddr")
            key = $"{(body.Text("family") == "ip6" || scope.Family == TableFamily.Ip6 ? "ip6" : "ip")} {key}";
        return Selector(NftTypes.Field("ct", key), direction);
    }

    private static FibExpression? Fib(JsonElement body)
    {
        if (!body.TryGetProperty("flags", out JsonElement flags) || NftExpressionParser.FibResultOf(body.Text("result")) is not { } result)
            return null;
        FibKeys keys = FibKeys.None;
        foreach (string flag in flags.Texts())
            keys |= NftExpressionParser.FibKey(flag) ?? FibKeys.None;
        return new(keys, result);
    }

    private SelectorExpression? Route(JsonElement body) => Selector(
        body.Text("key") switch
        {
            "nexthop" => body.Text("family") == "ip6" || scope.Family == TableFamily.Ip6
                ? PacketField.RouteNextHop6 : PacketField.RouteNextHop,
            var key => NftTypes.Field("rt", key),
        },
        null);

    private ConcatExpression? Concat(JsonElement parts, EquatableArray<DataType> types)
    {
        if (parts.ValueKind != JsonValueKind.Array)
            return null;
        var values = new List<Expression>();
        foreach (JsonElement part in parts.EnumerateArray())
        {
            if (Value(part, values.Count < types.Length ? [types[values.Count]] : default) is not { } value)
                return null;
            values.Add(value);
        }
        return new([.. values]);
    }

    private static PrefixValue? Prefix(JsonElement body) =>
        InetAddress.TryParse(body.Text("addr"), out InetAddress address) && body.Number("len") is { } length && length <= address.Length * 8
            ? new PrefixValue(InetPrefix.Of(address, (int)length)) : null;

    private RangeValue? Range(JsonElement body, EquatableArray<DataType> types) =>
        body.ValueKind == JsonValueKind.Array && body.GetArrayLength() == 2
            && Value(body[0], types) is { } first && Value(body[1], types) is { } last ? new(first, last) : null;

    private Expression? Binary(BitwiseOperator operation, JsonElement operands, EquatableArray<DataType> types)
    {
        if (operands.ValueKind != JsonValueKind.Array || operands.GetArrayLength() is < 2 or > NftExpressionParser.MostOperators
            || Value(operands[0], types) is not { } result)
            return null;
        EquatableArray<DataType> known = scope.TypesOf(result);
        foreach (JsonElement operand in operands.EnumerateArray().Skip(1))
        {
            if (Value(operand, known.IsEmpty ? types : known) is not { } right)
                return null;
            result = NftExpressionParser.Fold(operation, result, right);
        }
        return result;
    }

    /// <summary>A list of names of bits: all of them together.</summary>
    private Expression? Bits(JsonElement names, EquatableArray<DataType> types)
    {
        Expression? all = null;
        foreach (JsonElement name in names.EnumerateArray())
        {
            if (Value(name, types) is not NumberValue bit)
                return null;
            all = all is null ? bit : NftExpressionParser.Fold(BitwiseOperator.Or, all, bit);
        }
        return all;
    }

    /// <summary>The data of a map or vmap expression: "@name" or {"set": [[key, data], ...]}.</summary>
    public Expression? Map(JsonElement data, EquatableArray<DataType> keyTypes) =>
        data.ValueKind == JsonValueKind.Object && data.TryGetProperty("set", out JsonElement elements)
            ? Set(elements, keyTypes, isMap: true) : Value(data, keyTypes);

    private AnonymousSet? Set(JsonElement elements, EquatableArray<DataType> keyTypes, bool isMap)
    {
        var read = new List<SetElement>();
        if (elements.ValueKind != JsonValueKind.Array)
        {
            // A set of one element is written without the list.
            return Element(elements, keyTypes, isMap, default) is { } only ? new([only], isMap) : null;
        }
        foreach (JsonElement element in elements.EnumerateArray())
        {
            if (Element(element, keyTypes, isMap, default) is not { } known)
                return null;
            read.Add(known);
        }
        return new([.. read], isMap);
    }

    /// <summary>An element: a value, {"elem": {"val": ..., "comment": ...}}, or in a map a pair of one of these and the data.</summary>
    public SetElement? Element(JsonElement json, EquatableArray<DataType> keyTypes, bool isMap, EquatableArray<DataType> dataTypes)
    {
        JsonElement key = json;
        Expression? data = null;
        if (isMap)
        {
            if (json.ValueKind != JsonValueKind.Array || json.GetArrayLength() != 2)
                return null;
            key = json[0];
            data = Verdict(json[1]) is { } verdict ? new VerdictValue(verdict) : Value(json[1], dataTypes);
            if (data is null)
                return null;
        }
        string? comment = null;
        TimeSpan? timeout = null, expires = null;
        if (key.ValueKind == JsonValueKind.Object && key.TryGetProperty("elem", out JsonElement element)
            && element.TryGetProperty("val", out JsonElement inner))
        {
            comment = element.Text("comment") is { } text ? pool.Get(text) : null;
            timeout = element.Seconds("timeout");
            expires = element.Seconds("expires");
            key = inner;
        }
        return Value(key, keyTypes) is { } value ? new SetElement(value, data, comment, timeout, expires) : null;
    }

    /// <summary>{"accept": null}, {"goto": {"target": "chain"}}; null when the object is not a verdict.</summary>
    public Verdict? Verdict(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return null;
        foreach (JsonProperty property in json.EnumerateObject())
        {
            switch (property.Name)
            {
                case "accept": return Rules.Model.Verdict.Accept;
                case "drop": return Rules.Model.Verdict.Drop;
                case "return": return Rules.Model.Verdict.Return;
                case "continue": return Rules.Model.Verdict.Continue;
                case "jump" or "goto":
                    return property.Value.Text("target") is { } chain
                        ? new Verdict(property.Name == "jump" ? VerdictKind.Jump : VerdictKind.Goto, pool.Get(chain)) : null;
                default: return null;
            }
        }
        return null;
    }

    /// <summary>The type of a set: one name, a list of names, "a . b", or {"typeof": expression}.</summary>
    public EquatableArray<DataType> Types(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Object && json.TryGetProperty("typeof", out JsonElement expression))
            return Value(expression, default) is { } value && scope.TypesOf(value) is { IsEmpty: false } known ? known : [DataType.Unknown];
        var types = new List<DataType>();
        foreach (string text in json.Texts())
        {
            foreach (Range part in text.AsSpan().Split(" . "))
                types.Add(NftTypes.Type(text.AsSpan()[part]));
        }
        return types.Count == 0 ? [DataType.Unknown] : [.. types];
    }
}
