using System.Globalization;
using System.Text;

namespace Portolan.Sources.Objects;

/// <summary>Makes untrusted text safe for messages.</summary>
internal static class Text
{
    private const int Longest = 120;

    /// <summary>
    /// The text with control characters escaped and its middle cut when it is long, so that a name can neither forge a line of the log nor
    /// flood it.
    /// </summary>
    public static string Printable(string text)
    {
        if (text.Length <= Longest && !text.Any(IsUnprintable))
            return text;
        var safe = new StringBuilder();
        foreach (char c in text.Length <= Longest ? text : $"{text[..80]}...{text[^20..]}")
        {
            if (IsUnprintable(c))
                safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                safe.Append(c);
        }
        return safe.ToString();
    }

    // Format characters can reverse the reading direction of a line; lone surrogates break the encoder behind the log.
    private static bool IsUnprintable(char c) =>
        char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format || c is '\u2028' or '\u2029';
}
