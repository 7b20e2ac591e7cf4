using System.Text.Json;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>Reads the statements of a rule of libnftables-json(5).</summary>
internal sealed class NftJsonStatements(NftScope scope, TextPool pool)
{
    private readonly NftRuleParser _text = new(new NftExpressionParser(scope, pool));
    private Counters? _counters;

    public NftJsonExpressions Expressions { get; } = new(scope, pool);

    /// <summary>Reads the rule; statements that are not understood become unmodelled, and <paramref name="trouble"/> says which.</summary>
    public Rule Rule(JsonElement body, SourceSpan source, out string? trouble)
    {
        trouble = null;
        _counters = null;
        var statements = new List<Statement>();
        if (body.TryGetProperty("expr", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement json in list.EnumerateArray())
            {
                if (!TryRead(json, statements))
                {
                    string text = json.GetRawText();
                    string name = json.ValueKind == JsonValueKind.Object ? json.EnumerateObject().First().Name : "statement";
                    statements.Add(new UnmodelledStatement(name, text));
                    trouble ??= $"{ProblemLog.Quote(text)} was not understood";
                }
            }
        }
        return new Rule
        {
            Statements = [.. statements],
            Comment = body.Text("comment") is { } comment ? pool.Get(comment) : null,
            Counters = _counters,
            Handle = body.TryGetProperty("handle", out JsonElement handle) && handle.ValueKind == JsonValueKind.Number
                && handle.TryGetUInt64(out ulong number) ? number : 0,
            Source = source,
        };
    }

