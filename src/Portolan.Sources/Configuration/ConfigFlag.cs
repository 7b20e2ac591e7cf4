using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Portolan.Sources.Configuration;

/// <summary>How the text of a command line flag becomes the value of a field.</summary>
public enum ConfigFlagForm : byte
{
    /// <summary>Text.</summary>
    Text,

    /// <summary>A duration.</summary>
    Plain,

    /// <summary>True or false, in any spelling that Go's strconv.ParseBool takes; the flag may stand alone.</summary>
    Boolean,

    /// <summary>A whole number, also in hexadecimal, octal or binary (Go's strconv.ParseInt with base 0).</summary>
    Integer,

    /// <summary>A list, its elements separated by commas.</summary>
    List,

    /// <summary>Names with true or false: "A=true,B=false".</summary>
    Switches,
}

/// <summary>A field of KubeProxyConfiguration given on the command line; it wins over the file's and is checked in the same way.</summary>
/// <param name="Flag">The flag as it was given, for error messages: "--iptables-masquerade-bit".</param>
/// <param name="Field">Path of the field: "iptables.masqueradeBit".</param>
/// <param name="Form">How to read the value.</param>
/// <param name="Value">The value.</param>
public sealed record ConfigFlag(string Flag, string Field, ConfigFlagForm Form, string Value)
{
    internal void AddTo(YamlMappingNode root)
    {
        string[] path = Field.Split('.');
        YamlMappingNode mapping = root;
        foreach (string section in path[..^1])
        {
            if (!mapping.Children.TryGetValue(new YamlScalarNode(section), out YamlNode? child) || child is not YamlMappingNode)
                mapping.Children[new YamlScalarNode(section)] = child = new YamlMappingNode();
            mapping = (YamlMappingNode)child;
        }
        mapping.Children[new YamlScalarNode(path[^1])] = Form switch
        {
            ConfigFlagForm.Plain => Plain(Value),
            ConfigFlagForm.Boolean => Plain(BooleanText(Value)),
            ConfigFlagForm.Integer => Plain(IntegerText(Value)),
            ConfigFlagForm.List => new YamlSequenceNode(Value.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Quoted)),
            ConfigFlagForm.Switches => SwitchesOf(Value),
            _ => Quoted(Value),
        };
    }

    private static YamlMappingNode SwitchesOf(string value)
    {
        var switches = new YamlMappingNode();
        foreach (string part in value.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = part.Split('=', 2);
            switches.Children[Quoted(pair[0].Trim())] = Plain(pair.Length == 2 ? pair[1].Trim() : "true");
        }
        return switches;
    }

    // What none of Go's spellings fits goes on as it is: the field's own check then names the flag.
    private static string BooleanText(string value) => ParseBoolean(value) is { } known ? known ? "true" : "false" : value;

    /// <summary>Go's strconv.ParseBool; null for what it refuses.</summary>
    public static bool? ParseBoolean(string value) => value switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };

    private static string IntegerText(string value)
    {
        string digits = value.Replace("_", "", StringComparison.Ordinal);
        bool isNegative = digits.StartsWith('-');
        digits = digits.TrimStart('+', '-');
        int? radix = digits switch
        {
            ['0', 'x' or 'X', ..] => 16,
            ['0', 'o' or 'O', ..] => 8,
            ['0', 'b' or 'B', ..] => 2,
            _ => null,
        };
        int from = 2;
        if (radix is null && digits is ['0', _, ..])
            (radix, from) = (8, 1);
        if (radix is null)
            return value;
        try
        {
            long number = Convert.ToInt64(digits[from..], radix.Value);
            return (isNegative ? -number : number).ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception wrong) when (wrong is FormatException or OverflowException or ArgumentException)
        {
            return value;
        }
    }

    private static YamlScalarNode Plain(string text) => new(text) { Style = ScalarStyle.Plain };

    private static YamlScalarNode Quoted(string text) => new(text) { Style = ScalarStyle.DoubleQuoted };
}
