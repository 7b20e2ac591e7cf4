using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Graphs;

/// <summary>
/// The picture of what decides: clients, frontends, the decisions of the service and of rules that come first, and the ends. It is made of
/// traced packets, one from each kind of source that the rules may tell apart to each frontend, and therefore says what trace says. The
/// same services give the same picture whichever proxy wrote the rules.
/// </summary>
public sealed class DecisionGraphBuilder
{
    private readonly Ruleset _rules;
    private readonly NodeAddresses _node;
    private readonly FrontendWalker _walker;
    private readonly ChainGuide _guide;
    private readonly ClientRoutes _routes;
    private readonly Lazy<SourceRanges> _ranges;

    /// <summary>For a ruleset.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="services">The services they offer.</param>
    /// <param name="node">What is known of the node's addresses.</param>
    /// <param name="guide">Names of chains.</param>
    /// <param name="podRanges">Ranges of pod addresses beside those that the rules name.</param>
    /// <param name="routes">The node's routes; null when they are not known.</param>
    public DecisionGraphBuilder(Ruleset rules, ServiceCatalogue services, NodeAddresses node, ChainGuide guide,
        ImmutableArray<InetPrefix> podRanges = default, Routes? routes = null)
    {
        (_rules, _node, _guide) = (rules, node, guide);
        _walker = new FrontendWalker(rules, services, node, podRanges, routes);
        _routes = new ClientRoutes(rules, guide);
        _ranges = new Lazy<SourceRanges>(() => new SourceRanges(rules, guide));
    }

    /// <summary>The picture of service ports. Those of one service have their clients in common.</summary>
    /// <param name="title">What the picture shows.</param>
    /// <param name="ports">The service ports.</param>
    public ServiceGraph Build(string title, IReadOnlyList<ProgrammedService> ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        var drawing = new DecisionDrawing();
        var notes = new List<string>();
        foreach (IGrouping<string, ProgrammedService> service in ports.GroupBy(static port => port.Service ?? port.Id))
            notes.AddRange(Draw(service.Key, [.. service], drawing));
        return drawing.ToGraph(title, [.. notes.Distinct()]);
    }

    private List<string> Draw(string name, IReadOnlyList<ProgrammedService> ports, DecisionDrawing drawing)
    {
        var notes = new List<string>();
        var fronts = new List<FrontRoutes>();
        foreach (IGrouping<IpFamily, ProgrammedService> family in ports.GroupBy(static port => port.Family))
            fronts.AddRange(Trace(family.Key, [.. family], notes));
        drawing.Add(name, fronts, ports.Select(static port => (port.Port, port.Protocol)).Distinct().Count() > 1);
        return notes;
    }

    private List<FrontRoutes> Trace(IpFamily family, IReadOnlyList<ProgrammedService> ports, List<string> notes)
    {
        HashSet<InetAddress> endpoints =
        [
            .. ports.SelectMany(static port => port.Endpoints.Concat(port.Frontends.SelectMany(static frontend => frontend.Endpoints)))
                .Select(static endpoint => endpoint.Address).Where(static address => address.Family != IpFamily.None),
        ];
        InetPrefix[] asked = [.. ports.SelectMany(_ranges.Value.Of).Distinct()];
        IReadOnlyList<ClientSource> sources = new ClientSources(_walker).Of(family, asked, endpoints);
        if (asked.Length > ClientSources.MostRanges || _ranges.Value.IsCut)
            notes.Add("The rules ask for more ranges of sources than are drawn.");
        if (!sources.Any(static source => source.Place == ClientPlace.Pod))
            notes.Add($"No range of {family} pods is known (--pod-cidr gives one): clients in pods are not drawn.");
        List<FrontRoutes> fronts = [.. ports.SelectMany(port => FrontsOf(port, notes))];
        foreach (FrontRoutes front in fronts)
        {
            FrontendWalk[] walks = [.. sources.Select(source => front.Walk(source.Place, source.Example))];
            front.Decide(walks);
            for (int index = 0; index < walks.Length; index++)
                front.Add(sources[index], _routes.Of(walks[index], front.ChecksSources, front.ChecksPlace));
            notes.AddRange(walks.SelectMany(static walk => walk.Trace.Caveats));
        }
        if (endpoints.Count <= EndpointClients.Most)
            new EndpointClients(_routes, sources).Add(fronts, [.. endpoints.Where(address => !_walker.IsLocal(address))]);
        else
            notes.Add($"What an endpoint gets that is a client of its own service is not drawn with more than "
                + $"{EndpointClients.Most.ToString(CultureInfo.InvariantCulture)} endpoints.");
        FrontRoutes.Reduce(fronts);
        return fronts;
    }

    private IEnumerable<FrontRoutes> FrontsOf(ProgrammedService port, List<string> notes)
    {
        foreach (ProgrammedFrontend frontend in port.Frontends)
            yield return new FrontRoutes(port, frontend, _walker);
        if (!port.Frontends.IsEmpty || port.EntryChain is not { } entry
            || _rules.Tables.FirstOrDefault(table => table.FindChain(entry) is not null) is not { } table)
            yield break;
        notes.Add($"The input does not show which packets come to {entry}: the picture begins there.");
        Ruleset alone = Explainer.BeginningAt(table, table.FindChain(entry)!);
        // Any packet will do: the chain itself does not ask where it was sent.
        var stand = new ProgrammedFrontend { Kind = ProgrammedKind.External, Port = 0, State = ProgrammedState.Unknown };
        yield return new FrontRoutes(port, stand, new FrontendWalker(alone, ServiceCatalogue.Read(alone), _node));
    }
}
