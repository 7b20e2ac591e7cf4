using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Graphs;

/// <summary>A frontend and the paths that packets of each kind of client to it take.</summary>
/// <param name="service">The service port.</param>
/// <param name="frontend">The frontend.</param>
/// <param name="walker">Traces packets to it.</param>
internal sealed class FrontRoutes(ProgrammedService service, ProgrammedFrontend frontend, FrontendWalker walker)
{
    internal ProgrammedService Service => service;

    internal ProgrammedFrontend Frontend => frontend;

    /// <summary>The clients, with their paths.</summary>
    internal List<(ClientSource Client, ImmutableArray<ClientRoute> Routes)> Clients { get; } = [];

    /// <summary>Source ranges decide at this frontend.</summary>
    internal bool ChecksSources { get; private set; }

    /// <summary>A policy Local decides at this frontend.</summary>
    internal bool ChecksPlace { get; } = frontend.Kind == ProgrammedKind.ClusterIP ? service.IsInternalLocal == true
        : service.IsExternalLocal == true;

    /// <summary>The endpoints whose masquerading differs from their neighbours' when they get themselves.</summary>
    internal Dictionary<string, MasqueradeMark> Hairpins { get; } = new(StringComparer.Ordinal);

    internal FrontendWalk Walk(ClientPlace place, InetAddress source) =>
        walker.Walk(service, frontend.Port == 0 ? frontend with { Port = 80 } : frontend, place, source, $"from {source}");

    internal void Decide(IEnumerable<FrontendWalk> walks) => ChecksSources = walks.SelectMany(static walk => walk.Trace.Outcomes)
        .SelectMany(Obstacles.Ends).Any(static end => ClientRoutes.RefusalOf(end) == UnservedCause.SourceNotAllowed);

    internal void Add(ClientSource client, ImmutableArray<ClientRoute> routes) => Clients.Add((client, routes));

    /// <summary>Equal for clients whose packets end alike.</summary>
    internal static string KeyOf(ImmutableArray<ClientRoute> routes) =>
        string.Join('\n', routes.Select(static route => route.Key).Order(StringComparer.Ordinal));

    /// <summary>Equal for frontends that can be one box.</summary>
    internal string Key => $"{service.DisplayName} {service.Protocol} {service.Family} {frontend.Kind} "
        + $"{(frontend.Kind == ProgrammedKind.NodePort ? frontend.Port : 0)} {ChecksSources} "
        + string.Join("\n\n", Clients.Select(static item => KeyOf(item.Routes)));

    /// <summary>Leaves out ranges that make no difference at any of the frontends, and merges those that make the same.</summary>
    internal static void Reduce(List<FrontRoutes> fronts)
    {
        if (fronts.Count == 0)
            return;
        // All frontends have the same clients in the same order.
        var kept = new List<(int Index, string Key)>();
        ClientSource[] clients = [.. fronts[0].Clients.Select(static item => item.Client)];
        for (int index = 0; index < clients.Length; index++)
        {
            string key = $"{clients[index].Place} " + string.Join("\n\n", fronts.Select(front => KeyOf(front.Clients[index].Routes)));
            int same = kept.FindIndex(other => other.Key == key);
            if (same < 0)
                kept.Add((index, key));
            else
                clients[kept[same].Index] = clients[kept[same].Index] with
                {
                    Ranges = [.. clients[kept[same].Index].Ranges, .. clients[index].Ranges],
                };
        }
        foreach (FrontRoutes front in fronts)
        {
            (ClientSource, ImmutableArray<ClientRoute> Routes)[] some =
                [.. kept.Select(item => (clients[item.Index], front.Clients[item.Index].Routes))];
            front.Clients.Clear();
            front.Clients.AddRange(some);
        }
    }
}
