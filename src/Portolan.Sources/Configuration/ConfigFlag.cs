using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Portolan.Sources.Configuration;

/// <summary>How the text of a command line flag becomes the value of a field.</summary>
public enum ConfigFlagForm : byte
{
    /// <summary>Text.</summary>
    Text,

    /// <summary>A number, a duration, true or false.</summary>
    Plain,

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

    private static YamlScalarNode Plain(string text) => new(text) { Style = ScalarStyle.Plain };

    private static YamlScalarNode Quoted(string text) => new(text) { Style = ScalarStyle.DoubleQuoted };
}
