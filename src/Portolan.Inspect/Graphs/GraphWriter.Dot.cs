using System.Globalization;
using System.Text;

namespace Portolan.Inspect.Graphs;

public static partial class GraphWriter
{
    /// <summary>A graph in Graphviz' language.</summary>
    public static string ToDot(ServiceGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"digraph \"{DotText(graph.Title)}\" {{\n  rankdir=LR;\n");
        text.Append("  nodesep=0.3; ranksep=0.5;\n");
        text.Append("  node [fontname=\"Helvetica,sans-serif\", fontsize=12, shape=box, style=filled, fillcolor=white, " +
            "margin=\"0.14,0.07\"];\n");
        text.Append("  edge [fontname=\"Helvetica,sans-serif\", fontsize=11, color=\"#555555\", fontcolor=\"#333333\"];\n");
        IGrouping<string?, GraphNode>[] services = [.. graph.Nodes.GroupBy(static node => node.Service)];
        int number = 0;
        // From left to right Graphviz stacks what it is told from the bottom up.
        foreach (IGrouping<string?, GraphNode> service in services.Reverse())
        {
            bool isFramed = services.Length > 1 && service.Key is not null;
            if (isFramed)
            {
                text.Append(CultureInfo.InvariantCulture, $"  subgraph cluster_{number++} {{\n  label=\"{DotText(service.Key!)}\"; ");
                text.Append("fontname=\"Helvetica,sans-serif\"; fontsize=13; labeljust=l; color=\"#bbbbbb\";\n");
            }
            foreach (GraphNode node in service.Reverse())
                text.Append(CultureInfo.InvariantCulture, $"  {node.Id} [label=\"{DotText(node.Label)}\", {LookOf(node.Kind)}];\n");
            if (isFramed)
                text.Append("  }\n");
        }
        var kinds = graph.Nodes.ToDictionary(node => node.Id, node => node.Kind);
        foreach (GraphEdge edge in graph.Edges.Reverse())
        {
            string style = ColourOf(edge, kinds[edge.To]) is { } colour ? $", color=\"{colour}\", fontcolor=\"{colour}\"" : string.Empty;
            if (IsBesides(edge, kinds[edge.To]))
                style += ", style=dashed";
            if (kinds[edge.To] == GraphNodeKind.Mark)
                style += ", constraint=false";
            // A blank on either side keeps the text off the arrow.
            string label = edge.Label.Length == 0 ? string.Empty
                : $" {GraphLabels.WrapArrow(edge.Label).Replace("\n", " \n ", StringComparison.Ordinal)} ";
            text.Append(CultureInfo.InvariantCulture, $"  {edge.From} -> {edge.To} [label=\"{DotText(label)}\"{style}];\n");
        }
        return text.Append("}\n").ToString();
    }

    private static string LookOf(GraphNodeKind kind) => kind switch
    {
        GraphNodeKind.Hook or GraphNodeKind.Client => "style=\"rounded,filled\", fillcolor=\"#e8eef7\", color=\"#35507a\"",
        GraphNodeKind.Frontend => "color=\"#35507a\", penwidth=2",
        GraphNodeKind.Decision => "style=\"rounded,filled\", fillcolor=\"#f4f0fa\", color=\"#6a4fa3\"",
        GraphNodeKind.Mark => "shape=note, fillcolor=\"#fff6d6\", color=\"#a98600\"",
        GraphNodeKind.Endpoint => "style=\"rounded,filled\", fillcolor=\"#e3f4e1\", color=\"#2f7d32\"",
        GraphNodeKind.DeadEnd => "fillcolor=\"#fbe0e0\", color=\"#b3261e\", penwidth=2, fontcolor=\"#b3261e\"",
        GraphNodeKind.Foreign or GraphNodeKind.Elsewhere or GraphNodeKind.Untranslated => "fillcolor=\"#fdebd8\", color=\"#b85c00\"",
        GraphNodeKind.Missing or GraphNodeKind.Unknown => "style=\"dashed\", color=\"#999999\"",
        _ => "color=\"#555555\"",
    };

    /// <summary>Red for what stops, amber for marks; null for the usual colour.</summary>
    private static string? ColourOf(GraphEdge edge, GraphNodeKind end) => end switch
    {
        GraphNodeKind.DeadEnd => "#b3261e",
        GraphNodeKind.Foreign or GraphNodeKind.Elsewhere or GraphNodeKind.Untranslated => "#b85c00",
        _ => end == GraphNodeKind.Mark || edge.Masquerade != MasqueradeMark.No || edge.Source is not null ? "#8a6d00" : null,
    };

    /// <summary>True for what is beside the path, or on it only under a condition.</summary>
    private static bool IsBesides(GraphEdge edge, GraphNodeKind end) => end == GraphNodeKind.Mark || edge.When is { IsEmpty: false };

    // Graphviz reads character entities in labels, as HTML has them.
    private static string DotText(string text) => Escaped(text, static c => c switch
    {
        '\n' => "\\n",
        '&' => "&amp;",
        '"' => "\\\"",
        '\\' => "\\\\",
        _ => null,
    });
}
