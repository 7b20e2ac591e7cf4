using System.Text.Json;

namespace Portolan.WebConsole;

/// <summary>
/// The article's claim for this node: how many rules a new packet is checked against before the one that leads to its service, beside what
/// it would be in other modes.
/// </summary>
internal static class Costs
{
    private const int MostRows = 20;
    private const int Buckets = 20;

    // Measured by bench/planes.sh from 100 to 10,000 services (docs/ipvs.md): look-ups, whatever the number of services is.
    private const int LookUps = 3;

    // The tree of docs/iptables.md: leaves of at most eight rules, below levels that branch by two bits of the address.
    private const int TreeLeaf = 8;
    private const int TreeBranches = 4;

    internal static ReadOnlyMemory<byte> Of(JsonElement services)
    {
        JsonElement all = services.GetProperty("services");
        (string Name, string Frontend, int Rules, string Writer)[] known =
        [
            .. all.EnumerateArray().SelectMany(static service => service.GetProperty("frontends").EnumerateArray()
                .Where(static frontend => frontend.GetProperty("rulesBefore").ValueKind == JsonValueKind.Number)
                .Select(frontend => (HomeRows.NameOf(service), HomeRows.TextOf(frontend), frontend.GetProperty("rulesBefore").GetInt32(),
                    service.GetProperty("writer").GetString() ?? string.Empty))),
        ];
        int frontends = all.EnumerateArray().Sum(static service => service.GetProperty("frontends").GetArrayLength());
        int[] rules = [.. known.Select(static item => item.Rules).Order()];
        return ConsoleAnswers.Object(writer =>
        {
            writer.WriteNumber("services", all.GetArrayLength());
            writer.WriteNumber("frontends", frontends);
            writer.WriteStartArray("modes");
            foreach (var mode in known.GroupBy(static item => item.Writer))
                WriteMode(writer, mode.Key, true, [.. mode.Select(static item => item.Rules).Order()], "rules",
                    "as read here: rules of table nat that a new packet is checked against before its service's");
            WriteMode(writer, "iptables, one list (kube-proxy)", false, [.. Enumerable.Range(1, Math.Max(1, frontends))], "rules",
                "worked out: one rule for each frontend, in a list");
            WriteMode(writer, "iptables, a tree (Portolan)", false, Tree(frontends), "rules",
                "worked out for addresses that are spread evenly: branches by two bits each, then at most eight rules");
            WriteMode(writer, "IPVS", false, [LookUps], "look-ups", "measured: the number of services does not matter (docs/ipvs.md)");
            WriteMode(writer, "nftables", false, [LookUps], "look-ups", "measured: the number of services does not matter (docs/ipvs.md)");
            writer.WriteEndArray();
            WriteHistogram(writer, rules);
            writer.WriteStartArray("rows");
            foreach ((string name, string frontend, int before, _) in known.OrderByDescending(static item => item.Rules).Take(MostRows))
            {
                writer.WriteStartObject();
                writer.WriteString("name", name);
                writer.WriteString("frontend", frontend);
                writer.WriteNumber("rules", before);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        });
    }

    // Fewest, about the mean, and most.
    private static int[] Tree(int frontends)
    {
        int levels = 0;
        for (long reach = TreeLeaf; reach < frontends; reach *= TreeBranches)
            levels++;
        int leaf = Math.Clamp(frontends, 1, TreeLeaf);
        return [levels + 1, (levels * (TreeBranches + 1) / 2) + ((leaf + 1) / 2), (levels * TreeBranches) + leaf];
    }

    private static void WriteMode(Utf8JsonWriter writer, string mode, bool isHere, int[] sorted, string unit, string note)
    {
        writer.WriteStartObject();
        writer.WriteString("mode", mode);
        writer.WriteBoolean("isHere", isHere);
        writer.WriteBoolean("isMeasured", isHere);
        writer.WriteNumber("least", sorted[0]);
        writer.WriteNumber("median", sorted[sorted.Length / 2]);
        writer.WriteNumber("most", sorted[^1]);
        writer.WriteString("unit", unit);
        writer.WriteString("note", note);
        writer.WriteEndObject();
    }

    private static void WriteHistogram(Utf8JsonWriter writer, int[] sorted)
    {
        writer.WriteStartArray("histogram");
        int width = sorted.Length == 0 ? 1 : Math.Max(1, (sorted[^1] / Buckets) + 1);
        foreach (var bucket in sorted.GroupBy(rules => rules / width))
        {
            writer.WriteStartObject();
            writer.WriteNumber("from", bucket.Key * width);
            writer.WriteNumber("to", (bucket.Key * width) + width - 1);
            writer.WriteNumber("services", bucket.Count());
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
