namespace Portolan.Chart;

/// <summary>Breaks lines at words to a width; the parts that follow are indented more than the first.</summary>
internal static class HangingLines
{
    // "  cause: ", " 12. ": after such a label, further lines are indented to the text that follows it.
    private const int LongestLabel = 12;

    /// <summary>The line in pieces of at most so many characters; words longer than that are cut.</summary>
    internal static IEnumerable<string> Of(string text, int width)
    {
        if (text.Length <= width)
        {
            yield return text;
            yield break;
        }
        int hang = Math.Min(HangOf(text), width / 2);
        int start = 0;
        while (start < text.Length)
        {
            int indent = start == 0 ? 0 : hang;
            int room = width - indent;
            int end = text.Length;
            if (end - start > room)
            {
                int space = text.LastIndexOf(' ', start + room, room);
                // A line's own indentation is no place to break it.
                end = space > start && !string.IsNullOrWhiteSpace(text[start..space]) ? space : start + room;
            }
            yield return string.Concat(new string(' ', indent), text.AsSpan(start, end - start).TrimEnd());
            start = end;
            while (start < text.Length && text[start] == ' ')
                start++;
        }
    }

    private static int HangOf(string text)
    {
        int indent = text.Length - text.TrimStart(' ').Length;
        string rest = text[indent..];
        int colon = rest.IndexOf(": ", StringComparison.Ordinal), dot = rest.IndexOf(". ", StringComparison.Ordinal);
        int label = colon is > 0 and < LongestLabel && !rest[..colon].Contains(' ', StringComparison.Ordinal) ? colon
            : dot is > 0 and < 4 && rest[..dot].All(char.IsAsciiDigit) ? dot : -1;
        if (label < 0)
            return indent + 4;
        int begin = label + 1;
        while (begin < rest.Length && rest[begin] == ' ')
            begin++;
        return indent + begin;
    }
}
