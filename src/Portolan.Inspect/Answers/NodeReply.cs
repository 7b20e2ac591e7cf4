using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Portolan.Inspect.Causes;

namespace Portolan.Inspect.Answers;

/// <summary>What one node answered to a question that was put to all.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Items">What it found; empty when it did not answer.</param>
/// <param name="Failure">Why it did not answer; null when it did.</param>
/// <param name="IsPartial">True when it could read only a part of its rules.</param>
public sealed record NodeReply(string Node, ImmutableArray<NodeItem> Items, string? Failure, bool IsPartial = false)
{
    /// <summary>A node that did not answer.</summary>
    public static NodeReply Silent(string node, string reason) => new(node, [], reason);

    /// <summary>Reads the JSON that <c>why</c> or <c>check</c> printed on a node, of this version or another.</summary>
    /// <param name="node">The node's name.</param>
    /// <param name="json">What it printed. Whoever controls the node controls this.</param>
    /// <param name="isPartial">True when it said that it could read only a part.</param>
    /// <returns>Its reply; one without an answer when the JSON is neither.</returns>
    public static NodeReply Read(string node, ReadOnlyMemory<byte> json, bool isPartial)
    {
        try
        {
            using JsonDocument answer = JsonDocument.Parse(json);
            if (ArrayOf(answer.RootElement, "diagnoses") is { } diagnoses)
                return new NodeReply(node, [.. diagnoses.Select(OfDiagnosis)], null, isPartial);
            if (ArrayOf(answer.RootElement, "findings") is { } findings)
                return new NodeReply(node, [.. findings.Select(OfFinding)], null, isPartial);
        }
        catch (Exception foreign) when (foreign is JsonException or InvalidOperationException or FormatException)
        {
            // Said below.
        }
        return Silent(node, "its answer cannot be read: the program there is of another version, or not portolan");
    }

    private static NodeItem OfDiagnosis(JsonElement one) => new()
    {
        Subject = Needed(one, "subject"),
        Client = Needed(one, "client"),
        State = Needed(one, "state") switch
        {
            "works" => DiagnosisState.Works,
            "fails" => DiagnosisState.Fails,
            _ => DiagnosisState.Unknown,
        },
        Verdict = Needed(one, "verdict"),
        When = Text(one, "when"),
        Code = Text(one, "code"),
        Cause = Text(one, "cause"),
        Rule = Text(one, "rule"),
        Writer = Text(one, "writer"),
        Mend = Text(one, "mend"),
    };

    private static NodeItem OfFinding(JsonElement one) => new()
    {
        Subject = Needed(one, "subject"),
        State = DiagnosisState.Fails,
        Verdict = Needed(one, "severity"),
        Code = Text(one, "code"),
        Cause = Text(one, "explanation"),
        Rule = PlaceOf(one),
        Mend = Text(one, "advice"),
    };

    private static string? PlaceOf(JsonElement one) => Text(one, "table") is { } table && Text(one, "chain") is { } chain
        ? one.TryGetProperty("rule", out JsonElement rule) && rule.ValueKind == JsonValueKind.Number && rule.TryGetInt32(out int number)
            ? string.Create(CultureInfo.InvariantCulture, $"{table} {chain} rule {number}") : $"{table} {chain}"
        : null;

    private static JsonElement[]? ArrayOf(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out JsonElement array) && array.ValueKind == JsonValueKind.Array
            ? [.. array.EnumerateArray()] : null;

    private static string Needed(JsonElement one, string name) => Text(one, name) ?? throw new FormatException(name);

    private static string? Text(JsonElement one, string name) =>
        one.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
