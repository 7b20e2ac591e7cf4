using System.Globalization;
using System.Text;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Graphs;

/// <summary>Writes graphs as plain text and for drawing programs.</summary>
public static partial class GraphWriter
{
    // In characters: 40 levels.
    private const int DeepestIndent = 120;

    /// <summary>
    /// A tree in plain text, from the frontends or hooks; a box that was shown before is only referred to. Clients are named on the arrows.
    /// </summary>
    public static string ToText(ServiceGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var text = new StringBuilder(graph.Title).Append('\n');
        var nodes = graph.Nodes.ToDictionary(node => node.Id);
        ILookup<string, GraphEdge> edges = graph.Edges.Where(edge => nodes[edge.From].Kind != GraphNodeKind.Client)
            .ToLookup(edge => edge.From);
        var entered = edges.SelectMany(static group => group).Select(edge => edge.To).ToHashSet(StringComparer.Ordinal);
        var shown = new HashSet<string>(StringComparer.Ordinal);
        bool isOfMany = graph.Nodes.Select(static node => node.Service).Distinct().Count() > 1;
        string? service = null;
        // A stack instead of recursion: chains in a dump may nest to any depth.
        var waiting = new Stack<(string Node, string Label, string Indent, bool IsLast, bool IsRoot)>();
        foreach (GraphNode root in graph.Nodes.Reverse().Where(node => node.Kind != GraphNodeKind.Client && !entered.Contains(node.Id)))
            waiting.Push((root.Id, string.Empty, string.Empty, true, true));
        while (waiting.TryPop(out (string Node, string Label, string Indent, bool IsLast, bool IsRoot) item))
        {
            if (item.IsRoot && isOfMany && nodes[item.Node].Service != service)
                text.Append('\n').Append(service = nodes[item.Node].Service).Append('\n');
            string branch = item.IsRoot ? string.Empty : item.IsLast ? "└─ " : "├─ ";
            bool isNew = shown.Add(item.Node);
            string label = item.Label.Length == 0 ? string.Empty : $"[{item.Label}] ";
            string name = OneLine(nodes[item.Node]);
            text.Append(CultureInfo.InvariantCulture,
                $"{item.Indent}{branch}{label}{name}{(isNew || !edges.Contains(item.Node) ? "" : " (see above)")}\n");
            if (!isNew)
                continue;
            // Deeper levels keep the same indent: more would make the output quadratic in their number.
            string indent = item.IsRoot ? string.Empty : item.Indent.Length >= DeepestIndent ? item.Indent : item.Indent
                + (item.IsLast ? "   " : "│  ");
            GraphEdge[] next = [.. edges[item.Node]];
            for (int index = next.Length - 1; index >= 0; index--)
                waiting.Push((next[index].To, next[index].Label, indent, index == next.Length - 1, false));
        }
        foreach (string note in graph.Notes)
            text.Append("note: ").Append(note).Append('\n');
        // It goes to a terminal: names come from the cluster.
        return ShownText.Of(text.ToString());
    }

    /// <summary>
    /// Text from the cluster in a drawing program's language. What misleads a reader is shown escaped; control characters are left out.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="replace">What a character is written as; null for itself.</param>
    private static string Escaped(string text, Func<char, string?> replace)
    {
        var safe = new StringBuilder(text.Length);
        foreach (char c in ShownText.Of(text))
            safe.Append(replace(c) ?? (char.IsControl(c) ? "?" : c.ToString()));
        return safe.ToString();
    }

    // The first line of a chain is its name, the others are one sentence.
    private static string OneLine(GraphNode node)
    {
        string[] lines = node.Label.Split('\n');
        if (lines.Length == 1)
            return node.Label;
        bool isOneSentence = lines[1].StartsWith("by ", StringComparison.Ordinal) || lines[1].StartsWith("comes ", StringComparison.Ordinal)
            || lines[0].EndsWith(':') || lines[0].EndsWith(',') || lines[1].StartsWith('(');
        return $"{lines[0]}{(isOneSentence ? " " : ": ")}{string.Join(' ', lines[1..])}";
    }
}
