using System.Globalization;
using System.Text;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Graphs;

/// <summary>Writes graphs as plain text and for drawing programs.</summary>
public static class GraphWriter
{
    // In characters: 40 levels.
    private const int DeepestIndent = 120;

    /// <summary>A Mermaid flowchart.</summary>
    public static string ToMermaid(ServiceGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var text = new StringBuilder("graph LR\n");
        foreach (GraphNode node in graph.Nodes)
        {
            (string open, string close) = node.Kind switch
            {
                GraphNodeKind.Hook => ("([", "])"),
                GraphNodeKind.Endpoint => ("[(", ")]"),
                GraphNodeKind.Mark => (">", "]"),
                GraphNodeKind.DeadEnd => ("{{", "}}"),
                _ => ("[", "]"),
            };
            text.Append(CultureInfo.InvariantCulture, $"  {node.Id}{open}\"{MermaidText(node.Label)}\"{close}:::{ClassOf(node.Kind)}\n");
        }
        var kinds = graph.Nodes.ToDictionary(node => node.Id, node => node.Kind);
        foreach (GraphEdge edge in graph.Edges)
        {
            string arrow = kinds[edge.To] == GraphNodeKind.Mark ? "-.->" : "-->";
            string label = edge.Label.Length == 0 ? string.Empty : $"|\"{MermaidText(edge.Label)}\"|";
            text.Append(CultureInfo.InvariantCulture, $"  {edge.From} {arrow}{label} {edge.To}\n");
        }
        text.Append("""
              classDef hook fill:#e8eef7,stroke:#35507a
              classDef chain fill:#ffffff,stroke:#555555
              classDef mark fill:#fff6d6,stroke:#a98600
              classDef endpoint fill:#e3f4e1,stroke:#2f7d32
              classDef deadend fill:#fbe0e0,stroke:#b3261e,color:#b3261e
              classDef missing fill:#f3f3f3,stroke:#999999,stroke-dasharray:4 3

            """);
        return text.ToString();
    }

    /// <summary>A graph in Graphviz' language.</summary>
    public static string ToDot(ServiceGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"digraph \"{DotText(graph.Title)}\" {{\n  rankdir=LR;\n");
        text.Append("  nodesep=0.15; ranksep=0.5;\n");
        text.Append("  node [fontname=\"sans-serif\", fontsize=11, shape=box, style=filled, fillcolor=white];\n");
        text.Append("  edge [fontname=\"sans-serif\", fontsize=10, color=\"#555555\"];\n");
        foreach (GraphNode node in graph.Nodes)
        {
            string look = node.Kind switch
            {
                GraphNodeKind.Hook => "style=\"rounded,filled\", fillcolor=\"#e8eef7\", color=\"#35507a\"",
                GraphNodeKind.Mark => "shape=note, fillcolor=\"#fff6d6\", color=\"#a98600\"",
                GraphNodeKind.Endpoint => "shape=ellipse, fillcolor=\"#e3f4e1\", color=\"#2f7d32\"",
                GraphNodeKind.DeadEnd => "shape=octagon, fillcolor=\"#fbe0e0\", color=\"#b3261e\", fontcolor=\"#b3261e\"",
                GraphNodeKind.Missing => "style=\"dashed\", color=\"#999999\"",
                _ => "color=\"#555555\"",
            };
            text.Append(CultureInfo.InvariantCulture, $"  {node.Id} [label=\"{DotText(node.Label)}\", {look}];\n");
        }
        var kinds = graph.Nodes.ToDictionary(node => node.Id, node => node.Kind);
        foreach (GraphEdge edge in graph.Edges)
        {
            string style = kinds[edge.To]
                switch
            {
                GraphNodeKind.Mark => ", style=dashed, color=\"#a98600\", fontcolor=\"#7a6100\", constraint=false",
                GraphNodeKind.DeadEnd => ", color=\"#b3261e\", fontcolor=\"#b3261e\"",
                _ => string.Empty
            };
            text.Append(CultureInfo.InvariantCulture, $"  {edge.From} -> {edge.To} [label=\"{DotText(edge.Label)}\"{style}];\n");
        }
        return text.Append("}\n").ToString();
    }

    /// <summary>A tree in plain text, from the hooks; a box that was shown before is only referred to.</summary>
    public static string ToText(ServiceGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var text = new StringBuilder(graph.Title).Append('\n');
        var nodes = graph.Nodes.ToDictionary(node => node.Id);
        ILookup<string, GraphEdge> edges = graph.Edges.ToLookup(edge => edge.From);
        var entered = graph.Edges.Select(edge => edge.To).ToHashSet(StringComparer.Ordinal);
        var shown = new HashSet<string>(StringComparer.Ordinal);
        // A stack instead of recursion: chains in a dump may nest to any depth.
        var waiting = new Stack<(string Node, string Label, string Indent, bool IsLast, bool IsRoot)>();
        foreach (GraphNode root in graph.Nodes.Reverse().Where(node => !entered.Contains(node.Id)))
            waiting.Push((root.Id, string.Empty, string.Empty, true, true));
        while (waiting.TryPop(out (string Node, string Label, string Indent, bool IsLast, bool IsRoot) item))
        {
            string branch = item.IsRoot ? string.Empty : item.IsLast ? "└─ " : "├─ ";
            bool isNew = shown.Add(item.Node);
            string label = item.Label.Length == 0 ? string.Empty : $"[{item.Label}] ";
            string name = OneLine(nodes[item.Node].Label);
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
        return text.ToString();
    }

    // The first line is the name, the others are one sentence.
    private static string OneLine(string label)
    {
        string[] lines = label.Split('\n');
        return lines.Length == 1 ? label : $"{lines[0]}: {string.Join(' ', lines[1..])}";
    }

    private static string ClassOf(GraphNodeKind kind) => kind.ToString().ToLowerInvariant();

    // Names come from the cluster: quotes, brackets and markup must not end a label or become HTML in a browser.
    private static string MermaidText(string text)
    {
        var safe = new StringBuilder(text.Length);
        foreach (char c in ShownText.Of(text))
        {
            safe.Append(c switch
            {
                '\n' => "<br/>",
                '"' => "#quot;",
                '<' => "#lt;",
                '>' => "#gt;",
                '&' => "#amp;",
                '#' => "#35;",
                '`' => "#96;",
                _ => char.IsControl(c) ? "?" : c.ToString(),
            });
        }
        return safe.ToString();
    }

    private static string DotText(string text)
    {
        var safe = new StringBuilder(text.Length);
        foreach (char c in ShownText.Of(text))
        {
            safe.Append(c switch
            {
                '\n' => "\\n",
                '"' => "\\\"",
                '\\' => "\\\\",
                _ => char.IsControl(c) ? "?" : c.ToString(),
            });
        }
        return safe.ToString();
    }
}
