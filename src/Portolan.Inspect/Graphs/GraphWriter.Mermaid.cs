using System.Globalization;
using System.Text;

namespace Portolan.Inspect.Graphs;

public static partial class GraphWriter
{
    /// <summary>A Mermaid flowchart.</summary>
    public static string ToMermaid(ServiceGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var text = new StringBuilder("graph LR\n");
        foreach (GraphNode node in graph.Nodes)
        {
            (string open, string close) = node.Kind switch
            {
                GraphNodeKind.Hook or GraphNodeKind.Client => ("([", "])"),
                GraphNodeKind.Endpoint => ("[(", ")]"),
                GraphNodeKind.Mark => (">", "]"),
                GraphNodeKind.Decision => ("{{", "}}"),
                GraphNodeKind.DeadEnd => ("[[", "]]"),
                _ => ("[", "]"),
            };
            text.Append(CultureInfo.InvariantCulture, $"  {node.Id}{open}\"{MermaidText(node.Label)}\"{close}:::{ClassOf(node.Kind)}\n");
        }
        var kinds = graph.Nodes.ToDictionary(node => node.Id, node => node.Kind);
        var colours = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
        for (int index = 0; index < graph.Edges.Length; index++)
        {
            GraphEdge edge = graph.Edges[index];
            string arrow = IsBesides(edge, kinds[edge.To]) ? "-.->" : "-->";
            string label = edge.Label.Length == 0 ? string.Empty : $"|\"{MermaidText(GraphLabels.WrapArrow(edge.Label))}\"|";
            text.Append(CultureInfo.InvariantCulture, $"  {edge.From} {arrow}{label} {edge.To}\n");
            if (ColourOf(edge, kinds[edge.To]) is not { } colour)
                continue;
            if (!colours.TryGetValue(colour, out List<string>? same))
                colours[colour] = same = [];
            same.Add(index.ToString(CultureInfo.InvariantCulture));
        }
        foreach ((string colour, List<string> same) in colours)
            text.Append(CultureInfo.InvariantCulture, $"  linkStyle {string.Join(',', same)} stroke:{colour}\n");
        text.Append("""
              classDef hook fill:#e8eef7,stroke:#35507a
              classDef client fill:#e8eef7,stroke:#35507a
              classDef frontend fill:#ffffff,stroke:#35507a,stroke-width:2px
              classDef decision fill:#f4f0fa,stroke:#6a4fa3
              classDef chain fill:#ffffff,stroke:#555555
              classDef mark fill:#fff6d6,stroke:#a98600
              classDef foreign fill:#fdebd8,stroke:#b85c00
              classDef elsewhere fill:#fdebd8,stroke:#b85c00
              classDef endpoint fill:#e3f4e1,stroke:#2f7d32
              classDef untranslated fill:#fdebd8,stroke:#b85c00
              classDef deadend fill:#fbe0e0,stroke:#b3261e,color:#b3261e
              classDef missing fill:#f3f3f3,stroke:#999999,stroke-dasharray:4 3
              classDef unknown fill:#f3f3f3,stroke:#999999,stroke-dasharray:4 3

            """);
        return text.ToString();
    }

    private static string ClassOf(GraphNodeKind kind) => kind.ToString().ToLowerInvariant();

    // Names come from the cluster: quotes, brackets and markup must not end a label or become HTML in a browser.
    private static string MermaidText(string text) => Escaped(text, static c => c switch
    {
        '\n' => "<br/>",
        '"' => "#quot;",
        '<' => "#lt;",
        '>' => "#gt;",
        '&' => "#amp;",
        '#' => "#35;",
        '`' => "#96;",
        _ => null,
    });
}
