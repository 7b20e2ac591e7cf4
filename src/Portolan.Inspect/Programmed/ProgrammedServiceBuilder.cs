using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;

namespace Portolan.Inspect.Programmed;

/// <summary>Collects what the rules say about one service port, from all chains and maps.</summary>
internal sealed class ProgrammedServiceBuilder(string id, IpProtocol protocol, IpFamily family, RuleWriter writer)
{
    private readonly List<ProgrammedFrontend> _frontends = [];

    internal string Id => id;

    /// <summary>The chain at which the service begins in an excerpt that shows no rule leading to it; null for others.</summary>
    internal string? EntryChain { get; set; }

    internal string? Name { get; set; }

    internal bool? IsExternalLocal { get; set; }

    internal bool? IsInternalLocal { get; set; }

    internal TimeSpan? Affinity { get; set; }

    internal ImmutableArray<InetPrefix> SourceRanges { get; set; } = [];

    /// <summary>The endpoints of the chain that serves the whole cluster.</summary>
    internal ImmutableArray<ProgrammedEndpoint> ClusterEndpoints { get; set; } = [];

    internal void Add(ProgrammedFrontend frontend)
    {
        int index = _frontends.FindIndex(other => other.Address == frontend.Address && other.Port == frontend.Port
            && (other.Kind == ProgrammedKind.NodePort) == (frontend.Kind == ProgrammedKind.NodePort));
        if (index < 0)
        {
            _frontends.Add(frontend);
            return;
        }
        // A frontend may be served by one table and rejected by another: the rejection is what clients from outside see.
        ProgrammedFrontend known = _frontends[index];
        if (frontend.State is ProgrammedState.Rejected or ProgrammedState.Dropped)
            _frontends[index] = known with { State = frontend.State, Endpoints = [] };
        else if (known.Place is null)
            _frontends[index] = frontend with { State = known.State, Endpoints = [] };
    }

    internal ProgrammedService Build()
    {
        (string? service, string port) = ServiceText.Split(Name);
        ImmutableArray<ProgrammedFrontend> frontends = [.. _frontends.OrderBy(frontend => frontend.Kind)
            .ThenBy(frontend => frontend.Address).ThenBy(frontend => frontend.Port)];
        ProgrammedFrontend? first = frontends.FirstOrDefault(frontend => !frontend.Endpoints.IsEmpty);
        return new ProgrammedService
        {
            Service = service,
            Port = port,
            Id = id,
            Protocol = protocol,
            Family = family,
            Writer = writer,
            Frontends = frontends,
            Endpoints = !ClusterEndpoints.IsEmpty ? ClusterEndpoints : first?.Endpoints ?? [],
            IsExternalLocal = IsExternalLocal,
            IsInternalLocal = IsInternalLocal,
            Affinity = Affinity,
            SourceRanges = SourceRanges,
            EntryChain = frontends.IsEmpty ? EntryChain : null,
        };
    }
}

/// <summary>Service names in comments of rules.</summary>
internal static class ServiceText
{
    /// <summary>
    /// The service port's name in a comment such as "shop/web:http cluster IP", or null: all writers comment rules and elements so.
    /// </summary>
    internal static string? NameIn(string? comment) =>
        KubeProxyIptablesComment.Parse(comment)
        is { Role: not (KubeCommentRole.SourceNotAccepted or KubeCommentRole.TrafficFor), ServicePort: { } name } ? name : null;

    internal static (string? Service, string Port) Split(string? name)
    {
        if (name is null)
            return (null, string.Empty);
        int colon = name.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? (name, string.Empty) : (name[..colon], name[(colon + 1)..]);
    }
}
