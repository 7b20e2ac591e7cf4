using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Portolan.Sources.Configuration;

/// <summary>What one reading of a configuration file gathers.</summary>
internal sealed class ConfigNotes(string fileName)
{
    /// <summary>"kube-proxy.yaml, line 3, iptables.masqueradeBit: message", in the order found.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>What is passed over, each with file and line.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Paths of all fields that a KubeProxyConfiguration may have.</summary>
    public HashSet<string> Fields { get; } = new(StringComparer.Ordinal);

    /// <summary>Fields nobody knows: the path they stand at, and their line.</summary>
    public List<(string Field, long Line)> Unknown { get; } = [];

    /// <summary>The values of fields that only kube-proxy uses, in the form of JSON.</summary>
    public Dictionary<string, string> Opaque { get; } = new(StringComparer.Ordinal);

    /// <summary>Flags of the command line by the path of the field they give.</summary>
    public Dictionary<string, string> FlagOfField { get; } = new(StringComparer.Ordinal);

    /// <summary>Fields the file gives a value other than the empty one.</summary>
    public HashSet<string> FieldsSet { get; } = new(StringComparer.Ordinal);

    public void AddError(YamlNode? at, string field, string message) => Errors.Add(Message(at?.Start.Line ?? 1, field, message));

    public void AddWarning(long line, string field, string message) => Warnings.Add(Message(line, field, message));

    private string Message(long line, string field, string message) => FlagOfField.TryGetValue(field, out string? flag)
        ? $"{flag}: {message}"
        : $"{fileName}, line {line}, {field}: {message}";
}

