using System.Text.Json;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;

namespace Portolan.Chart;

/// <summary>trace --json; docs/chart-json.md describes it.</summary>
internal static class TraceJson
{
    internal static void Write(Utf8JsonWriter writer, TraceResult result, ChainGuide guide)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("outcomes");
        foreach (Outcome outcome in result.Outcomes)
            WriteOutcome(writer, outcome, guide);
        writer.WriteEndArray();
        writer.WriteStartArray("notes");
        foreach (string caveat in result.Caveats)
            writer.WriteStringValue(caveat);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteOutcome(Utf8JsonWriter writer, Outcome outcome, ChainGuide guide)
    {
        writer.WriteStartObject();
        writer.WriteNumber("probability", Math.Round(outcome.Probability, 9));
        writer.WriteString("verdict", outcome.Verdict.ToString().ToLowerInvariant());
        writer.WriteString("destination", outcome.DestinationText);
        if (outcome.Source.Family != Inet.IpFamily.None)
            writer.WriteString("source", outcome.Source.ToString());
        writer.WriteBoolean("masquerade", outcome.IsMasqueraded);
        writer.WriteNumber("mark", outcome.Mark);
        if (outcome.Reason is { } reason)
            writer.WriteString("reason", outcome.Verdict == OutcomeVerdict.Unknown ? $"unknown: {reason}" : reason);
        writer.WriteStartArray("path");
        foreach (PathStep step in outcome.Path)
        {
            if (step.Kind is PathStepKind.Rule or PathStepKind.Policy)
                WriteStep(writer, step, guide);
        }
        writer.WriteEndArray();
        if (!outcome.Candidates.IsEmpty)
        {
            writer.WriteStartArray("candidates");
            foreach (Outcome candidate in outcome.Candidates)
                WriteOutcome(writer, candidate, guide);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }

    private static void WriteStep(Utf8JsonWriter writer, PathStep step, ChainGuide guide)
    {
        writer.WriteStartObject();
        writer.WriteString("hook", step.Hook.ToString().ToLowerInvariant());
        writer.WriteString("table", step.Table!.Name);
        writer.WriteString("chain", step.Chain!.Name);
        if (step.Place is { } place)
        {
            writer.WriteNumber("rule", place.Index + 1);
            if (guide.ServiceOf(place) is { } service)
                writer.WriteString("service", service);
            else
                writer.WriteNull("service");
            writer.WriteString("text", RuleText.Of(place.Rule));
            string source = place.Rule.Source.ToString();
            if (source.Length > 0)
                writer.WriteString("source", source);
        }
        else
        {
            writer.WriteNull("rule");
            writer.WriteNull("service");
            writer.WriteString("text", "policy drop");
        }
        writer.WriteEndObject();
    }
}
