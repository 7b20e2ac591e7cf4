using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Graphs;

/// <summary>Makes boxes and arrows of the paths of packets: boxes with the same decision and the same ends are one.</summary>
internal sealed class DecisionDrawing
{
    private const string HairpinText = "(hairpin: masqueraded)";

    private readonly Dictionary<string, GraphNode> _nodes = new(StringComparer.Ordinal);
    private readonly List<GraphClient> _clients = [];
    private readonly Dictionary<string, (GraphEdge Edge, List<string> Clients)> _edges = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];
    // Boxes that say of all their endpoints that they are masqueraded when they get themselves.
    private readonly HashSet<string> _hairpinHubs = new(StringComparer.Ordinal);

    private string _service = string.Empty;

    /// <summary>Draws a service: all its frontends of both families.</summary>
    internal void Add(string service, IReadOnlyList<FrontRoutes> fronts, bool hasPorts)
    {
        _service = service;
        var classes = new Dictionary<(IpFamily, ClientSource), GraphClient>();
        foreach (FrontRoutes front in fronts)
        {
            foreach ((ClientSource source, _) in front.Clients)
            {
                if (classes.ContainsKey((front.Service.Family, source)))
                    continue;
                var client = new GraphClient($"c{_clients.Count.ToString(CultureInfo.InvariantCulture)}", source.Place,
                    front.Service.Family, source.Ranges, source.IsRest, source.Example);
                classes[(front.Service.Family, source)] = client;
                _clients.Add(client);
            }
        }
        AddFrontends(fronts, classes, hasPorts);
    }

    internal ServiceGraph ToGraph(string title, ImmutableArray<string> notes)
    {
        Dictionary<string, GraphClient> clients = _clients.ToDictionary(static client => client.Id, StringComparer.Ordinal);
        ILookup<string, string> coming = _order.Select(key => _edges[key])
            .SelectMany(static item => item.Clients.Select(client => (item.Edge.To, client))).Distinct()
            .ToLookup(static item => item.To, static item => item.client, StringComparer.Ordinal);
        // An endpoint that is reached without a choice says itself what it gets.
        HashSet<string> saying =
        [
            .. _order.Select(key => _edges[key].Edge).Where(edge => edge.Hairpin == MasqueradeMark.Yes && !_hairpinHubs.Contains(edge.From))
                .Select(static edge => edge.To),
        ];
        var edges = ImmutableArray.CreateBuilder<GraphEdge>();
        foreach (string key in _order)
        {
            (GraphEdge edge, List<string> taking) = _edges[key];
            string who = coming[edge.From].Any()
                ? GraphLabels.Clients([.. taking.Select(id => clients[id])], [.. coming[edge.From].Select(id => clients[id])])
                : string.Empty;
            edge = edge with { Clients = [.. taking] };
            edges.Add(edge with { Label = GraphLabels.Arrow(who, edge, saying.Contains(edge.To) || _hairpinHubs.Contains(edge.From)) });
        }
        return new ServiceGraph
        {
            Title = title,
            Nodes =
            [
                .. _nodes.Values.Select(node => saying.Contains(node.Id) ? node with { Label = $"{node.Label}\n{HairpinText}" } : node),
            ],
            Edges = edges.ToImmutable(),
            Clients = [.. _clients],
            Notes = notes,
        };
    }

    private void AddFrontends(IReadOnlyList<FrontRoutes> fronts, Dictionary<(IpFamily, ClientSource), GraphClient> classes, bool hasPorts)
    {
        List<FrontRoutes[]> boxes =
        [
            .. fronts.GroupBy(static front => front.Key, StringComparer.Ordinal).Select(static same => same.ToArray()),
        ];
        List<(ClientPlace[] Places, string Box)> senders = [.. Senders(fronts).Select(places => (places, SenderBox(places)))];
        foreach (FrontRoutes[] same in boxes)
        {
            FrontRoutes front = same[0];
            string[] addresses = [.. same.Select(static one => one.Frontend.Text)];
            string box = Box(GraphNodeKind.Frontend, $"front {front.Key}",
                GraphLabels.Frontend(front.Service, front.Frontend, addresses, hasPorts),
                node => node with { Addresses = [.. addresses], Protocol = front.Service.Protocol });
            foreach ((ClientPlace[] places, string sender) in senders)
            {
                foreach ((ClientSource source, _) in front.Clients.Where(item => places.Contains(item.Client.Place)))
                    Arrow(new GraphEdge(sender, box, string.Empty), classes[(front.Service.Family, source)]);
            }
            foreach ((ClientSource source, ImmutableArray<ClientRoute> routes) in front.Clients)
                AddRoutes(front, box, routes, classes[(front.Service.Family, source)]);
        }
    }

    /// <summary>The places of clients; those whose clients never differ are one box.</summary>
    private static IEnumerable<ClientPlace[]> Senders(IReadOnlyList<FrontRoutes> fronts)
    {
        ClientPlace[] places = [.. fronts.SelectMany(static front => front.Clients).Select(static item => item.Client.Place).Distinct()];
        string KeyAt(FrontRoutes front, ClientPlace place)
        {
            string[] keys =
            [
                .. front.Clients.Where(item => item.Client.Place == place).Select(static item => FrontRoutes.KeyOf(item.Routes)),
            ];
            return keys is [var only] ? only : $"{place} differ";
        }
        return places.GroupBy(place => string.Join("\n\n", fronts.Select(front => KeyAt(front, place))), StringComparer.Ordinal)
            .Select(static same => same.ToArray());
    }

    private string SenderBox(ClientPlace[] places) => Box(GraphNodeKind.Client, $"clients {string.Join(',', places)}",
        string.Join(",\n", places.Select(static place => place == ClientPlace.Outside
            ? "outside the cluster" : GraphLabels.PlaceName(place))));

    private void AddRoutes(FrontRoutes front, string box, ImmutableArray<ClientRoute> routes, GraphClient client)
    {
        // The boxes of each path; where paths part, the arrow has the condition.
        (ClientRoute Route, string[] Boxes)[] paths = [.. routes.Select(route => (route, Boxes(front, box, route)))];
        foreach ((ClientRoute route, string[] boxes) in paths)
        {
            int shared = paths.Where(other => !other.Route.When.SequenceEqual(route.When))
                .Select(other => Common(boxes, other.Boxes))
                .DefaultIfEmpty(1)
                .Max();
            bool hasHub = HasHub(route);
            // Where there is no box before the ends, the arrow to the end is the last.
            int last = hasHub ? boxes.Length - 1 : boxes.Length;
            int parting = Math.Min(shared, last);
            (MasqueradeMark mark, string? source) = route.Common ?? (MasqueradeMark.No, null);
            for (int index = 1; index < boxes.Length; index++)
            {
                var edge = new GraphEdge(boxes[index - 1], boxes[index], string.Empty);
                if (index == parting && !route.When.IsEmpty)
                    edge = edge with { When = route.When };
                if (index == last)
                    edge = edge with { Masquerade = mark, Source = source };
                double share = route.Leaves.Sum(static leaf => leaf.Share);
                if (index == last && route.Leaves.All(static leaf => leaf.When.IsEmpty) && share < 0.999)
                    edge = edge with { Share = share };
                Arrow(edge, client);
            }
            foreach (RouteLeaf leaf in hasHub ? route.DrawnLeaves : route.Leaves)
            {
                string end = Box(leaf.Target);
                var edge = new GraphEdge(boxes[^1], end, string.Empty)
                {
                    Share = leaf.Share < 0.999 ? leaf.Share : null,
                    Masquerade = leaf.Masquerade,
                    Source = leaf.Source,
                    Hairpin = HairpinOf(front, leaf),
                    OnTheWayTo = leaf.OnTheWayTo.IsEmpty ? null : leaf.OnTheWayTo,
                    When = !leaf.When.IsEmpty ? leaf.When : !hasHub && parting == last && !route.When.IsEmpty ? route.When : null,
                };
                Arrow(edge, client);
            }
        }
    }

    private static MasqueradeMark HairpinOf(FrontRoutes front, RouteLeaf leaf) => leaf.Target.Kind == GraphNodeKind.Endpoint
        ? front.Hairpins.GetValueOrDefault(leaf.Target.Label) : MasqueradeMark.No;

    private static int Common(string[] one, string[] other)
    {
        int common = 0;
        while (common < one.Length && common < other.Length && one[common] == other[common])
            common++;
        return common;
    }

    private static bool HasHub(ClientRoute route) => route.Foreign is not null || route.Leaves.Length > 1;

    private string[] Boxes(FrontRoutes front, string box, ClientRoute route)
    {
        var boxes = new List<string> { box };
        if (route.Foreign is { } foreign)
        {
            boxes.Add(Box(foreign.Kind, $"foreign {foreign.Label} {HubKey(route)}", foreign.Label,
                node => node with { Rule = foreign.Rule, Owner = foreign.Owner }));
            return [.. boxes];
        }
        int decision = 0;
        if (front.ChecksSources && decision < route.Decisions)
        {
            boxes.Add(Box(GraphNodeKind.Decision, $"sources {box}", "loadBalancerSourceRanges"));
            decision++;
        }
        if (front.ChecksPlace && decision < route.Decisions)
        {
            string policy = front.Frontend.Kind == Programmed.ProgrammedKind.ClusterIP ? "internal" : "external";
            boxes.Add(Box(GraphNodeKind.Decision, $"local {box}", $"{policy}TrafficPolicy Local"));
        }
        if (HasHub(route))
        {
            RouteLeaf[] endpoints = [.. route.Leaves.Where(static leaf => leaf.Target.Kind == GraphNodeKind.Endpoint)];
            bool sayHairpin = endpoints.Length > 1
                && Array.TrueForAll(endpoints, leaf => HairpinOf(front, leaf) == MasqueradeMark.Yes);
            boxes.Add(Box(GraphNodeKind.Decision, $"pick {front.Service.DisplayName} {front.Service.Protocol} {HubKey(route)}",
                Choice(front, route) + (sayHairpin ? $"\n{HairpinText}" : string.Empty)));
            if (sayHairpin)
                _hairpinHubs.Add(boxes[^1]);
        }
        return [.. boxes];
    }

    private static string HubKey(ClientRoute route) =>
        string.Join(';', route.DrawnLeaves.Select(static leaf => leaf.Key).Order(StringComparer.Ordinal));

    private static string Choice(FrontRoutes front, ClientRoute route)
    {
        int count = route.Leaves.Where(static leaf => leaf.Target.Kind is GraphNodeKind.Endpoint or GraphNodeKind.Missing)
            .Select(static leaf => leaf.Target.Label).Concat(route.Leaves.SelectMany(static leaf => leaf.OnTheWayTo)).Distinct().Count();
        string text = count < 2 ? "by chance" : $"one of {count.ToString(CultureInfo.InvariantCulture)}";
        return front.Service.Affinity is { } affinity && count > 0
            ? $"affinity: kept for {((long)affinity.TotalSeconds).ToString(CultureInfo.InvariantCulture)} s,\nelse {text}" : text;
    }

    private string Box(RouteTarget target) => Box(target.Kind, $"{target.Kind} {target.Label}", target.Label,
        node => node with { Rule = target.Rule, Owner = target.Owner });

    private string Box(GraphNodeKind kind, string key, string label, Func<GraphNode, GraphNode>? adorn = null)
    {
        key = $"{_service}\n{key}";
        if (!_nodes.TryGetValue(key, out GraphNode? node))
        {
            node = new GraphNode($"n{_nodes.Count.ToString(CultureInfo.InvariantCulture)}", kind, label) { Service = _service };
            _nodes[key] = node = adorn?.Invoke(node) ?? node;
        }
        return node.Id;
    }

    private void Arrow(GraphEdge edge, GraphClient client)
    {
        string key =
            $"{edge.From} {edge.To} {edge.Masquerade} {edge.Source} {(edge.Share is { } share ? ShareText.Of(share) : "")} {edge.Hairpin} "
            + $"{string.Join(',', edge.OnTheWayTo ?? [])} if {string.Join(" or ", edge.When ?? [])}";
        if (!_edges.TryGetValue(key, out (GraphEdge Edge, List<string> Clients) known))
        {
            _edges[key] = known = (edge, []);
            _order.Add(key);
        }
        if (!known.Clients.Contains(client.Id))
            known.Clients.Add(client.Id);
    }
}
