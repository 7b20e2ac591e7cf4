using System.Globalization;
using System.Text;

namespace Portolan.Bench.IpTables;

/// <summary>
/// Draws the table of ways to find a service as SVG: three panels, number of services from left to right, both axes logarithmic.
/// </summary>
internal static class DispatchPlot
{
    private const int Width = 300, Height = 240, Left = 62, Top = 44, Gap = 92, LegendHeight = 34;

    private static readonly (string Kind, string Colour, string Dash)[] s_styles =
    [
        ("iptables-legacy, linear", "#b3261e", ""),
        ("iptables-nft, linear", "#b3261e", "6 4"),
        ("iptables-legacy, tree", "#1b5e9b", ""),
        ("iptables-nft, tree", "#1b5e9b", "6 4"),
        ("mode nftables", "#2e7d32", ""),
    ];

    public static string Draw(IReadOnlyCollection<DispatchRow> rows)
    {
        (string Title, Func<DispatchRow, double> Value)[] panels =
        [
            ("rules walked, median", static row => row.Walked),
            ("first datagram, µs, median", static row => row.SendMicroseconds),
            ("one service added, ms, median", static row => row.AddMilliseconds),
        ];
        var svg = new StringBuilder();
        int width = Left + panels.Length * (Width + Gap), height = Top + Height + 50 + LegendHeight;
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"><title>What finding a service costs</title>""");
        svg.AppendLine("""<rect width="100%" height="100%" fill="#fff"/>""");
        for (int i = 0; i < panels.Length; i++)
            DrawPanel(svg, Left + i * (Width + Gap), panels[i].Title, panels[i].Value, rows);
        DrawLegend(svg, Top + Height + 50 + LegendHeight / 2);
        return svg.AppendLine("</svg>").ToString();
    }

    private static void DrawPanel(StringBuilder svg, int left, string title, Func<DispatchRow, double> value,
        IReadOnlyCollection<DispatchRow> rows)
    {
        int bottom = Top + Height;
        int[] sizes = [.. rows.Select(static row => row.Services).Distinct().Order()];
        double low = Math.Floor(Math.Log10(rows.Min(value))), high = Math.Ceiling(Math.Log10(rows.Max(value)));
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
        foreach ((string kind, string colour, string dash) in s_styles)
        {
            DispatchRow[] line = [.. rows.Where(row => row.Kind == kind).OrderBy(static row => row.Services)];
            if (line.Length == 0)
                continue;
            string path =
                string.Join(" L", line.Select(row => string.Create(CultureInfo.InvariantCulture, $"{X(row.Services)} {Y(value(row))}")));
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>""");
            foreach (DispatchRow row in line)
                svg.AppendLine(CultureInfo.InvariantCulture, $"""<circle cx="{X(row.Services)}" cy="{Y(value(row))}" r="3.5" fill="{colour}"/>""");
            last.Add((value(line[^1]), colour));
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

    private static void DrawLegend(StringBuilder svg, int y)
    {
        int x = Left;
        foreach ((string kind, string colour, string dash) in s_styles)
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
