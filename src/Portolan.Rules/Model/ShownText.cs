using System.Buffers;
using System.Globalization;
using System.Text;

namespace Portolan.Rules.Model;

/// <summary>
/// Text from clusters and files as it can be shown: what a terminal would act on, or what changes the order in which a reader sees the
/// letters around it, is shown and not sent.
/// </summary>
public static class ShownText
{
    // Besides the control characters: the marks, embeddings, overrides and isolates of the bidirectional algorithm (Unicode's UAX #9,
    // section 2), separators of lines, and characters without width, by which two names can look the same.
    private static readonly SearchValues<char> s_unsafe = SearchValues.Create(
    [
        .. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7f, 0x21)).Select(code => (char)code).Where(c => c != '\n'),
        '\u061c', '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e',
        '\u2060', '\u2066', '\u2067', '\u2068', '\u2069', '\ufeff',
    ]);

    /// <summary>The text with control characters shown as U+FFFD and others that mislead as "\u202e"; line feeds stay.</summary>
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
