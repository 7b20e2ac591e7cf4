using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.Services.Planning;

/// <summary>
/// What this node serves, kept up to date with the cluster: events in (<see cref="Apply"/>), changed plans out (<see cref="Drain"/>).
/// </summary>
/// <remarks>
/// Pure state: no socket, file, clock or log. The result depends on the objects that exist, never on the order of events. The cost of an
/// event depends on the services it affects; only a change of the node's zone or primary addresses visits all services. One thread at a
/// time.
/// </remarks>
public sealed class ServiceTable
{
    private readonly ProxyPolicy _policy;
    private readonly Dictionary<ObjectName, ServiceEntry> _entries = [];
    private readonly Dictionary<ObjectName, string> _serviceOfSlice = [];
    private readonly Dictionary<string, ServiceCidrObject> _serviceCidrs = [];
    private readonly List<ServiceEntry> _marked = [];
    private readonly HashSet<ServiceEntry> _withProblems = [];
    private readonly FrontendClaims _claims;
    private readonly PlanCompiler _compiler;
    private readonly List<Claim> _oldClaims = [];
    private readonly List<Claim> _newClaims = [];
    private ImmutableArray<Problem> _nodeProblems = [];
    private NodePlan? _nodePlan;
    private bool _isNodeMarked = true;
    private bool _hadNode;

    /// <summary>An empty table.</summary>
    /// <param name="policy">The configuration, fixed for the table's life.</param>
    public ServiceTable(ProxyPolicy policy)
    {
        _policy = policy;
        _claims = new(Mark);
        _compiler = new(policy, _claims);
        UseNode(null);
    }

    /// <summary>
    /// True once the source has sent the whole cluster. Until then nothing is drained, because nothing may be programmed.
    /// </summary>
    public bool IsSynced { get; private set; }

    /// <summary>The Node this proxy runs on, as last seen; null if the cluster has no such Node.</summary>
    public NodeObject? Node { get; private set; }

    /// <summary>
    /// False while the Node is marked for deletion and after it was deleted, which means that this machine has left the cluster. A cluster
    /// that never had it (a folder of manifests) need not have one.
    /// </summary>
    public bool IsNodeEligible => Node is { } node ? !node.IsBeingDeleted : !_hadNode;

    /// <summary>Number of services with a plan.</summary>
    public int PlanCount { get; private set; }

    /// <summary>The plans as of the last drain, in no order.</summary>
    public IEnumerable<ServicePlan> Plans
    {
        get
        {
            foreach (ServiceEntry entry in _entries.Values)
            {
                if (entry.Plan is { } plan)
                    yield return plan;
            }
        }
    }

    /// <summary>All addresses of the machine, sorted, as last given.</summary>
    public ImmutableArray<InetAddress> LocalAddresses { get; private set; } = [];

    /// <summary>The plan of the node as a whole, as of the last drain; empty before the first one.</summary>
    public NodePlan NodePlan => _nodePlan ?? NodePlan.None;

    /// <summary>
    /// All problems of objects as of the last drain: node-wide ones first, then by service name. A slice of a service that
    /// does not exist is one, which may pass by itself when the service is about to come or has just gone.
    /// </summary>
    public IEnumerable<Problem> Problems =>
        _nodeProblems.Concat(_withProblems.OrderBy(static entry => entry.Name).SelectMany(static entry => entry.Problems));

    /// <summary>What this node serves for a service, as of the last drain.</summary>
    /// <returns>False if it serves nothing for it.</returns>
    public bool TryGetPlan(ObjectName service, [NotNullWhen(true)] out ServicePlan? plan)
    {
        plan = _entries.TryGetValue(service, out ServiceEntry? entry) ? entry.Plan : null;
        return plan is not null;
    }

