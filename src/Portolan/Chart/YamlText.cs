using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Portolan.Chart;

/// <summary>Writes JSON as YAML in block style.</summary>
internal static class YamlText
{
    internal static string Of(JsonElement value)
    {
        using var text = new StringWriter { NewLine = "\n" };
        // Strings stay on their lines.
        var emitter = new Emitter(text, new EmitterSettings().WithBestWidth(int.MaxValue));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Emit(emitter, value);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Emit(Emitter emitter, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, MappingStyle.Block));
                foreach (JsonProperty field in value.EnumerateObject())
                {
                    emitter.Emit(new Scalar(field.Name));
                    Emit(emitter, field.Value);
                }
                emitter.Emit(new MappingEnd());
                break;
            case JsonValueKind.Array:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, SequenceStyle.Block));
                foreach (JsonElement item in value.EnumerateArray())
                    Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case JsonValueKind.String:
                // Quoted: "80", "no" and "1e3" are strings.
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, value.GetString()!, ScalarStyle.DoubleQuoted,
                    isPlainImplicit: false, isQuotedImplicit: true));
                break;
            default:
                emitter.Emit(new Scalar(value.GetRawText()));
                break;
        }
    }
}
