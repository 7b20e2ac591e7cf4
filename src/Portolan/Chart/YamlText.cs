using System.Text;
using System.Text.Json;

namespace Portolan.Chart;

/// <summary>Writes JSON as YAML in block style; values stay as JSON has them, which YAML 1.2 takes as they are.</summary>
internal static class YamlText
{
    internal static string Of(JsonElement value)
    {
        var text = new StringBuilder();
        if (IsNested(value))
            Append(text, value, 0, isInLine: false);
        else
            text.Append(Scalar(value)).Append('\n');
        return text.ToString();
    }

    // In a list the first field of an object stands behind the dash.
    private static void Append(StringBuilder text, JsonElement value, int indent, bool isInLine)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in value.EnumerateArray())
            {
                text.Append(' ', isInLine ? 0 : indent).Append("- ");
                isInLine = false;
                if (IsNested(item))
                    Append(text, item, indent + 2, isInLine: true);
                else
                    text.Append(Scalar(item)).Append('\n');
            }
            return;
        }
        foreach (JsonProperty field in value.EnumerateObject())
        {
            text.Append(' ', isInLine ? 0 : indent).Append(field.Name).Append(':');
            isInLine = false;
            if (IsNested(field.Value))
            {
                text.Append('\n');
                Append(text, field.Value, indent + 2, isInLine: false);
            }
            else
            {
                text.Append(' ').Append(Scalar(field.Value)).Append('\n');
            }
        }
    }

    private static bool IsNested(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.Object => value.EnumerateObject().Any(),
        _ => false,
    };

    private static string Scalar(JsonElement value) => value.GetRawText();
}
