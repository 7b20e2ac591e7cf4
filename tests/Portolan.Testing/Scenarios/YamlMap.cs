using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Portolan.Testing.Scenarios;

/// <summary>A YAML map that knows which of its keys were asked for, so that what is left over can be refused.</summary>
internal sealed partial class YamlMap
{
    private readonly string _file;
    private readonly YamlMappingNode _map;
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    public YamlMap(string file, YamlNode node, string what)
    {
        _file = file;
        _map = node as YamlMappingNode ?? throw Error(file, node, $"{what} must be a map");
    }

    public int Line => LineOf(_map);

    public YamlNode? Find(string key)
    {
        _asked.Add(key);
        YamlNode? value = _map.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? found) ? found : null;
        return value is YamlScalarNode { Style: ScalarStyle.Plain, Value: "" or "~" or "null" } ? null : value;
    }

    public IEnumerable<YamlNode> Items(string key) => Find(key) switch
    {
        null => [],
        YamlSequenceNode list => list.Children,
        { } other => throw Error(_file, other, $"'{key}' must be a list"),
    };

    public string? Text(string key) => Find(key) switch
    {
        null => null,
        YamlScalarNode scalar => scalar.Value ?? string.Empty,
        { } other => throw Error(_file, other, $"'{key}' must be a text"),
    };

    public string NeedText(string key) => Text(key) ?? throw Error($"'{key}' is missing");

    public IEnumerable<string> Texts(string key) => Find(key) switch
    {
        null => [],
        YamlScalarNode scalar => [scalar.Value ?? string.Empty],
        YamlSequenceNode list => list.Children.Select(item => item is YamlScalarNode scalar
            ? scalar.Value ?? string.Empty
            : throw Error(_file, item, $"'{key}' must hold texts")),
        { } other => throw Error(_file, other, $"'{key}' must be a list"),
    };

    public int? Number(string key) => Text(key) is not { } text ? null
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number
        : throw Error($"'{key}' must be a whole number, not '{text}'");

    public bool? Flag(string key) => Text(key) switch
    {
        null => null,
        "true" => true,
        "false" => false,
        { } other => throw Error($"'{key}' must be true or false, not '{other}'"),
    };

    public JsonObject Object(string key) => Find(key) is { } node ? ToJsonObject(_file, node) : [];

    public ImmutableSortedDictionary<string, string> TextMap(string key)
    {
        if (Find(key) is not { } node)
            return ImmutableSortedDictionary<string, string>.Empty;
        var map = node as YamlMappingNode ?? throw Error(_file, node, $"'{key}' must be a map");
        return map.Children.ToImmutableSortedDictionary(
            static pair => ((YamlScalarNode)pair.Key).Value ?? string.Empty,
            static pair => ((YamlScalarNode)pair.Value).Value ?? string.Empty,
            StringComparer.Ordinal);
    }

    /// <summary>Refuses the keys that nobody asked for.</summary>
    public void RefuseUnknownKeys()
    {
        foreach (YamlNode key in _map.Children.Keys)
        {
            if (key is not YamlScalarNode { Value: { } name } || !_asked.Contains(name))
                throw Error(_file, key, $"unknown key '{key}'; known here: {string.Join(", ", _asked.Order(StringComparer.Ordinal))}");
        }
    }

    public ScenarioFormatException Error(string message) => Error(_file, _map, message);

    public static ScenarioFormatException Error(string file, YamlNode node, string message) => new(file, LineOf(node), message);

    public static int LineOf(YamlNode node) => (int)node.Start.Line;

    public static JsonObject ToJsonObject(string file, YamlNode node) =>
        ToJson(file, node) as JsonObject ?? throw Error(file, node, "a map is needed here");

    // The plain scalars of YAML's core schema; quoted scalars are texts whatever they look like.
    private static JsonNode? ToJson(string file, YamlNode node)
    {
        switch (node)
        {
            case YamlMappingNode map:
                var result = new JsonObject();
                foreach ((YamlNode key, YamlNode value) in map.Children)
                    result[((YamlScalarNode)key).Value ?? string.Empty] = ToJson(file, value);
                return result;
            case YamlSequenceNode list:
                return new JsonArray([.. list.Children.Select(item => ToJson(file, item))]);
            case YamlScalarNode { Style: not ScalarStyle.Plain } quoted:
                return JsonValue.Create(quoted.Value);
            case YamlScalarNode { Value: { } text }:
                return text switch
                {
                    "" or "~" or "null" => null,
                    "true" => JsonValue.Create(true),
                    "false" => JsonValue.Create(false),
                    _ when WholeNumber().IsMatch(text) => JsonValue.Create(long.Parse(text, CultureInfo.InvariantCulture)),
                    _ when Fraction().IsMatch(text) => JsonValue.Create(double.Parse(text, CultureInfo.InvariantCulture)),
                    _ => JsonValue.Create(text),
                };
            default:
                throw Error(file, node, "aliases are not part of the format");
        }
    }

    [GeneratedRegex("^[-+]?[0-9]{1,18}$")]
    private static partial Regex WholeNumber();

    [GeneratedRegex(@"^[-+]?[0-9]+\.[0-9]+$")]
    private static partial Regex Fraction();
}
