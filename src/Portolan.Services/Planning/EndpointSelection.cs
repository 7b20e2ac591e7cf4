using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.Services.Planning;

/// <summary>
/// Which endpoints of one service port in one family are used on this node, as kube-proxy's CategorizeEndpoints decides
/// (pkg/proxy/topology.go). One instance is reused for port after port: call <see cref="Gather"/>, then query it.
/// </summary>
internal sealed class EndpointSelection(string nodeName)
{
    // In the order of the slices, with separate sort keys: keys without references are much faster to move.
    private readonly List<Candidate> _listed = [];
    private readonly List<InetEndpoint> _keys = [];
    private readonly List<int> _order = [];

    // One per address and port, sorted.
    private readonly List<Candidate> _candidates = [];

    private enum Use : byte
    {
        Ready,
        ReadyForNode,
        ReadyForZone,
        Draining,
        LocalReady,
        LocalDraining,
    }

    /// <summary>True if any endpoint on any node is ready, or serving while terminating.</summary>
    public bool HasAnyUsable
    {
        get
        {
            foreach (ref readonly Candidate candidate in CollectionsMarshal.AsSpan(_candidates))
            {
                if (candidate.IsReady || candidate.IsDraining)
                    return true;
            }
            return false;
        }
    }

    /// <summary>
    /// Collects the endpoints that slices list for a port: matched by port name and protocol, one per address and port number. Of several
    /// copies one that is not terminating wins, as in kube-proxy: an address may already belong to a new pod while the old one terminates.
    /// kube-proxy picks at random among the rest; here ready, serving and local copies come first, then the first slice by name.
    /// </summary>
    public void Gather(ReadOnlySpan<EndpointSliceObject> slices, IpFamily family, string portName, IpProtocol protocol)
    {
        _listed.Clear();
        _keys.Clear();
        _order.Clear();
        foreach (EndpointSliceObject slice in slices)
        {
            if (slice.Family != family)
                continue;
            foreach (SlicePortObject port in slice.Ports)
            {
                if (port.Protocol == protocol && port.Name == portName)
                    List(slice, port.Port);
            }
        }
        CollectionsMarshal.AsSpan(_keys).Sort(CollectionsMarshal.AsSpan(_order));
        KeepBestCopies();
    }

    private void List(EndpointSliceObject slice, ushort port)
    {
        foreach (ref readonly EndpointObject endpoint in slice.Endpoints.AsSpan())
        {
            bool isLocal = endpoint.NodeName is { Length: > 0 } node && node == nodeName;
            _order.Add(_listed.Count);
            _keys.Add(new(endpoint.Address, port));
            _listed.Add(new(_keys[^1], endpoint.Conditions, isLocal, endpoint.ForZones, endpoint.ForNodes));
        }
    }

    private void KeepBestCopies()
    {
        _candidates.Clear();
        ReadOnlySpan<Candidate> listed = CollectionsMarshal.AsSpan(_listed);
        int first = 0;
        while (first < _order.Count)
        {
            int best = _order[first];
            int next = first + 1;
            for (; next < _order.Count && _keys[next] == _keys[first]; next++)
            {
                int copy = _order[next];
                int byRank = listed[copy].Rank.CompareTo(listed[best].Rank);
                if (byRank > 0 || (byRank == 0 && copy < best))
                    best = copy;
            }
            _candidates.Add(listed[best]);
            first = next;
        }
    }

    /// <summary>
    /// The endpoints for traffic that may go to any node: the ready ones, narrowed down by hints for this node, else for its zone; hints
    /// count only if every ready endpoint has them and one names this node or zone. If none is ready, those that are serving while
    /// terminating.
    /// </summary>
    public ImmutableArray<Backend> ForCluster(string zone)
    {
        ImmutableArray<Backend> ready = Select(ChooseByHints(zone), zone);
        return ready.IsEmpty ? Select(Use.Draining, zone) : ready;
    }

    /// <summary>
    /// The endpoints for traffic that must stay on this node: the ready ones here, else those here that are serving while terminating.
    /// </summary>
    public ImmutableArray<Backend> ForNode()
    {
        ImmutableArray<Backend> ready = Select(Use.LocalReady, "");
        return ready.IsEmpty ? Select(Use.LocalDraining, "") : ready;
    }

