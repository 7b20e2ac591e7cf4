using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Inspect.Graphs;

/// <summary>
/// Endpoints as clients of their own service: those that differ from their neighbours only in being masqueraded when they get themselves
/// are told on the arrows to them, others are clients of their own.
/// </summary>
internal sealed class EndpointClients(ClientRoutes routes, IReadOnlyList<ClientSource> sources)
{
    /// <summary>More are not asked: each is a packet to each frontend, with as many ends as there are endpoints.</summary>
    internal const int Most = 64;

    internal void Add(List<FrontRoutes> fronts, IReadOnlyCollection<InetAddress> endpoints)
    {
        foreach (InetAddress endpoint in endpoints.Order())
        {
            if (ClientSource.Of(endpoint, sources) is not { } like)
                continue;
            ImmutableArray<ClientRoute>[] own =
                [.. fronts.Select(front => routes.Of(front.Walk(like.Place, endpoint), front.ChecksSources, front.ChecksPlace))];
            ImmutableArray<ClientRoute>[] others = [.. fronts.Select(front => front.Clients.First(item => item.Client == like).Routes)];
            int[] all = [.. Enumerable.Range(0, fronts.Count)];
            if (Array.TrueForAll(all, index => FrontRoutes.KeyOf(own[index]) == FrontRoutes.KeyOf(others[index])))
                continue;
            RouteLeaf[] itself = [.. own.SelectMany(paths => Itself(paths, endpoint))];
            if (itself.Length > 0 && Array.TrueForAll(itself, leaf => leaf.Masquerade != MasqueradeMark.No
                && leaf.Masquerade == itself[0].Masquerade && leaf.Source is null) && Array.TrueForAll(all, index =>
                FrontRoutes.KeyOf(Without(own[index], endpoint)) == FrontRoutes.KeyOf(Without(others[index], endpoint))))
            {
                foreach (FrontRoutes front in fronts)
                {
                    foreach (RouteLeaf leaf in itself)
                        front.Hairpins[leaf.Target.Label] = leaf.Masquerade;
                }
                continue;
            }
            foreach (int index in all)
                fronts[index].Add(new ClientSource(like.Place, [InetPrefix.Host(endpoint)], false, endpoint), own[index]);
        }
    }

    private static IEnumerable<RouteLeaf> Itself(ImmutableArray<ClientRoute> paths, InetAddress endpoint) => paths
        .SelectMany(static path => path.Leaves).Where(leaf => IsItself(leaf, endpoint));

    private static bool IsItself(RouteLeaf leaf, InetAddress endpoint) => leaf.Target.Kind == GraphNodeKind.Endpoint
        && InetEndpoint.TryParse(leaf.Target.Label, out InetEndpoint target) && target.Address == endpoint;

    /// <summary>The paths without what they say of the endpoint's own masquerading.</summary>
    private static ImmutableArray<ClientRoute> Without(ImmutableArray<ClientRoute> paths, InetAddress endpoint) =>
    [
        .. paths.Select(path => path with
        {
            Leaves =
            [
                .. path.Leaves.Select(leaf =>
                    IsItself(leaf, endpoint) ? leaf with { Masquerade = MasqueradeMark.No, Source = null } : leaf),
            ],
        }),
    ];
}
