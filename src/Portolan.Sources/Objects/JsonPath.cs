using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Portolan.Sources.Objects;

/// <summary>The path of a token from the root of its document, in the notation of Kubernetes' own messages: spec.ports[1].port.</summary>
internal static class JsonPath
{
    /// <summary>
    /// Reads the document again from its start to the token at <paramref name="tokenStart"/>. A second pass only where something is wrong
    /// is cheaper than keeping the path at hand for the ten thousand objects where nothing is.
    /// </summary>
    public static string Of(ReadOnlySpan<byte> document, long tokenStart)
    {
        var reader = new Utf8JsonReader(document);
        var steps = new List<Step>();
        while (reader.Read() && reader.TokenStartIndex < tokenStart)
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    CountElement(steps);
                    steps.Add(new Step(reader.TokenType == JsonTokenType.StartArray));
                    break;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    steps.RemoveAt(steps.Count - 1);
                    break;
                case JsonTokenType.PropertyName:
                    steps[^1].Name = reader.GetString();
                    break;
                default:
                    CountElement(steps);
                    break;
            }
        }
        CountElement(steps);
        return Write(steps);
    }

    private static void CountElement(List<Step> steps)
    {
        if (steps.Count > 0 && steps[^1].IsArray)
            steps[^1].Index++;
    }

    private static string Write(List<Step> steps)
    {
        var path = new StringBuilder();
        foreach (Step step in steps)
        {
            if (step.IsArray)
                path.Append(CultureInfo.InvariantCulture, $"[{step.Index}]");
            else if (step.Name is { } name)
                path.Append(path.Length == 0 ? "" : ".").Append(Text.Printable(name));
        }
        return path.ToString();
    }

    private sealed class Step(bool isArray)
    {
        public bool IsArray { get; } = isArray;

        public string? Name { get; set; }

        public int Index { get; set; } = -1;
    }
}
