using System.Text;
using System.Text.Json;
using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Reading;

/// <summary>JSON embedded in other text.</summary>
internal static class JsonText
{
    internal delegate void TakeItem(JsonElement item, int offset, int length);

    /// <summary>True when the line begins with the bracket and the key follows soon.</summary>
    public static bool BeginsWith(SourceText source, LineCursor line, char bracket, ReadOnlySpan<byte> key)
    {
        if (line.Line.TrimStart() is not [var first, ..] || first != bracket)
            return false;
        ReadOnlySpan<byte> rest = source.Bytes[line.Offset..];
        return rest[..Math.Min(rest.Length, 256)].IndexOf(key) >= 0;
    }

    /// <summary>
    /// Reads the array that begins at the current line (with a key: the key's value), item by item, and moves past it.
    /// False when the text is broken; the items before are used.
    /// </summary>
    public static bool ReadObjects(ReadContext context, LineCursor line, ReadOnlySpan<byte> key, TakeItem take)
    {
        int start = line.Offset;
        var reader = new Utf8JsonReader(context.Source.Bytes[start..],
            new JsonReaderOptions { MaxDepth = 128, AllowMultipleValues = true });
        int taken = 0;
        var lines = new LineCounter(context.Source, start, line.Number);
        try
        {
            if (key.Length > 0)
            {
                reader.Read();
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName && !reader.ValueTextEquals(key))
                    reader.Skip();
            }
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartArray)
                throw new JsonException("no array follows");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                int offset = start + (int)reader.TokenStartIndex;
                using JsonDocument item = JsonDocument.ParseValue(ref reader);
                taken++;
                try
                {
                    take(item.RootElement, offset, start + (int)reader.BytesConsumed - offset);
                }
                catch (InvalidOperationException)
                {
                    // A value has an unexpected type (a number where an object should be): only this item is lost.
                    SourceSpan at = lines.Span(offset, 0);
                    context.Problems.Partial(at.Line,
                        $"{ProblemLog.Quote(item.RootElement.GetRawText())} was not understood and is left out");
                }
            }
            if (key.Length > 0)
                reader.Read();
            line.SkipTo(start + (int)reader.BytesConsumed);
            return true;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            int at = start + (int)reader.BytesConsumed;
            SourceSpan where = lines.Span(at, 0);
            int column = at - context.Source.Bytes[..at].LastIndexOf((byte)'\n');
            context.Problems.Partial(where.Line, $"the JSON is broken or cut off here; the {taken} objects before are used", column);
            line.SkipTo(context.Source.Bytes.Length);
            return false;
        }
    }

    /// <summary>A text property; null when it is missing or something else.</summary>
    public static string? Text(this JsonElement body, string key) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString() : null;

    /// <summary>A number property that fits 32 bits; null when it is missing or something else.</summary>
    public static uint? Number(this JsonElement body, string key) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetUInt32(out uint number) ? number : null;

    /// <summary>A text, or the texts of an array.</summary>
    public static IEnumerable<string> Texts(this JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
            return [value.GetString()!];
        return value.ValueKind != JsonValueKind.Array ? []
            : value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!);
    }

    /// <summary>A property that holds seconds.</summary>
    public static TimeSpan? Seconds(this JsonElement body, string key) =>
        body.Number(key) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
}
