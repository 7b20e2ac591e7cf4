using System.Globalization;
using System.Text.Json;

namespace Portolan.WebConsole;

/// <summary>
/// The rows of the first screen, made of the answer of <c>services</c>: ten thousand services whole are megabytes, and a row shows a few
/// of their fields.
/// </summary>
internal static class HomeRows
{
    private const double SameShare = 0.001;

    /// <summary>Writes the rows, those that fail first.</summary>
    /// <param name="writer">Where an object is open.</param>
    /// <param name="services">The answer of <c>services --json</c>, with or without --why.</param>
    internal static void Write(Utf8JsonWriter writer, JsonElement services)
    {
        writer.WriteStartArray("notes");
        foreach (JsonElement note in services.GetProperty("notes").EnumerateArray())
            note.WriteTo(writer);
        writer.WriteEndArray();
        writer.WriteStartArray("rows");
        // The answer is sorted by name, and this order is stable.
        foreach (JsonElement service in services.GetProperty("services").EnumerateArray().OrderBy(Rank))
            WriteRow(writer, service);
        writer.WriteEndArray();
    }

    /// <summary>"shop/web:http", or what the rules call it.</summary>
    internal static string NameOf(JsonElement service)
    {
        if (Text(service, "service") is not { } name)
            return Text(service, "id") ?? string.Empty;
        return Text(service, "port") is { Length: > 0 } port ? $"{name}:{port}" : name;
    }

    /// <summary>"172.30.10.1:80", or "*:30080" for all addresses of the node.</summary>
    internal static string TextOf(JsonElement frontend)
    {
        string port = frontend.GetProperty("port").GetInt32().ToString(CultureInfo.InvariantCulture);
        string address = Text(frontend, "address") ?? "*";
        return address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:{port}" : $"{address}:{port}";
    }

    /// <summary>"fails", "unknown", "limited", "works", or "pending" when it was not asked.</summary>
    internal static string StateOf(JsonElement service) => !service.TryGetProperty("why", out JsonElement why) ? "pending"
        : why.GetProperty("asConfigured").GetBoolean() ? "limited"
        : Text(why, "state") ?? "unknown";

    private static int Rank(JsonElement service) => StateOf(service) switch
    {
        "fails" => 0,
        "unknown" => 1,
        "limited" => 2,
        "pending" => Text(service, "status") == "ok" ? 4 : 3,
        _ => 5,
    };

    private static void WriteRow(Utf8JsonWriter writer, JsonElement service)
    {
        JsonElement.ArrayEnumerator frontends = service.GetProperty("frontends").EnumerateArray();
        JsonElement endpoints = service.GetProperty("endpoints");
        writer.WriteStartObject();
        writer.WriteString("service", Text(service, "service"));
        writer.WriteString("port", Text(service, "port"));
        writer.WriteString("name", NameOf(service));
        writer.WriteString("protocol", Text(service, "protocol"));
        writer.WriteString("family", Text(service, "family"));
        writer.WriteString("writer", Text(service, "writer"));
        writer.WriteStartArray("frontends");
        foreach (JsonElement frontend in frontends)
        {
            writer.WriteStartObject();
            writer.WriteString("kind", Text(frontend, "kind"));
            writer.WriteString("text", TextOf(frontend));
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteNumber("endpoints", endpoints.GetArrayLength());
        if (service.TryGetProperty("endpointsInCluster", out JsonElement total))
            writer.WriteNumber("total", total.GetInt32());
        else
            writer.WriteNull("total");
        writer.WriteString("shares", SharesOf(endpoints));
        writer.WriteStartArray("policies");
        foreach (string policy in PoliciesOf(service))
            writer.WriteStringValue(policy);
        writer.WriteEndArray();
        int[] before = [.. frontends.Select(static frontend => frontend.GetProperty("rulesBefore"))
            .Where(static rules => rules.ValueKind == JsonValueKind.Number).Select(static rules => rules.GetInt32())];
        if (before.Length > 0)
            writer.WriteNumber("rulesBefore", before.Max());
        else
            writer.WriteNull("rulesBefore");
        WriteVerdict(writer, service);
        writer.WriteEndObject();
    }

    private static void WriteVerdict(Utf8JsonWriter writer, JsonElement service)
    {
        writer.WriteString("state", StateOf(service));
        bool isAsked = service.TryGetProperty("why", out JsonElement why);
        // Until it is asked, what the service's own rules show.
        string? status = Text(service, "status");
        writer.WriteString("verdict", isAsked ? Text(why, "verdict") : status == "ok" ? null : status);
        writer.WriteString("code", isAsked ? Text(why, "code") : null);
        writer.WriteString("cause", isAsked ? Text(why, "cause") : null);
        writer.WriteString("when", isAsked ? Text(why, "when") : null);
        writer.WriteString("where", isAsked ? Text(why, "frontend") : null);
        writer.WriteStartArray("who");
        if (isAsked)
        {
            foreach (JsonElement who in why.GetProperty("who").EnumerateArray())
                writer.WriteStringValue(who.GetString() switch { "pod" => "from a pod", "node" => "from this node", _ => "from outside" });
        }
        writer.WriteEndArray();
    }

    private static string SharesOf(JsonElement endpoints)
    {
        if (endpoints.GetArrayLength() == 0)
            return "none";
        JsonElement[] shares = [.. endpoints.EnumerateArray().Select(static endpoint => endpoint.GetProperty("share"))];
        if (Array.Exists(shares, static share => share.ValueKind != JsonValueKind.Number))
            return "unknown";
        double[] numbers = [.. shares.Select(static share => share.GetDouble())];
        return numbers.Max() - numbers.Min() < SameShare ? "equal" : "unequal";
    }

    private static IEnumerable<string> PoliciesOf(JsonElement service)
    {
        if (service.GetProperty("externalTrafficPolicyLocal").ValueKind == JsonValueKind.True)
            yield return "external Local";
        if (service.GetProperty("internalTrafficPolicyLocal").ValueKind == JsonValueKind.True)
            yield return "internal Local";
        if (service.GetProperty("affinitySeconds") is { ValueKind: JsonValueKind.Number } seconds)
            yield return $"affinity {seconds.GetInt64().ToString(CultureInfo.InvariantCulture)} s";
        if (service.GetProperty("sourceRanges").GetArrayLength() is > 0 and var ranges)
            yield return $"source ranges {ranges.ToString(CultureInfo.InvariantCulture)}";
    }

    private static string? Text(JsonElement from, string name) =>
        from.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;
}
