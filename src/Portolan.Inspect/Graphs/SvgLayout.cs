using System.Globalization;
using System.Net;
using System.Text;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Graphs;

/// <summary>
/// Draws a graph as SVG without a layout program: boxes in layers from left to right, ordered within a layer by where their arrows come
/// from. Graphviz does it better; this is for machines that have none.
/// </summary>
public static class SvgLayout
{
    private const int LineHeight = 14;
    private const int BoxPadding = 16;
    private const int Gap = 18;
    private const int LayerGap = 150;
    private const int Margin = 24;
    private const double CharacterWidth = 6.4;
    private const double BoldCharacterWidth = 7.9;
    private const int LongestLine = 46;

    /// <summary>The picture as an SVG file.</summary>
    public static string Draw(ServiceGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        List<List<GraphNode>> layers = Layers(graph);
        var boxes = new Dictionary<string, Box>(StringComparer.Ordinal);
        double x = Margin, height = 0;
        foreach (List<GraphNode> layer in layers)
        {
            double width = layer.Max(node => node.Label.Split('\n')
                .Select((line, index) => Math.Min(line.Length, LongestLine) * (index == 0 ? BoldCharacterWidth : CharacterWidth))
                .Max() + 20);
            double y = Margin;
            foreach (GraphNode node in layer)
            {
                double own = node.Label.Split('\n').Length * LineHeight + BoxPadding;
                boxes[node.Id] = new Box(x, y, width, own);
                y += own + Gap;
            }
            height = Math.Max(height, y);
            x += width + LayerGap;
        }
        // Layers are centred on each other.
        foreach (List<GraphNode> layer in layers)
        {
            double shift = (height - layer.Sum(node => boxes[node.Id].Height + Gap)) / 2;
            foreach (GraphNode node in layer)
                boxes[node.Id] = boxes[node.Id] with { Y = boxes[node.Id].Y + shift };
        }
        return Render(graph, boxes, x - LayerGap + Margin, height + Margin);
    }

    private static List<List<GraphNode>> Layers(ServiceGraph graph)
    {
        var rank = graph.Nodes.ToDictionary(node => node.Id, _ => 0);
        HashSet<string> marks = [.. graph.Nodes.Where(node => node.Kind == GraphNodeKind.Mark).Select(node => node.Id)];
        // Longest path, cut off where arrows form a cycle.
        for (int round = 0; round < graph.Nodes.Length; round++)
        {
            bool changed = false;
            foreach (GraphEdge edge in graph.Edges)
            {
                int wanted = Math.Min(rank[edge.From] + 1, 40);
                if (edge.From != edge.To && !marks.Contains(edge.To) && rank[edge.To] < wanted)
                    (rank[edge.To], changed) = (wanted, true);
            }
            if (!changed)
                break;
        }
        // A mark is placed beside the first chain that leads to it, not after the last.
        foreach (string mark in marks)
            rank[mark] = graph.Edges.Where(edge => edge.To == mark).Select(edge => rank[edge.From] + 1).DefaultIfEmpty(0).Min();
        List<List<GraphNode>> layers = [.. graph.Nodes.GroupBy(node => rank[node.Id]).OrderBy(group => group.Key)
            .Select(group => group.ToList())];
        var position = new Dictionary<string, double>(StringComparer.Ordinal);
        ILookup<string, string> sources = graph.Edges.ToLookup(edge => edge.To, edge => edge.From);
        foreach (List<GraphNode> layer in layers)
        {
            var order = layer.Select((node, index) =>
                (node, index, weight: sources[node.Id].Select(id => position.GetValueOrDefault(id, 0)).DefaultIfEmpty(0).Average()))
                .OrderBy(item => item.weight).ThenBy(item => item.index).Select(item => item.node).ToList();
            layer.Clear();
            layer.AddRange(order);
            for (int index = 0; index < layer.Count; index++)
                position[layer[index].Id] = index / (double)layer.Count;
        }
        return layers;
    }

    private static string Render(ServiceGraph graph, Dictionary<string, Box> boxes, double width, double height)
    {
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:0} {height:0}" width="{width:0}" height="{height:0}" font-family="sans-serif" font-size="11">
            <title>{Escape(graph.Title)}</title>
            <defs><marker id="arrow" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0 L10,5 L0,10 z" fill="#555"/></marker></defs>
            <rect width="100%" height="100%" fill="#fff"/>