    private bool TryRead(JsonElement json, List<Statement> statements)
    {
        // nft writes statements without a JSON form as rule text.
        if (json.ValueKind == JsonValueKind.String)
        {
            if (_text.ParseOne(json.GetString()) is not { } parsed)
                return false;
            statements.Add(parsed);
            return true;
        }
        if (json.ValueKind != JsonValueKind.Object)
            return false;
        if (Expressions.Verdict(json) is { } verdict)
        {
            statements.Add(new VerdictStatement(verdict));
            return true;
        }
        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (property.Name == "counter" && property.Value.ValueKind != JsonValueKind.String)
            {
                _counters = Counted(property.Value);
                return true;
            }
            if (Named(property.Name, property.Value) is not { } statement)
                return false;
            if (property.Name == "reject" && property.Value.ValueKind == JsonValueKind.Object
                && NftImplied.OfReject(property.Value.Text("type"), scope.Family) is { } implied)
                statements.Add(implied);
            statements.Add(statement);
            return true;
        }
        return true;
    }

    private static Counters? Counted(JsonElement body) => body.ValueKind == JsonValueKind.Object
        && body.TryGetProperty("packets", out JsonElement packets) && body.TryGetProperty("bytes", out JsonElement bytes)
        && packets.ValueKind == JsonValueKind.Number && bytes.ValueKind == JsonValueKind.Number
        && packets.TryGetUInt64(out ulong packetCount) && bytes.TryGetUInt64(out ulong byteCount)
            ? new Counters(packetCount, byteCount) : null;

    private Statement? Named(string name, JsonElement body) => name switch
    {
        "match" => Match(body),
        "vmap" => VerdictMap(body),
        "mangle" => Mangle(body),
        "counter" => new NamedCounterStatement(pool.Get(body.GetString())),
        "limit" => Limit(body),
        "log" => new LogStatement(body.Text("prefix") ?? string.Empty, (ushort?)body.Number("group")),
        "reject" => Reject(body),
        "dnat" => Nat(NatKind.Destination, body),
        "snat" => Nat(NatKind.Source, body),
        "masquerade" => Nat(NatKind.Masquerade, body),
        "redirect" => Nat(NatKind.Redirect, body),
        "notrack" => new NotrackStatement(),
        "queue" => new VerdictStatement(new Verdict(VerdictKind.Queue)),
        "set" or "map" => SetUpdate(name, body),
        "xt" => body.Text("name") is { } extension
            ? new UnmodelledStatement(
                extension, $"xt {body.Text("type")} {extension}",
                    body.Text("type") == "target" && Iptables.Names.PassesOn(extension)) : null,
        _ => null,
    };

    private RelationalMatch? Match(JsonElement body)
    {
        if (!body.TryGetProperty("left", out JsonElement leftJson) || !body.TryGetProperty("right", out JsonElement rightJson)
            || Expressions.Value(leftJson, default) is not { } left)
            return null;
        RelationalOperator? operation = body.Text("op") switch
        {
            "in" => RelationalOperator.AnyBit,
            { } text => NftRuleParser.Operator(text),
            null => RelationalOperator.Equal,
        };
        EquatableArray<DataType> types = scope.TypesOf(left);
        if (left is FibExpression { Result: FibResult.OutInterfaceIndex } fib && rightJson.ValueKind is JsonValueKind.True
            or JsonValueKind.False)
            left = fib with { Result = FibResult.Present };
        if (types is [DataType.Mark] && operation is { } compared && rightJson.ValueKind == JsonValueKind.Object
            && rightJson.TryGetProperty("prefix", out JsonElement prefix) && prefix.Number("addr") is { } number && prefix.Number("len")
                is { } length and <= 32)
            return NftExpressionParser.LeadingBits(left, compared, number, (uint)length);
        if (operation is not { } known || Expressions.Value(rightJson, types) is not { } right)
            return null;
        // "in" with a set asks for membership, and also for values that are not bits.
        if (known == RelationalOperator.AnyBit
            && (right is SetReference or AnonymousSet || types is not [var type] || !NftTypes.IsBits(type)))
            known = RelationalOperator.Equal;
        return new(left, known, right);
    }

    private VerdictMapStatement? VerdictMap(JsonElement body) =>
        body.TryGetProperty("key", out JsonElement keyJson) && body.TryGetProperty("data", out JsonElement data)
            && Expressions.Value(keyJson, default) is { } key && Expressions.Map(data, scope.TypesOf(key)) is { } map
            ? new(key, map) : null;

    private Statement? Mangle(JsonElement body)
    {
        if (!body.TryGetProperty("key", out JsonElement key) || !body.TryGetProperty("value", out JsonElement valueJson))
            return null;
        if (key.ValueKind == JsonValueKind.Object && key.TryGetProperty("tcp option", out _))
            return new UnmodelledStatement("tcp option", body.GetRawText(), PassesOn: true);
        if (Expressions.Value(key, default) is not SelectorExpression target
            || Expressions.Value(valueJson, scope.TypesOf(target)) is not { } value)
            return null;
        return target.Field == PacketField.MetaTrace && value is NumberValue(1) ? new TraceStatement() : new AssignStatement(target, value);
    }

    private static LimitMatch? Limit(JsonElement body)
    {
        if (body.ValueKind == JsonValueKind.String)
            return new(0, TimeSpan.FromSeconds(1), 0, Name: body.GetString());
        if (body.Number("rate") is not { } rate || NftRuleParser.PerUnit(body.Text("per")) is not { } per)
            return null;
        ulong unit = NftRuleParser.ByteUnit(body.Text("rate_unit"));
        ulong burstUnit = Math.Max(NftRuleParser.ByteUnit(body.Text("burst_unit")), 1);
        uint burst = body.Number("burst") ?? (unit == 0 ? 5u : 0u);
        bool over = body.TryGetProperty("inv", out JsonElement inverted) && inverted.ValueKind == JsonValueKind.True;
        return new(rate * Math.Max(unit, 1), per, (uint)Math.Min(burst * burstUnit, uint.MaxValue), over, unit > 0);
    }

    private static RejectStatement? Reject(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object || body.Text("type") is not { } type)
            return new(RejectWith.PortUnreachable);
        if (type == "tcp reset")
            return new(RejectWith.TcpReset);
        string? code = body.TryGetProperty("expr", out JsonElement expression) && expression.ValueKind == JsonValueKind.Number
            ? expression.GetRawText() : body.Text("expr");
        return NftSymbols.Reject(type, code) is { } with ? new(with) : null;
    }

    private NatStatement? Nat(NatKind kind, JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
            return kind is NatKind.Masquerade or NatKind.Redirect ? new(kind, null) : null;
        var flags = NatFlags.None;
        if (body.TryGetProperty("flags", out JsonElement words))
        {
            foreach (string word in words.Texts())
                flags |= NftNatParser.Flag(word);
        }
        if (body.TryGetProperty("type_flags", out JsonElement typeFlags) && typeFlags.Texts().Contains("prefix"))
            flags |= NatFlags.Prefix;
        Expression? address = null, port = null;
        if (body.TryGetProperty("addr", out JsonElement addressJson) && (address = Expressions.Value(addressJson, default)) is null)
            return null;
        if (body.TryGetProperty("port", out JsonElement portJson) && (port = Expressions.Value(portJson, [DataType.InetService])) is null)
            return null;
        if (address is null && port is null)
            return kind is NatKind.Masquerade or NatKind.Redirect ? new(kind, null, flags) : null;
        return NftNatParser.Constant(address, port) is { } range ? new(kind, range, flags) : new(kind, null, flags, address, port);
    }

    private SetUpdateStatement? SetUpdate(string name, JsonElement body)
    {
        if (body.Text(name) is not ['@', ..] reference || !body.TryGetProperty("elem", out JsonElement element))
            return null;
        SetOperation? operation = body.Text("op") switch
        {
            "add" => SetOperation.Add,
            "update" => SetOperation.Update,
            "delete" => SetOperation.Delete,
            _ => null,
        };
        string setName = pool.Get(reference.AsSpan(1));
        NamedSet? set = scope.Find(setName);
        TimeSpan? timeout = null;
        if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty("elem", out JsonElement inner)
            && inner.TryGetProperty("val", out JsonElement value))
        {
            timeout = inner.Seconds("timeout");
            element = value;
        }
        if (operation is not { } known || Expressions.Value(element, set?.KeyTypes ?? default) is not { } key)
            return null;
        Expression? data = null;
        if (body.TryGetProperty("data", out JsonElement dataJson)
            && (data = Expressions.Value(dataJson, set?.DataTypes ?? default)) is null)
            return null;
        var statements = new List<Statement>();
        if (body.TryGetProperty("stmt", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement statement in list.EnumerateArray())
            {
                if (statement.ValueKind == JsonValueKind.Object && statement.TryGetProperty("limit", out JsonElement limit) && Limit(limit)
                    is { } read)
                    statements.Add(read);
            }
        }
        return new(known, setName, key, data, timeout, [.. statements]);
    }
}
