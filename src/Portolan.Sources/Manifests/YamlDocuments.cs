using System.Buffers;
using System.Globalization;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Portolan.Sources.Manifests;

/// <summary>
/// Turns the documents of a YAML stream into JSON, one at a time, so that YAML and JSON share one mapping of fields. Follows what kubectl
/// accepts: YAML 1.2 scalars, anchors, aliases and merge keys; keys must be scalars and may not come twice. Nesting and the nodes that
/// aliases unfold to are limited: a file of a few lines must not become gigabytes.
/// </summary>
internal sealed class YamlDocuments(TextReader text)
{
    private const int DeepestNesting = 60;
    private const int MostAliasedNodes = 100_000;

    private readonly Parser _parser = new(text);
    private readonly List<ParsingEvent> _tape = [];
    private readonly Dictionary<AnchorName, (int Start, int End)> _anchors = [];
    private int _openAnchors;
    private int _aliasedNodes;

    /// <summary>The next document's JSON; null at the end of the stream.</summary>
    /// <exception cref="YamlException">The YAML is broken or breaks a limit; the exception has line and column.</exception>
    public ReadOnlyMemory<byte>? Next()
    {
        while (_parser.MoveNext())
        {
            if (_parser.Current is not DocumentStart)
                continue;
            _tape.Clear();
            _anchors.Clear();
            _aliasedNodes = 0;
            var json = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { MaxDepth = DeepestNesting + 2 }))
                WriteNode(ReadEvent(), fromTape: null, writer, depth: 0);
            return json.WrittenMemory;
        }
        return null;
    }

    private ParsingEvent ReadEvent()
    {
        if (!_parser.MoveNext() || _parser.Current is not { } current)
            throw new YamlException("the document ends in the middle");
        if (_openAnchors > 0)
            _tape.Add(current);
        return current;
    }

    private ParsingEvent Next(Tape? tape) => tape is null ? ReadEvent() : tape.Next();

    private void WriteNode(ParsingEvent node, Tape? fromTape, Utf8JsonWriter writer, int depth)
    {
        if (depth > DeepestNesting)
            throw new YamlException(node.Start, node.End, $"nested deeper than {DeepestNesting} levels");
        if (fromTape is not null && ++_aliasedNodes > MostAliasedNodes)
            throw new YamlException(node.Start, node.End, $"its aliases unfold to more than {MostAliasedNodes} nodes");
        AnchorName anchor = fromTape is null && node is NodeEvent { Anchor.IsEmpty: false } anchored ? anchored.Anchor : AnchorName.Empty;
        int start = 0;
        if (!anchor.IsEmpty)
        {
            // An outer anchor has this event on the tape already.
            if (_openAnchors++ == 0)
                _tape.Add(node);
            start = _tape.Count - 1;
        }
        switch (node)
        {
            case AnchorAlias alias:
                Tape tape = TapeOf(alias);
                WriteNode(tape.Next(), tape, writer, depth);
                break;
            case Scalar scalar:
                WriteScalar(scalar, writer);
                break;
            case SequenceStart:
                writer.WriteStartArray();
                for (ParsingEvent element = Next(fromTape); element is not SequenceEnd; element = Next(fromTape))
                    WriteNode(element, fromTape, writer, depth + 1);
                writer.WriteEndArray();
                break;
            case MappingStart:
                writer.WriteStartObject();
                WritePairs(fromTape, writer, depth, []);
                writer.WriteEndObject();
                break;
            default:
                throw new YamlException(node.Start, node.End, "the document ends in the middle");
        }
        if (!anchor.IsEmpty)
        {
            _anchors[anchor] = (start, _tape.Count);
            _openAnchors--;
        }
    }

    // In taken, true means a name of the mapping itself and false one merged into it, which the mapping may still override.
    private void WritePairs(Tape? fromTape, Utf8JsonWriter writer, int depth, Dictionary<string, bool> taken)
    {
        for (ParsingEvent key = Next(fromTape); key is not MappingEnd; key = Next(fromTape))
        {
            if (key is AnchorAlias alias)
                key = TapeOf(alias).Next();
            if (key is not Scalar name)
                throw new YamlException(key.Start, key.End, "a key must be a single word or text");
            if (name is { Value: "<<", Style: ScalarStyle.Plain })
            {
                WriteMerged(Next(fromTape), fromTape, writer, depth, taken);
                continue;
            }
            if (taken.GetValueOrDefault(name.Value))
                throw new YamlException(key.Start, key.End, $"the key '{Objects.Text.Printable(name.Value)}' comes twice");
            taken[name.Value] = true;
            writer.WritePropertyName(name.Value);
            WriteNode(Next(fromTape), fromTape, writer, depth + 1);
        }
    }

    /// <summary>
    /// A merge key adds the other mapping's pairs that are not set here. Pairs that are set further down come later in the JSON, and the
    /// later of two equal names counts.
    /// </summary>
    private void WriteMerged(ParsingEvent source, Tape? fromTape, Utf8JsonWriter writer, int depth, Dictionary<string, bool> taken)
    {
        switch (source)
        {
            case AnchorAlias alias:
                Tape tape = TapeOf(alias);
                if (tape.Next() is not MappingStart)
                    throw new YamlException(source.Start, source.End, "a merge key takes a mapping");
                WriteMergedPairs(tape, writer, depth, taken);
                break;
            case SequenceStart:
                for (ParsingEvent element = Next(fromTape); element is not SequenceEnd; element = Next(fromTape))
                    WriteMerged(element, fromTape, writer, depth, taken);
                break;
            default:
                throw new YamlException(source.Start, source.End, "a merge key takes an alias or a list of aliases");
        }
    }

    private void WriteMergedPairs(Tape tape, Utf8JsonWriter writer, int depth, Dictionary<string, bool> taken)
    {
        for (ParsingEvent key = tape.Next(); key is not MappingEnd; key = tape.Next())
        {
            if (key is not Scalar name)
                throw new YamlException(key.Start, key.End, "a key must be a single word or text");
            if (name is { Value: "<<", Style: ScalarStyle.Plain })
            {
                WriteMerged(tape.Next(), tape, writer, depth, taken);
            }
            else if (!taken.TryAdd(name.Value, false))
            {
                tape.SkipNode();
            }
            else
            {
                writer.WritePropertyName(name.Value);
                WriteNode(tape.Next(), tape, writer, depth + 1);
            }
        }
    }

    private Tape TapeOf(AnchorAlias alias)
    {
        if (++_aliasedNodes > MostAliasedNodes)
            throw new YamlException(alias.Start, alias.End, $"its aliases unfold to more than {MostAliasedNodes} nodes");
        // An anchor still open is not known yet, so that no node can hold itself.
        return _anchors.TryGetValue(alias.Value, out (int Start, int End) range)
            ? new Tape(_tape, range.Start)
            : throw new YamlException(alias.Start, alias.End,
                $"the alias '{Objects.Text.Printable(alias.Value.Value)}' has no anchor before it");
    }

    private static void WriteScalar(Scalar scalar, Utf8JsonWriter writer)
    {
        string text = scalar.Value;
        bool isText = scalar.Style != ScalarStyle.Plain || (!scalar.Tag.IsEmpty && scalar.Tag.Value == "tag:yaml.org,2002:str");
        if (isText)
            writer.WriteStringValue(text);
        else if (text is "" or "~" or "null" or "Null" or "NULL")
            writer.WriteNullValue();
        else if (text is "true" or "True" or "TRUE")
            writer.WriteBooleanValue(true);
        else if (text is "false" or "False" or "FALSE")
            writer.WriteBooleanValue(false);
        else if (TryInteger(text, out long integer))
            writer.WriteNumberValue(integer);
        else if (TryFloat(text, out double number))
            writer.WriteNumberValue(number);
        else
            writer.WriteStringValue(text);
    }

    private static bool TryInteger(string text, out long number)
    {
        if (text.StartsWith("0x", StringComparison.Ordinal))
            return long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
        // 010 is 8 to YAML 1.1 and 10 to YAML 1.2: left as text, so that the reader asks instead of guessing.
        number = 0;
        ReadOnlySpan<char> digits = text.AsSpan().TrimStart("+-");
        return !(digits.Length > 1 && digits[0] == '0')
            && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
    }

    private static bool TryFloat(string text, out double number)
    {
        number = 0;
        return text.AsSpan().ContainsAnyInRange('0', '9') && !text.StartsWith('0')
            && double.TryParse(text, NumberStyles.Float & ~NumberStyles.AllowLeadingWhite & ~NumberStyles.AllowTrailingWhite,
                CultureInfo.InvariantCulture, out number)
            && double.IsFinite(number);
    }

    /// <summary>The events of an anchored node, to be gone through once more.</summary>
    private sealed class Tape(List<ParsingEvent> events, int position)
    {
        public ParsingEvent Next() => events[position++];

        public void SkipNode()
        {
            int depth = 0;
            do
                depth += events[position++].NestingIncrease;
            while (depth > 0);
        }
    }
}
