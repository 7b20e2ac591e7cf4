using System.Buffers;
using System.Globalization;
using System.Text;

namespace Portolan.Rules.Model;

/// <summary>
/// Makes text from clusters and files safe to show: characters that a terminal would act on, or that reorder the letters around
/// them, are shown as visible text.
/// </summary>
public static class ShownText
{
    // Besides the control characters: the marks, embeddings, overrides and isolates of the bidirectional algorithm (Unicode's UAX #9,
    // section 2), line separators, and zero-width characters, which can make two names look the same.
    private static readonly SearchValues<char> s_unsafe = SearchValues.Create(
    [
        .. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7f, 0x21)).Select(code => (char)code).Where(c => c != '\n'),
        '\u061c', '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e',
        '\u2060', '\u2066', '\u2067', '\u2068', '\u2069', '\ufeff',
    ]);

    /// <summary>The text with control characters shown as U+FFFD and other misleading ones as "\u202e"; line feeds stay.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.AsSpan().ContainsAny(s_unsafe))
            return text;
        var shown = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (!s_unsafe.Contains(c))
                shown.Append(c);
            else if (char.IsControl(c))
                shown.Append('\ufffd');
            else
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }
        return shown.ToString();
    }
}