    /// <summary>Applies one change of the cluster. The next <see cref="Drain"/> returns what it means for this node.</summary>
    public void Apply(ClusterEvent change)
    {
        switch (change)
        {
            case ClusterEvent.ServiceSet { Service: var service }:
                SetService(EntryOf(service.Name), service);
                break;
            case ClusterEvent.ServiceGone { Name: var name }:
                if (_entries.TryGetValue(name, out ServiceEntry? gone))
                    SetService(gone, null);
                break;
            case ClusterEvent.SliceSet { Slice: var slice }:
                SetSlice(slice);
                break;
            case ClusterEvent.SliceGone { Name: var name }:
                RemoveSlice(name);
                break;
            case ClusterEvent.NodeSet { Node: var node }:
                UseNode(node);
                break;
            case ClusterEvent.ServiceCidrSet { Cidr: var cidr }:
                _serviceCidrs[cidr.Name] = cidr;
                _isNodeMarked = true;
                break;
            case ClusterEvent.ServiceCidrGone { Name: var name }:
                _serviceCidrs.Remove(name);
                _isNodeMarked = true;
                break;
            case ClusterEvent.Together { Changes: var changes }:
                foreach (ClusterEvent one in changes)
                    Apply(one);
                break;
            case ClusterEvent.Synced:
                IsSynced = true;
                break;
            default:
                throw new UnreachableException($"{change} is not a known cluster event.");
        }
    }

    /// <summary>Sets the machine's current addresses: all of them, both families, sorted.</summary>
    /// <returns>False if they have not changed.</returns>
    public bool UseLocalAddresses(ImmutableArray<InetAddress> addresses)
    {
        if (LocalAddresses == addresses || LocalAddresses.AsSpan().SequenceEqual(addresses.AsSpan()))
            return false;
        LocalAddresses = addresses;
        _isNodeMarked = true;
        return true;
    }

    /// <summary>
    /// What changed since the last drain: each service whose plan has changed, once, however many events there were. The first
    /// drain after <see cref="IsSynced"/> returns everything; before it the delta is empty and nothing is lost.
    /// </summary>
    public TableDelta Drain()
    {
        if (!IsSynced)
            return TableDelta.Empty;
        ImmutableArray<ServiceChange>.Builder changes = ImmutableArray.CreateBuilder<ServiceChange>();
        ImmutableArray<Problem>.Builder newProblems = ImmutableArray.CreateBuilder<Problem>();
        ImmutableArray<Problem>.Builder goneProblems = ImmutableArray.CreateBuilder<Problem>();
        NodePlan? node = DrainNode(newProblems, goneProblems);
        foreach (ServiceEntry entry in _marked)
        {
            entry.IsMarked = false;
            ServicePlan? plan = _compiler.Compile(entry, out ImmutableArray<Problem> problems);
            ReplaceProblems(entry, problems, newProblems, goneProblems);
            if (!Equals(plan, entry.Plan))
            {
                PlanCount += (plan is null ? 0 : 1) - (entry.Plan is null ? 0 : 1);
                entry.Plan = plan;
                changes.Add(new(entry.Name, plan));
            }
            if (entry.IsUnused)
                _entries.Remove(entry.Name);
        }
        _marked.Clear();
        return new(changes.DrainToImmutable(), node)
        {
            NewProblems = newProblems.DrainToImmutable(),
            GoneProblems = goneProblems.DrainToImmutable(),
        };
    }

    private void SetService(ServiceEntry entry, ServiceObject? service)
    {
        _oldClaims.Clear();
        _newClaims.Clear();
        if (entry.Service is { } old)
            Claim.Collect(old, _oldClaims);
        if (service is not null)
            Claim.Collect(service, _newClaims);
        // Most changes of a service do not affect its frontends and age, and then no other service is affected.
        bool keepsClaims = entry.Service?.Created == service?.Created && _oldClaims.SequenceEqual(_newClaims);
        if (!keepsClaims)
        {
            foreach (Claim claim in _oldClaims)
                _claims.Remove(claim, entry);
        }
        entry.Service = service;
        if (!keepsClaims)
        {
            foreach (Claim claim in _newClaims)
                _claims.Add(claim, entry);
        }
        Mark(entry);
    }

    private void SetSlice(EndpointSliceObject slice)
    {
        // The label that names the service may be changed on an existing slice.
        if (_serviceOfSlice.TryGetValue(slice.Name, out string? before) && before != slice.ServiceName)
            RemoveSlice(slice.Name);
        _serviceOfSlice[slice.Name] = slice.ServiceName;
        ServiceEntry entry = EntryOf(new(slice.Name.Namespace, slice.ServiceName));
        entry.SetSlice(slice);
        Mark(entry);
    }