            """);
        var kinds = graph.Nodes.ToDictionary(node => node.Id, node => node.Kind);
        // Above the boxes: a long arrow passes behind some, and its condition must stay readable.
        var labels = new StringBuilder();
        foreach (GraphEdge edge in graph.Edges)
        {
            Box from = boxes[edge.From], to = boxes[edge.To];
            double x1 = from.X + from.Width, y1 = from.Y + from.Height / 2, x2 = to.X, y2 = to.Y + to.Height / 2;
            (string color, string dash) = kinds[edge.To] switch
            {
                GraphNodeKind.DeadEnd => ("#b3261e", ""),
                GraphNodeKind.Mark => ("#a98600", " stroke-dasharray=\"5 3\""),
                _ => ("#555", ""),
            };
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{x1:0},{y1:0} C{x1 + 60:0},{y1:0} {x2 - 60:0},{y2:0} {x2:0},{y2:0}\" " +
                $"fill=\"none\" stroke=\"{color}\"{dash} marker-end=\"url(#arrow)\"/>\n");
            if (edge.Label.Length > 0)
            {
                // Labels are near the arrow's end, where arrows of one box have diverged.
                double lx = x1 + (x2 - x1) * 0.62, ly = y1 + (y2 - y1) * 0.7 - 4;
                labels.Append(CultureInfo.InvariantCulture, $"<text x=\"{lx:0}\" y=\"{ly:0}\" text-anchor=\"middle\" fill=\"{color}\" " +
                    $"font-size=\"10\" stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\">{Escape(Cut(edge.Label, 40))}</text>\n");
            }
        }
        foreach (GraphNode node in graph.Nodes)
            RenderBox(svg, node, boxes[node.Id]);
        svg.Append(labels);
        return svg.Append("</svg>\n").ToString();
    }

    private static void RenderBox(StringBuilder svg, GraphNode node, Box box)
    {
        (string fill, string stroke, string extra) = node.Kind switch
        {
            GraphNodeKind.Hook => ("#e8eef7", "#35507a", " rx=\"14\""),
            GraphNodeKind.Mark => ("#fff6d6", "#a98600", ""),
            GraphNodeKind.Endpoint => ("#e3f4e1", "#2f7d32", " rx=\"22\""),
            GraphNodeKind.DeadEnd => ("#fbe0e0", "#b3261e", ""),
            GraphNodeKind.Missing => ("#f3f3f3", "#999", " stroke-dasharray=\"4 3\""),
            _ => ("#fff", "#555", " rx=\"3\""),
        };
        string[] lines = node.Label.Split('\n');
        svg.Append(CultureInfo.InvariantCulture, $"<g><title>{Escape(node.Label)}</title><rect x=\"{box.X:0}\" y=\"{box.Y:0}\" " +
            $"width=\"{box.Width:0}\" height=\"{box.Height:0}\" fill=\"{fill}\" stroke=\"{stroke}\"{extra}/>\n");
        double y = box.Y + BoxPadding / 2.0 + LineHeight - 3;
        for (int index = 0; index < lines.Length; index++, y += LineHeight)
        {
            string weight = index == 0 ? " font-weight=\"bold\"" : " fill=\"#444\"";
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{box.X + box.Width / 2:0}\" y=\"{y:0}\" " +
                $"text-anchor=\"middle\"{weight}>{Escape(Cut(lines[index], LongestLine))}</text>\n");
        }
        svg.Append("</g>\n");
    }

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..(length - 1)] + "…";

    // XML allows no control characters, not even escaped, and no unpaired surrogates (which EnumerateRunes replaces).
    private static string Escape(string text) =>
        WebUtility.HtmlEncode(string.Concat(ShownText.Of(text).EnumerateRunes()
        .Select(rune => (Rune.IsControl(rune) && rune.Value != '\n') || rune.Value is 0xfffe or 0xffff ? "?" : rune.ToString())));

    private readonly record struct Box(double X, double Y, double Width, double Height);
}
