using System.Text.Json;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>Reads the output of "nft -j list ruleset", libnftables-json(5).</summary>
internal sealed class NftJsonReader(ReadContext context) : ISectionReader
{
    private readonly Dictionary<(TableFamily, string), OpenTable> _tables = [];
    private LineCounter _lines = new(context.Source, 0, 1);

    /// <summary>A table with the objects its rules can refer to.</summary>
    private sealed record OpenTable(TableBuilder Table, NftScope Scope, NftJsonStatements Statements);

    public bool Take(LineCursor line)
    {
        if (!JsonText.BeginsWith(context.Source, line, '{', "\"nftables\""u8))
            return false;
        _lines = new LineCounter(context.Source, line.Offset, line.Number);
        bool complete = JsonText.ReadObjects(context, line, "nftables"u8, TakeObject);
        context.SawEmptyRuleset |= complete && _tables.Count == 0;
        foreach (OpenTable open in _tables.Values)
        {
            if (!complete)
            {
                open.Table.IsExcerpt = true;
                open.Table.Chains.ForEach(chain => chain.MarkGap());
            }
            IptablesNft.Recognise(open.Table, context.Problems);
            open.Table.Finish(context.Problems);
            context.Tables.Add(open.Table);
        }
        _tables.Clear();
        return true;
    }

    public void End()
    {
    }

    private void TakeObject(JsonElement item, int offset, int length)
    {
        foreach (JsonProperty property in item.EnumerateObject())
        {
            SourceSpan source = _lines.Span(offset, length);
            JsonElement body = property.Value;
            switch (property.Name)
            {
                case "table": TakeTable(body, source); break;
                case "chain": TakeChain(body, source); break;
                case "set" or "map": TakeSet(body, property.Name == "map", source); break;
                case "rule": TakeRule(body, source); break;
            }
        }
    }

    private OpenTable? TableOf(JsonElement body, string key, SourceSpan source)
    {
        string? name = body.Text(key);
        if (name is null || NftTypes.Family(body.Text("family")) is not { } family)
        {
            context.Problems.Partial(source.Line, $"an object without family or table was left out: {ProblemLog.Quote(body.GetRawText())}");
            return null;
        }
        if (!_tables.TryGetValue((family, name), out OpenTable? open))
        {
            var table = new TableBuilder(family, context.Pool.Get(name), RuleBackend.Nftables, RuleFormat.NftJson, source);
            var scope = new NftScope(family);
            open = new(table, scope, new NftJsonStatements(scope, context.Pool));
            _tables.Add((family, name), open);
        }
        return open;
    }

    private void TakeTable(JsonElement body, SourceSpan source)
    {
        if (TableOf(body, "name", source) is not { } open)
            return;
        open.Table.Comment = body.Text("comment");
        if (!body.TryGetProperty("flags", out JsonElement flags) || flags.GetRawText().Contains("owner", StringComparison.Ordinal))
            return;
        open.Table.IsDormant = true;
        if (!flags.GetRawText().Contains("dormant", StringComparison.Ordinal))
        {
            // nft 1.0.6 writes the table's name where the flag's should be.
            context.Problems.Note(
                source.Line,
                    $"table {ProblemLog.Quote(open.Table.Name)} has a flag that this version of nft does not name; assumed to be dormant");
        }
    }

    private void TakeChain(JsonElement body, SourceSpan source)
    {
        if (TableOf(body, "table", source) is not { } open || body.Text("name") is not { } name)
            return;
        ChainBuilder chain = open.Table.Reference(name, context.Pool, source.Line);
        open.Table.Declare(chain, source);
        chain.Comment = body.Text("comment");
        if (NftTypes.ChainType(body.Text("type")) is not { } type || NftTypes.Hook(body.Text("hook")) is not { } hook)
            return;
        int priority = body.TryGetProperty("prio", out JsonElement prio) && prio.ValueKind == JsonValueKind.Number
            && prio.TryGetInt32(out int number)
            ? number : 0;
        string[] devices = body.TryGetProperty("dev", out JsonElement dev) ? [.. dev.Texts()] : [];
        chain.Base = new(type, hook, priority, body.Text("policy") == "drop" ? VerdictKind.Drop : VerdictKind.Accept, [.. devices]);
    }

    private void TakeSet(JsonElement body, bool isMap, SourceSpan source)
    {
        if (TableOf(body, "table", source) is not { } open || body.Text("name") is not { } name)
            return;
        var set = new NftSetBuilder(context.Pool.Get(name), isMap, source) { Comment = body.Text("comment") };
        if (body.TryGetProperty("type", out JsonElement type))
            set.KeyTypes = open.Statements.Expressions.Types(type);
        if (body.TryGetProperty("map", out JsonElement map))
            set.DataTypes = open.Statements.Expressions.Types(map);
        if (body.TryGetProperty("flags", out JsonElement flags))
        {
            foreach (string flag in flags.Texts())
                set.Flags |= NftSetBuilder.Flag(flag);
        }
        set.Timeout = body.Seconds("timeout");
        set.Size = body.Number("size");
        if (body.TryGetProperty("elem", out JsonElement elements) && elements.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement element in elements.EnumerateArray())
            {
                if (open.Statements.Expressions.Element(element, set.KeyTypes, isMap, set.DataTypes) is { } read)
                {
                    set.Elements.Add(read);
                    continue;
                }
                context.Problems.Partial(
                    source.Line, $"set {ProblemLog.Quote(name)}: element {ProblemLog.Quote(element.GetRawText())} was not understood");
                set.IsIncomplete = true;
            }
        }
        NamedSet built = set.Build();
        open.Table.Sets.Add(built);
        open.Scope.Add(built);
    }

    private void TakeRule(JsonElement body, SourceSpan source)
    {
        if (TableOf(body, "table", source) is not { } open || body.Text("chain") is not { } name)
            return;
        ChainBuilder chain = open.Table.Reference(name, context.Pool, source.Line);
        Rule rule = open.Statements.Rule(body, source, out string? trouble);
        if (trouble is not null)
            context.Problems.Partial(source.Line, $"in a rule of chain {ProblemLog.Quote(name)}: {trouble}; it is kept as unknown");
        foreach (Statement statement in rule.Statements)
        {
            if (statement is VerdictStatement { Verdict.Chain: { } target })
                open.Table.Reference(target, context.Pool, source.Line);
        }
        chain.Rules.Add(rule);
    }
}