/// <summary>
/// One mapping of the file: fields are taken from it by name, each with its type and range; what nobody took is an unknown field. Errors
/// are gathered so that the operator sees all at once.
/// </summary>
internal sealed class ConfigMapping(YamlMappingNode? node, string path, ConfigNotes notes)
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public ConfigMapping Mapping(string name)
    {
        YamlNode? value = TakeSection(name);
        if (value is not (null or YamlMappingNode) && !IsNull(value))
            Error(value, PathOf(name), "takes fields of its own");
        return new ConfigMapping(value as YamlMappingNode, PathOf(name), notes);
    }

    public string Text(string name)
    {
        if (Take(name) is not { } value || IsNull(value))
            return "";
        if (value is YamlScalarNode scalar && IsText(scalar))
            return Set(name, scalar.Value!);
        Error(value, PathOf(name), "takes text (numbers, true and false need quotes)");
        return "";
    }

    public bool? Boolean(string name)
    {
        if (Take(name) is not { } value || IsNull(value))
            return null;
        switch (PlainText(value))
        {
            case "true":
                Set(name, "true");
                return true;
            case "false":
                return false;
            default:
                Error(value, PathOf(name), "takes true or false");
                return null;
        }
    }

    public int? Integer(string name, int lowest, int highest)
    {
        if (Take(name) is not { } value || IsNull(value))
            return null;
        if (int.TryParse(PlainText(value), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            && number >= lowest && number <= highest)
        {
            if (number != 0)
                Set(name, "number");
            return number;
        }
        Error(value, PathOf(name), $"takes a whole number from {lowest} to {highest}");
        return null;
    }

    public double? Number(string name)
    {
        if (Take(name) is not { } value || IsNull(value))
            return null;
        if (double.TryParse(PlainText(value), NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && double.IsFinite(number))
        {
            if (number != 0)
                Set(name, "number");
            return number;
        }
        Error(value, PathOf(name), "takes a number");
        return null;
    }

    /// <summary>A duration of zero or more; null when unset.</summary>
    public TimeSpan? Duration(string name)
    {
        if (Take(name) is not { } value || IsNull(value))
            return null;
        if (value is YamlScalarNode { Value: { } text } && GoDuration.TryParse(text, out TimeSpan duration) && duration >= TimeSpan.Zero)
        {
            if (duration > TimeSpan.Zero)
                Set(name, "duration");
            return duration;
        }
        Error(value, PathOf(name), "takes a duration such as 30s or 1m30s, not below zero");
        return null;
    }

    public ImmutableArray<string> TextList(string name)
    {
        if (Take(name) is not { } value || IsNull(value))
            return [];
        if (value is YamlSequenceNode list && list.Children.All(child => child is YamlScalarNode scalar && IsText(scalar)))
        {
            if (list.Children.Count > 0)
                Set(name, "list");
            return [.. list.Children.Select(child => ((YamlScalarNode)child).Value!)];
        }
        Error(value, PathOf(name), "takes a list of texts");
        return [];
    }

    public ImmutableArray<InetPrefix> Prefixes(string name)
    {
        var prefixes = ImmutableArray.CreateBuilder<InetPrefix>();
        foreach (string text in TextList(name))
        {
            if (InetPrefix.TryParse(text, out InetPrefix prefix))
                prefixes.Add(prefix);
            else
                Fail(name, $"'{Objects.Text.Printable(text)}' is not an address range in CIDR notation");
        }
        return prefixes.DrainToImmutable();
    }

    public ImmutableDictionary<string, bool> BooleanMap(string name)
    {
        ImmutableDictionary<string, bool> map = ImmutableDictionary<string, bool>.Empty;
        if (Take(name) is not { } value || IsNull(value))
            return map;
        if (value is not YamlMappingNode mapping)
        {
            Error(value, PathOf(name), "takes names, each with true or false");
            return map;
        }
        foreach ((YamlNode key, YamlNode item) in mapping.Children)
        {
            string gate = (key as YamlScalarNode)?.Value ?? "";
            if (PlainText(item) is "true" or "false")
                map = map.Add(gate, PlainText(item) == "true");
            else
                Error(item, $"{PathOf(name)}.{Objects.Text.Printable(gate)}", "takes true or false");
        }
        if (!map.IsEmpty)
            Set(name, "map");
        return map;
    }

    /// <summary>A field that is known but of no use on Linux or to this proxy: its value is not looked at.</summary>
    public void Opaque(string name)
    {
        if (Take(name) is not { } value || IsEmpty(value))
            return;
        Set(name, "value");
        notes.Opaque[PathOf(name)] = value is YamlScalarNode text && IsText(text) ? YamlText.Scalar(text.Value!) : JsonOf(value);
    }

    /// <summary>Adds a warning at a field of this mapping.</summary>
    public void Warn(string name, string message)
    {
        YamlNode? at = node is not null && node.Children.TryGetValue(new YamlScalarNode(name), out YamlNode? value) ? value : node;
        notes.AddWarning(at?.Start.Line ?? 1, PathOf(name), message);
    }

    /// <summary>Adds an error at a field of this mapping.</summary>
    public void Fail(string name, string message)
    {
        YamlNode? at = node is not null && node.Children.TryGetValue(new YamlScalarNode(name), out YamlNode? value) ? value : node;
        Error(at, PathOf(name), message);
    }

    /// <summary>Notes each field nobody asked for.</summary>
    public void Finish()
    {
        foreach (YamlNode key in node?.Children.Keys ?? [])
        {
            string name = (key as YamlScalarNode)?.Value ?? "";
            if (!_known.Contains(name))
                notes.Unknown.Add((PathOf(Objects.Text.Printable(name)), key.Start.Line));
        }
    }

    private YamlNode? Take(string name)
    {
        notes.Fields.Add(PathOf(name));
        return TakeSection(name);
    }

    private YamlNode? TakeSection(string name)
    {
        _known.Add(name);
        return node is not null && node.Children.TryGetValue(new YamlScalarNode(name), out YamlNode? value) ? value : null;
    }

    private string Set(string name, string value)
    {
        if (value.Length > 0)
            notes.FieldsSet.Add(PathOf(name));
        return value;
    }

    private string PathOf(string name) => path.Length == 0 ? name : $"{path}.{name}";

    private void Error(YamlNode? at, string field, string message) => notes.AddError(at, field, message);

    private static string? PlainText(YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.Plain } scalar ? scalar.Value : null;

    private static bool IsNull(YamlNode node) => PlainText(node) is "" or "~" or "null" or "Null" or "NULL";

    private static bool IsText(YamlScalarNode scalar) =>
        scalar.Style != ScalarStyle.Plain
        || (scalar.Value is not ("true" or "false")
            && !double.TryParse(scalar.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out _));

    private static string JsonOf(YamlNode node) => node switch
    {
        YamlSequenceNode list => $"[{string.Join(", ", list.Children.Select(JsonOf))}]",
        YamlMappingNode mapping =>
            $"{{{string.Join(", ", mapping.Children.Select(static entry => $"{JsonOf(entry.Key)}: {JsonOf(entry.Value)}"))}}}",
        YamlScalarNode { Style: ScalarStyle.Plain, Value: { } plain } scalar when IsNull(scalar) || !IsText(scalar) =>
            plain.Length == 0 ? "null" : plain,
        YamlScalarNode scalar => YamlText.Quoted(scalar.Value ?? ""),
        _ => "null",
    };

    private static bool IsEmpty(YamlNode node) => node switch
    {
        YamlScalarNode scalar => IsNull(scalar) || scalar.Value is "" or "0" or "0s" or "false",
        YamlSequenceNode list => list.Children.Count == 0,
        YamlMappingNode mapping => mapping.Children.Values.All(IsEmpty),
        _ => false,
    };
}