    private void RemoveSlice(ObjectName slice)
    {
        if (!_serviceOfSlice.Remove(slice, out string? service)
            || !_entries.TryGetValue(new(slice.Namespace, service), out ServiceEntry? entry))
            return;
        entry.RemoveSlice(slice);
        Mark(entry);
    }

    private void UseNode(NodeObject? node)
    {
        Node = node;
        _hadNode |= node is not null;
        _isNodeMarked = true;
        string zone = node?.Zone ?? "";
        InetAddress ipv4 = PrimaryAddress(IpFamily.IPv4), ipv6 = PrimaryAddress(IpFamily.IPv6);
        // The kubelet updates its Node every few minutes; that rarely affects a service.
        if (zone == _compiler.Zone && ipv4 == _compiler.NodeIPv4 && ipv6 == _compiler.NodeIPv6)
            return;
        _compiler.Zone = zone;
        _compiler.NodeIPv4 = ipv4;
        _compiler.NodeIPv6 = ipv6;
        foreach (ServiceEntry entry in _entries.Values)
            Mark(entry);
    }

    private InetAddress PrimaryAddress(IpFamily family)
    {
        if (_policy.BindAddress.Family == family)
            return _policy.BindAddress;
        foreach (InetAddress address in Node?.Addresses ?? [])
        {
            if (address.Family == family)
                return address;
        }
        return default;
    }

    private NodePlan? DrainNode(ImmutableArray<Problem>.Builder newProblems, ImmutableArray<Problem>.Builder goneProblems)
    {
        if (!_isNodeMarked)
            return null;
        _isNodeMarked = false;
        ServiceCidrObject[] cidrs = [.. _serviceCidrs.Values.OrderBy(static cidr => cidr.Name, StringComparer.Ordinal)];
        ImmutableArray<Problem> problems = [.. Node?.Problems ?? [], .. cidrs.SelectMany(static cidr => cidr.Problems)];
        newProblems.AddRange(problems.Except(_nodeProblems));
        goneProblems.AddRange(_nodeProblems.Except(problems));
        _nodeProblems = problems;

        NodePlan current = new(_policy.NodePorts.Choose(Node, LocalAddresses), DetectorOf(IpFamily.IPv4), DetectorOf(IpFamily.IPv6),
            PrefixSet.Normalize([.. cidrs.SelectMany(static cidr => cidr.Cidrs)]));
        if (current == _nodePlan)
            return null;
        _nodePlan = current;
        return current;
    }

    private LocalDetector DetectorOf(IpFamily family)
    {
        if (!_policy.DetectByNodeCidr)
            return family == IpFamily.IPv4 ? _policy.DetectorIPv4 : _policy.DetectorIPv6;
        ImmutableArray<InetPrefix> cidrs = PrefixSet.Normalize([.. (Node?.PodCidrs ?? []).Where(cidr => cidr.Family == family)]);
        return cidrs.IsEmpty ? LocalDetector.None : new(LocalDetection.Cidrs, cidrs, "");
    }

    private void ReplaceProblems(
        ServiceEntry entry, ImmutableArray<Problem> problems, ImmutableArray<Problem>.Builder newProblems,
        ImmutableArray<Problem>.Builder goneProblems)
    {
        if (problems.IsEmpty && entry.Problems.IsEmpty)
            return;
        newProblems.AddRange(problems.Except(entry.Problems));
        goneProblems.AddRange(entry.Problems.Except(problems));
        entry.Problems = problems;
        if (problems.IsEmpty)
            _withProblems.Remove(entry);
        else
            _withProblems.Add(entry);
    }

    private ServiceEntry EntryOf(ObjectName service)
    {
        if (!_entries.TryGetValue(service, out ServiceEntry? entry))
            _entries.Add(service, entry = new(service));
        return entry;
    }

    private void Mark(ServiceEntry entry)
    {
        if (entry.IsMarked)
            return;
        entry.IsMarked = true;
        _marked.Add(entry);
    }
}
