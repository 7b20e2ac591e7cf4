using System.Collections.Concurrent;
using System.Text.Json;

namespace Portolan.WebConsole;

/// <summary>Services by nodes: what each node's rules do with each service, and where one differs from most others.</summary>
internal static class NodeMatrix
{
    private const int AtOnce = 8;

    internal static async Task<ReadOnlyMemory<byte>> AskAsync(
        IReadOnlyList<(string Name, ConsoleInput Input)> nodes, CancellationToken cancel)
    {
        var answers = new ConcurrentDictionary<string, Answered>();
        await Parallel.ForEachAsync(nodes, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (node, ending) => answers[node.Name] = await node.Input.Questions.AskAsync(["services"], ending));
        string[] answering = [.. nodes.Select(static node => node.Name).Where(name => !answers[name].Json.IsEmpty)];
        Dictionary<string, Dictionary<string, Cell>> cells =
            answering.ToDictionary(static name => name, name => CellsOf(answers[name].Json));
        return ConsoleAnswers.Object(writer =>
        {
            writer.WriteStartArray("nodes");
            foreach (string name in answering)
                writer.WriteStringValue(name);
            writer.WriteEndArray();
            writer.WriteStartArray("silent");
            foreach ((string name, Answered answer) in answers.Where(static item => item.Value.Json.IsEmpty)
                .OrderBy(static item => item.Key, StringComparer.Ordinal))
            {
                writer.WriteStartObject();
                writer.WriteString("node", name);
                writer.WriteString("reason", answer.Messages.IsEmpty ? "it gave no answer" : answer.Messages[^1]);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteBoolean("isComplete", true);
            writer.WriteStartArray("rows");
            IEnumerable<(string Name, Cell[] Cells)> rows = cells.Values.SelectMany(static services => services.Keys).Distinct()
                .Order(StringComparer.Ordinal)
                .Select(service => (service, answering.Select(node => cells[node].GetValueOrDefault(service, Cell.Absent)).ToArray()));
            foreach ((string name, Cell[] row) in rows.OrderBy(static row => row.Cells.Distinct().Count() == 1))
                WriteRow(writer, name, row);
            writer.WriteEndArray();
        });
    }

    private static void WriteRow(Utf8JsonWriter writer, string name, Cell[] row)
    {
        // Of equally many the first node's: with two nodes, one must be the other's measure.
        Cell most = row.GroupBy(static cell => cell).OrderByDescending(static same => same.Count()).First().Key;
        writer.WriteStartObject();
        writer.WriteString("service", name);
        writer.WriteBoolean("differs", Array.Exists(row, cell => cell != most));
        writer.WriteStartArray("cells");
        foreach (Cell cell in row)
        {
            writer.WriteStartObject();
            writer.WriteString("state", cell.State);
            writer.WriteNumber("endpoints", cell.Endpoints);
            writer.WriteBoolean("differs", cell != most);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static Dictionary<string, Cell> CellsOf(ReadOnlyMemory<byte> answer)
    {
        using JsonDocument services = JsonDocument.Parse(answer);
        var cells = new Dictionary<string, Cell>();
        foreach (JsonElement service in services.RootElement.GetProperty("services").EnumerateArray())
        {
            string[] endpoints = [.. service.GetProperty("endpoints").EnumerateArray()
                .Select(static endpoint => endpoint.GetProperty("address").GetString() ?? "?").Order(StringComparer.Ordinal)];
            string family = service.GetProperty("family").GetString() == "IPv6" ? " (IPv6)" : string.Empty;
            cells[HomeRows.NameOf(service) + family] = new Cell(service.GetProperty("status").GetString() ?? "unknown", endpoints.Length,
                string.Join(' ', endpoints));
        }
        return cells;
    }

    /// <param name="State">The service's status there.</param>
    /// <param name="Endpoints">How many endpoints its rules have.</param>
    /// <param name="Addresses">Which: as many of others are a difference too.</param>
    private readonly record struct Cell(string State, int Endpoints, string Addresses)
    {
        internal static Cell Absent { get; } = new("absent", 0, string.Empty);
    }
}
