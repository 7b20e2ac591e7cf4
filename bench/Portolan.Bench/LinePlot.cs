using System.Globalization;
using System.Text;

namespace Portolan.Bench;

/// <summary>What was measured of one kind of rules with a number of services.</summary>
/// <param name="Kind">The kind, which names its line.</param>
/// <param name="Services">How many there were.</param>
/// <param name="Values">A value for each panel.</param>
internal sealed record PlotPoint(string Kind, int Services, params double[] Values);

/// <summary>How the line of a kind is drawn.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Colour">"#b3261e".</param>
/// <param name="Dash">As stroke-dasharray; empty for a whole line.</param>
internal sealed record PlotStyle(string Kind, string Colour, string Dash = "");

/// <summary>
/// Draws measurements as SVG: panels side by side, number of services from left to right, both axes logarithmic.
/// </summary>
internal static class LinePlot
{
    private const int Width = 300, Height = 240, Left = 62, Top = 44, Gap = 92, LegendHeight = 34;

    /// <summary>Draws a plot.</summary>
    /// <param name="title">What readers without eyes are told.</param>
    /// <param name="panels">The panels' titles.</param>
    /// <param name="styles">The lines, in the order of the legend.</param>
    /// <param name="points">The measurements, with a value above 0 for each panel.</param>
    internal static string Draw(string title, string[] panels, PlotStyle[] styles, IReadOnlyCollection<PlotPoint> points)
    {
        var svg = new StringBuilder();
        int width = Left + panels.Length * (Width + Gap), height = Top + Height + 50 + LegendHeight;
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"><title>{title}</title>""");
        svg.AppendLine("""<rect width="100%" height="100%" fill="#fff"/>""");
        for (int i = 0; i < panels.Length; i++)
            DrawPanel(svg, Left + i * (Width + Gap), panels[i], i, styles, points);
        DrawLegend(svg, styles, Top + Height + 50 + LegendHeight / 2);
        return svg.AppendLine("</svg>").ToString();
    }

    private static void DrawPanel(
        StringBuilder svg, int left, string title, int panel, PlotStyle[] styles, IReadOnlyCollection<PlotPoint> rows)
    {
        int bottom = Top + Height;
        int[] sizes = [.. rows.Select(static row => row.Services).Distinct().Order()];
        double low = Math.Floor(Math.Log10(rows.Min(row => row.Values[panel])));
        double high = Math.Ceiling(Math.Log10(rows.Max(row => row.Values[panel])));
        Text(svg, left + Width / 2, Top - 18, "middle", title, "#000", "bold");
        for (double power = low; power <= high; power++)
        {
            int y = Y(Math.Pow(10, power));
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<path d="M{left} {y}H{left + Width}" stroke="#ddd"/>""");
            Text(svg, left - 8, y + 4, "end", Number(Math.Pow(10, power)), "#000");
        }
        foreach (int size in sizes)
            Text(svg, X(size), bottom + 18, "middle", Number(size), "#000");
        Text(svg, left + Width / 2, bottom + 36, "middle", "services", "#000");

        HashSet<(double Value, string Colour)> last = [];
        foreach ((string kind, string colour, string dash) in styles)
        {
            PlotPoint[] line = [.. rows.Where(row => row.Kind == kind).OrderBy(static row => row.Services)];
            if (line.Length == 0)
                continue;
            string path = string.Join(" L", line.Select(row =>
                string.Create(CultureInfo.InvariantCulture, $"{X(row.Services)} {Y(row.Values[panel])}")));
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>""");
            foreach (PlotPoint row in line)
                svg.AppendLine(CultureInfo.InvariantCulture, $"""<circle cx="{X(row.Services)}" cy="{Y(row.Values[panel])}" r="3.5" fill="{colour}"/>""");
            last.Add((line[^1].Values[panel], colour));
        }

        // Only the last values have room beside them; where two would stand on each other, the higher one moves up.
        int place = int.MaxValue;
        foreach ((double number, string colour) in last.OrderBy(static label => label.Value))
        {
            place = Math.Min(Y(number), place - 13);
            Text(svg, left + Width + 7, place + 4, "start", Number(number), colour);
        }

        int X(int services) => left + (sizes.Length == 1 ? Width / 2
            : (int)Math.Round(Width * (Math.Log10(services) - Math.Log10(sizes[0])) / (Math.Log10(sizes[^1]) - Math.Log10(sizes[0]))));
        int Y(double number) => bottom - (int)Math.Round(Height * (Math.Log10(number) - low) / Math.Max(1, high - low));
    }

    private static void DrawLegend(StringBuilder svg, PlotStyle[] styles, int y)
    {
        int x = Left;
        foreach ((string kind, string colour, string dash) in styles)
        {
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<path d="M{x} {y}h30" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>""");
            Text(svg, x + 38, y + 4, "start", kind, colour);
            x += 210;
        }
    }

    private static void Text(StringBuilder svg, int x, int y, string anchor, string text, string colour, string weight = "normal") =>
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">{text}</text>""");

    private static string Number(double value) => value.ToString(value >= 100 ? "n0" : "0.##", CultureInfo.InvariantCulture);
}
