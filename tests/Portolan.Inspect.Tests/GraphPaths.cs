using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Tests;

/// <summary>An end of a client's packets, as a graph or as trace has it.</summary>
/// <param name="Text">"to 10.0.0.1:80", "to 10.0.0.1:80 masqueraded", "not translated", "drop", "reject", "unknown".</param>
/// <param name="Share">The share of packets that end so, under the conditions.</param>
/// <param name="When">The conditions; empty for none.</param>
internal sealed record PathEnd(string Text, double Share, string When);

/// <summary>Reads the paths of a picture's arrows, to compare them with trace.</summary>
internal static class GraphPaths
{
    /// <summary>The ends of a client's packets to a frontend, as the picture has them.</summary>
    internal static List<PathEnd> Of(ServiceGraph graph, ProgrammedService service, ProgrammedFrontend frontend, InetAddress source,
        bool isNode)
    {
        GraphClient client = ClientOf([.. Clients(graph, service)], source, isNode);
        GraphNode[] front = [.. graph.Nodes.Where(node => node.Kind == GraphNodeKind.Frontend && node.Protocol == service.Protocol
            && node.Service == (service.Service ?? service.Id) && node.Addresses!.Value.Contains(frontend.Text))];
        var nodes = graph.Nodes.ToDictionary(static node => node.Id);
        ILookup<string, GraphEdge> edges = graph
            .Edges.Where(edge => edge.Clients!.Value.Contains(client.Id))
            .ToLookup(static edge => edge.From);
        var ends = new List<PathEnd>();
        // A node port of both families has a box for each.
        foreach (GraphNode box in front.Where(box => edges[box.Id].Any()).Take(1))
            Follow(box.Id, 1, MasqueradeMark.No, null, string.Empty, 0);
        return ends;

        void Follow(string box, double share, MasqueradeMark mark, string? becomes, string when, int depth)
        {
            if (depth > 10)
                throw new InvalidOperationException("the picture goes round in circles");
            if (!edges[box].Any())
                ends.Add(new PathEnd(TextOf(nodes[box], mark, becomes), share, when));
            foreach (GraphEdge edge in edges[box])
            {
                MasqueradeMark own = edge.Masquerade;
                if (edge.Hairpin != MasqueradeMark.No && nodes[edge.To].Kind == GraphNodeKind.Endpoint
                    && InetEndpoint.TryParse(nodes[edge.To].Label.Split('\n')[0], out InetEndpoint end) && end.Address == source)
                    own = edge.Hairpin;
                Follow(edge.To, edge.Share ?? share, own != MasqueradeMark.No ? own : mark, edge.Source ?? becomes,
                    edge.When is { } more ? $"{when}{string.Join(" or ", more)}" : when, depth + 1);
            }
        }
    }

    /// <summary>The ends of a traced packet.</summary>
    internal static List<PathEnd> Of(TraceResult trace) =>
    [
        .. trace.Outcomes.SelectMany(static outcome => outcome.Candidates.IsEmpty || OutcomeText.IsOnlyPlaceUnknown(outcome) ? [outcome]
            : outcome.Candidates).Select(static end => new PathEnd(TextOf(end), end.Probability, string.Join(" or ", end.When))),
    ];

    /// <summary>What the two say differently, each in a line; empty when they agree.</summary>
    internal static List<string> Differences(List<PathEnd> drawn, List<PathEnd> traced)
    {
        var found = new List<string>();
        var texts = drawn.Select(static end => end.Text).ToHashSet(StringComparer.Ordinal);
        found.AddRange(
            traced.Select(static end => end.Text).Distinct().Where(text => !texts.Contains(text)).Select(text => $"not drawn: {text}")
        );
        foreach (IGrouping<string, PathEnd> same in drawn.GroupBy(static end => end.Text))
        {
            PathEnd[] real = [.. traced.Where(end => end.Text == same.Key)];
            if (real.Length == 0)
            {
                found.Add($"drawn and not traced: {same.Key}");
                continue;
            }
            // A condition may be left out only where what it decides is the same either way.
            found.AddRange(same.Where(end => end.When.Length > 0 && !Array.Exists(real, other => other.When == end.When))
                .Select(end => $"drawn under a condition that trace does not have: {same.Key} if {end.When}"));
            if (same.Any(static end => end.When.Length == 0) && Array.TrueForAll(real, static end => end.When.Length > 0)
                && real.Select(static end => end.When).Distinct().Count() < 2)
                found.Add($"drawn without the condition: {same.Key} if {real[0].When}");
            if (traced.TrueForAll(static end => end.When.Length == 0))
            {
                double here = same.Sum(static end => end.Share), there = real.Sum(static end => end.Share);
                if (Math.Abs(here - there) > 0.002)
                    found.Add(string.Create(CultureInfo.InvariantCulture, $"{same.Key}: drawn with {here}, traced with {there}"));
            }
        }
        return found;
    }

    private static IEnumerable<GraphClient> Clients(ServiceGraph graph, ProgrammedService service)
    {
        // Clients of one service only: those that leave its own boxes.
        var boxes = graph.Nodes.Where(node => node.Service == (service.Service ?? service.Id)).Select(static node => node.Id).ToHashSet();
        var ids = graph.Edges.Where(edge => boxes.Contains(edge.From)).SelectMany(static edge => edge.Clients!.Value).ToHashSet();
        return graph.Clients.Where(client => client.Family == service.Family && ids.Contains(client.Id));
    }

    private static GraphClient ClientOf(IReadOnlyList<GraphClient> clients, InetAddress source, bool isNode)
    {
        if (isNode)
            return clients.Single(static client => client.Place == ClientPlace.Node);
        return clients.SelectMany(static client => client.Ranges.Select(range => (client, range)))
            .Where(item => item.range.Contains(source)).OrderByDescending(static item => item.range.Length)
            .Select(static item => item.client).FirstOrDefault()
            ?? clients.Single(static client => client is { Place: ClientPlace.Outside, IsRest: true });
    }

    private static string TextOf(GraphNode end, MasqueradeMark mark, string? becomes)
    {
        string first = end.Label.Split('\n')[0];
        return end.Kind switch
        {
            GraphNodeKind.DeadEnd => first.StartsWith("dropped", StringComparison.Ordinal) ? "drop" : "reject",
            GraphNodeKind.Endpoint or GraphNodeKind.Elsewhere when first != "this node" =>
                $"to {first}{Source(mark == MasqueradeMark.Yes, becomes)}",
            GraphNodeKind.Untranslated => $"not translated{Source(mark == MasqueradeMark.Yes, becomes)}",
            _ => "unknown",
        };
    }

    private static string TextOf(Outcome end)
    {
        string? becomes = end is { IsSourceTranslated: true, IsMasqueraded: false, Source.Family: not IpFamily.None }
            ? end.Source.ToString()
            : null;
        return end.Verdict switch
        {
            OutcomeVerdict.Drop => "drop",
            OutcomeVerdict.Reject => "reject",
            OutcomeVerdict.Unknown when !OutcomeText.IsOnlyPlaceUnknown(end) => "unknown",
            _ => (end.IsTranslated ? $"to {end.DestinationText}" : "not translated") + Source(end.IsMasqueraded, becomes),
        };
    }

    private static string Source(bool isMasqueraded, string? becomes) =>
        isMasqueraded ? " masqueraded" : becomes is null ? string.Empty : $" from {becomes}";
}