    /// <summary>All endpoints that may have flows: in use or draining.</summary>
    public ImmutableArray<InetEndpoint> Serving()
    {
        ImmutableArray<InetEndpoint>.Builder serving = ImmutableArray.CreateBuilder<InetEndpoint>();
        foreach (ref readonly Candidate candidate in CollectionsMarshal.AsSpan(_candidates))
        {
            if ((candidate.Conditions & (EndpointConditions.Ready | EndpointConditions.Serving)) != 0)
                serving.Add(candidate.Endpoint);
        }
        return serving.DrainToImmutable();
    }

    /// <summary>Adds the addresses of ready endpoints on this node; an address may be added several times.</summary>
    public void AddReadyLocalAddresses(List<InetAddress> addresses)
    {
        foreach (ref readonly Candidate candidate in CollectionsMarshal.AsSpan(_candidates))
        {
            if (candidate.IsReady && candidate.IsLocal)
                addresses.Add(candidate.Endpoint.Address);
        }
    }

    private Use ChooseByHints(string zone)
    {
        bool allHaveNodes = true, allHaveZones = true, oneForNode = false, oneForZone = false;
        foreach (ref readonly Candidate candidate in CollectionsMarshal.AsSpan(_candidates))
        {
            if (!candidate.IsReady)
                continue;
            allHaveNodes &= !candidate.ForNodes.IsDefaultOrEmpty;
            allHaveZones &= !candidate.ForZones.IsDefaultOrEmpty;
            oneForNode |= Names(candidate.ForNodes, nodeName);
            oneForZone |= Names(candidate.ForZones, zone);
        }
        if (allHaveNodes && oneForNode)
            return Use.ReadyForNode;
        return allHaveZones && oneForZone ? Use.ReadyForZone : Use.Ready;
    }

    private ImmutableArray<Backend> Select(Use use, string zone)
    {
        ReadOnlySpan<Candidate> all = CollectionsMarshal.AsSpan(_candidates);
        int count = 0;
        foreach (ref readonly Candidate candidate in all)
            count += IsFor(in candidate, use, zone) ? 1 : 0;
        if (count == 0)
            return [];
        var chosen = new Backend[count];
        foreach (ref readonly Candidate candidate in all)
        {
            if (IsFor(in candidate, use, zone))
                chosen[^count--] = new(candidate.Endpoint, candidate.IsLocal);
        }
        return ImmutableCollectionsMarshal.AsImmutableArray(chosen);
    }

    private bool IsFor(in Candidate candidate, Use use, string zone) => use switch
    {
        Use.Ready => candidate.IsReady,
        Use.ReadyForNode => candidate.IsReady && Names(candidate.ForNodes, nodeName),
        Use.ReadyForZone => candidate.IsReady && Names(candidate.ForZones, zone),
        Use.Draining => candidate.IsDraining,
        Use.LocalReady => candidate.IsReady && candidate.IsLocal,
        _ => candidate.IsDraining && candidate.IsLocal,
    };

    private static bool Names(ImmutableArray<string> hints, string name) => !hints.IsDefault && hints.AsSpan().Contains(name);

    private readonly record struct Candidate(
        InetEndpoint Endpoint,
        EndpointConditions Conditions,
        bool IsLocal,
        ImmutableArray<string> ForZones,
        ImmutableArray<string> ForNodes)
    {
        // ready overrides the other two: publishNotReadyAddresses makes terminating endpoints ready.
        public bool IsReady => (Conditions & EndpointConditions.Ready) != 0;

        public bool IsDraining => !IsReady
            && (Conditions & (EndpointConditions.Serving | EndpointConditions.Terminating)) == (EndpointConditions.Serving
            | EndpointConditions.Terminating);

        /// <summary>The rank of a copy of an endpoint: the highest is used.</summary>
        public int Rank => ((Conditions & EndpointConditions.Terminating) == 0 ? 8 : 0) + (IsReady ? 4 : 0)
            + ((Conditions & EndpointConditions.Serving) != 0 ? 2 : 0) + (IsLocal ? 1 : 0);
    }
}
