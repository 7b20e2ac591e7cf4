using System.Globalization;
using System.Text;

namespace Portolan.Sources.Configuration;

/// <summary>Text as YAML and JSON both read it.</summary>
internal static class YamlText
{
    /// <summary>Without quotes where every reader takes it for text, else with them.</summary>
    public static string Scalar(string text)
    {
        bool isPlain = text.Length > 0 && text.All(char.IsAsciiLetterOrDigit)
            && (char.IsAsciiLetter(text[0]) || GoDuration.TryParse(text, out _))
            && text is not ("0" or "true" or "false" or "null" or "y" or "n" or "yes" or "no" or "on" or "off");
        return isPlain ? text : Quoted(text);
    }

    /// <summary>In double quotes, what must not stand there escaped.</summary>
    public static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"", text.Length + 2);
        foreach (char c in text)
        {
            if (c is '"' or '\\')
                quoted.Append('\\').Append(c);
            else if (char.IsControl(c) || char.IsSurrogate(c))
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }
}
