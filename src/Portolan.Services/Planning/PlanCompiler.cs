using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.Services.Planning;

/// <summary>
/// Computes the plan of one service: every decision of kube-proxy v1.36 about a service, once, for all planes.
/// </summary>
/// <remarks>The cost depends on the service alone. Buffers are kept between calls, so one thread at a time.</remarks>
internal sealed class PlanCompiler(ProxyPolicy policy, FrontendClaims claims)
{
    private readonly EndpointSelection _endpoints = new(policy.NodeName);
    private readonly List<PortPlan> _ports = [];
    private readonly List<Frontend> _frontends = [];
    private readonly List<InetAddress> _readyLocal = [];
    private readonly List<Problem> _problems = [];

    /// <summary>Label topology.kubernetes.io/zone of this node; empty without one.</summary>
    public string Zone { get; set; } = "";

    /// <summary>This node's primary address of a family; the default value if it has none.</summary>
    public InetAddress NodeIPv4 { get; set; }

    /// <inheritdoc cref="NodeIPv4"/>
    public InetAddress NodeIPv6 { get; set; }

    /// <summary>The plan of a service, or null if this node serves nothing for it, and what is wrong with it or its slices.</summary>
    public ServicePlan? Compile(ServiceEntry entry, out ImmutableArray<Problem> problems)
    {
        _problems.Clear();
        if (entry.Service is { } service)
            _problems.AddRange(service.Problems);
        foreach (EndpointSliceObject slice in entry.Slices)
        {
            _problems.AddRange(slice.Problems);
            if (entry.Service is null)
                _problems.Add(OrphanProblem(slice));
        }
        ServicePlan? plan = entry.Service is { } served && ServiceRules.IsServed(served) ? CompileServed(entry, served) : null;
        problems = plan?.Problems ?? [.. _problems];
        return plan;
    }

    private static Problem OrphanProblem(EndpointSliceObject slice) => slice.ServiceName.Length == 0
        ? new("EndpointSlice", slice.Name.ToString(), "metadata.labels", "no label kubernetes.io/service-name; the slice is not used")
        : new("EndpointSlice", slice.Name.ToString(), "metadata.labels",
            $"names Service {slice.Name.Namespace}/{slice.ServiceName}, which does not exist; the slice is kept until it does");

    private ServicePlan? CompileServed(ServiceEntry entry, ServiceObject service)
    {
        ReportUnusable(service);
        _ports.Clear();
        FamilyView ipv4 = ViewOf(service, IpFamily.IPv4), ipv6 = ViewOf(service, IpFamily.IPv6);
        bool hasHealthCheck = (ipv4.IsServed || ipv6.IsServed) && ServiceRules.NeedsHealthCheck(service)
            && Holds(entry, Claim.HealthCheck(service.HealthCheckNodePort), "spec.healthCheckNodePort");
        _readyLocal.Clear();

        for (int i = 0; i < service.Ports.Length; i++)
        {
            if (ServiceRules.IsRepeated(service, i, out int earlier))
            {
                string repeated = service.Ports[earlier].Port == service.Ports[i].Port ? "number" : "name";
                Report(service, $"spec.ports[{i}]", $"has the {repeated} and protocol of spec.ports[{earlier}]; not served");
                continue;
            }
            if (ipv4.IsServed)
                AddPort(entry, service, i, ipv4, hasHealthCheck);
            if (ipv6.IsServed)
                AddPort(entry, service, i, ipv6, hasHealthCheck);
        }

        ImmutableArray<InetAddress> clusterIPs = OwnClusterIPs(entry, ipv4, ipv6);
        HealthCheckPlan? healthCheck = hasHealthCheck
            ? new(service.HealthCheckNodePort, ipv4.IsServed ? CountReadyLocal(IpFamily.IPv4) : null,
            ipv6.IsServed ? CountReadyLocal(IpFamily.IPv6) : null)
            : null;
        return _ports.Count == 0 && clusterIPs.IsEmpty && healthCheck is null
            ? null
            : new(entry.Name, KeepUnchanged(entry.Plan), clusterIPs, healthCheck, [.. _problems]) { IpvsScheduler = service.IpvsScheduler };
    }

    private FamilyView ViewOf(ServiceObject service, IpFamily family)
    {
        if (!ServiceRules.TryGetClusterIP(service, family, out InetAddress clusterIP))
            return default;
        bool isRestricted = IsRestricted(service, family, family == IpFamily.IPv4 ? NodeIPv4 : NodeIPv6,
            out ImmutableArray<InetPrefix> ranges);
        return new(clusterIP, isRestricted, ranges);
    }

    private void AddPort(ServiceEntry entry, ServiceObject service, int index, FamilyView view, bool hasHealthCheck)
    {
        ServicePortObject port = service.Ports[index];
        IpFamily family = view.ClusterIP.Family;
        _endpoints.Gather(entry.Slices, family, port.Name, port.Protocol);
        if (hasHealthCheck)
            _endpoints.AddReadyLocalAddresses(_readyLocal);

        bool isExternal = ServiceRules.IsExternallyAccessible(service, port, family);
        bool isExternalLocal = ServiceRules.IsExternalPolicyLocal(service);
        // Policy Local still needs the cluster's endpoints: at external addresses it does not apply to pods and the node itself.
        ImmutableArray<Backend> cluster = !service.InternalPolicyLocal || isExternal ? _endpoints.ForCluster(Zone) : [];
        ImmutableArray<Backend> local = service.InternalPolicyLocal || (isExternalLocal && isExternal) ? _endpoints.ForNode() : [];
        if (PortPlan.SameContent(cluster, local))
            local = cluster;

        bool hasAny = !cluster.IsEmpty || _endpoints.HasAnyUsable;
        AddFrontends(entry, service, index, view,
            TreatClusterIP(service.InternalPolicyLocal, hasAny, !local.IsEmpty), TreatExternal(isExternalLocal, hasAny, !local.IsEmpty));
        if (_frontends.Count == 0)
            return;
        bool usesRanges = _frontends.Exists(static frontend => frontend.IsSourceRestricted);
        _ports.Add(new PortPlan
        {
            Name = new(entry.Name, port.Name, port.Protocol),
            Family = family,
            Frontends = [.. _frontends],
            ClusterBackends = cluster,
            LocalBackends = local,
            ServingEndpoints = port.Protocol == IpProtocol.Udp ? _endpoints.Serving() : [],
            AffinitySeconds = service.AffinitySeconds,
            SourceRanges = usesRanges ? view.Ranges : [],
            ExternalPolicyLocal = isExternalLocal,
            InternalPolicyLocal = service.InternalPolicyLocal,
        });
    }

    /// <summary>Cluster IP: one policy for all clients; internalTrafficPolicy never changes masquerading.</summary>
    private ClientPolicies TreatClusterIP(bool isLocal, bool hasAny, bool hasLocal)
    {
        FrontendAction action = !hasAny ? FrontendAction.Reject
            : !isLocal ? FrontendAction.ToClusterBackends
            : hasLocal ? FrontendAction.ToLocalBackends : FrontendAction.Drop;
        return ClientPolicies.ForAll(action, policy.MasqueradeAll ? Masquerading.Always : Masquerading.OffCluster);
    }

    /// <summary>
    /// External addresses and NodePorts. With policy Local pods and the node itself are short-circuited to the cluster's endpoints, as
    /// though they had gone out to the load balancer and come back; only the node must be masqueraded, because its source may be the
    /// balancer's address.
    /// </summary>
    private static ClientPolicies TreatExternal(bool isLocal, bool hasAny, bool hasLocal)
    {
        if (!hasAny)
            return ClientPolicies.ForAll(FrontendAction.Reject, Masquerading.Never);
        if (!isLocal)
            return ClientPolicies.ForAll(FrontendAction.ToClusterBackends, Masquerading.Always);
        return new(
            new(FrontendAction.ToClusterBackends, Masquerading.Never),
            new(FrontendAction.ToClusterBackends, Masquerading.Always),
            new(hasLocal ? FrontendAction.ToLocalBackends : FrontendAction.Drop, Masquerading.Never));
    }

    private void AddFrontends(ServiceEntry entry, ServiceObject service, int index, FamilyView view, ClientPolicies atClusterIP,
        ClientPolicies atExternal)
    {
        ServicePortObject port = service.Ports[index];
        IpFamily family = view.ClusterIP.Family;
        _frontends.Clear();
        AddFrontend(entry, service, port, FrontendKind.ClusterIP, view.ClusterIP, atClusterIP, isRestricted: false);
        foreach (InetAddress address in service.ExternalIPs)
        {
            // An address that is also the load balancer's keeps its source ranges, as in kube-proxy.
            if (address.Family == family && !service.LoadBalancerIPs.Contains(address))
                AddFrontend(entry, service, port, FrontendKind.ExternalIP, address, atExternal, isRestricted: false);
        }
        foreach (InetAddress address in service.LoadBalancerIPs)
        {
            if (address.Family == family)
                AddFrontend(entry, service, port, FrontendKind.LoadBalancer, address, atExternal, view.IsRestricted);
        }
        if (port.NodePort == 0)
            return;
        if (ServiceRules.IsNodePortRepeated(service, index))
        {
            Report(service, $"spec.ports[{index}].nodePort",
                $"node port {port.NodePort}/{port.Protocol.ToRuleText()} is already used by another port of this service; not served " +
                "for this one", isOfNodePort: true);
        }
        else if (Holds(entry, Claim.NodePort(family, port.NodePort, port.Protocol), "nodePort", index))
        {
            _frontends.Add(new(FrontendKind.NodePort, default, port.NodePort, atExternal.Pod, atExternal.Node, atExternal.Outside, false));
        }
    }

    private void AddFrontend(ServiceEntry entry, ServiceObject service, ServicePortObject port, FrontendKind kind, InetAddress address,
        ClientPolicies policies, bool isRestricted)
    {
        if (!ServiceRules.IsValidServiceAddress(address))
            return;
        // A service may list an address twice, or as two kinds.
        foreach (Frontend earlier in _frontends)
        {
            if (earlier.Address == address)
                return;
        }
        string field = kind switch
        {
            FrontendKind.ClusterIP => "spec.clusterIPs",
            FrontendKind.ExternalIP => "spec.externalIPs",
            _ => "status.loadBalancer.ingress",
        };
        if (Holds(entry, Claim.Frontend(address, port.Port, port.Protocol), field))
            _frontends.Add(new(kind, address, port.Port, policies.Pod, policies.Node, policies.Outside, isRestricted));
    }

    /// <summary>Whether the load balancer's addresses of a family are open to some sources only, and which.</summary>
    private bool IsRestricted(ServiceObject service, IpFamily family, InetAddress nodeAddress, out ImmutableArray<InetPrefix> ranges)
    {
        ranges = [];
        bool hasUnreadable = family == IpFamily.IPv4 ? service.HasUnreadableIPv4Range : service.HasUnreadableIPv6Range;
        if ((service.SourceRanges.IsEmpty && !hasUnreadable) || service.LoadBalancerIPs.IsEmpty)
            return false;
        List<InetPrefix> allowed = [];
        bool isNodeAllowed = false;
        foreach (InetPrefix range in service.SourceRanges)
        {
            if (range.Family != family)
                continue;
            if (range.Length == 0)
                return false;
            allowed.Add(range);
            isNodeAllowed |= range.Contains(nodeAddress);
        }
        if (allowed.Count == 0)
        {
            if (hasUnreadable)
                Report(service, "spec.loadBalancerSourceRanges",
                    $"no {family} range could be read; the load balancer's {family} addresses accept no source");
            return hasUnreadable;
        }
        if (isNodeAllowed)
        {
            foreach (InetAddress address in service.LoadBalancerIPs)
            {
                if (address.Family == family)
                    allowed.Add(InetPrefix.Host(address));
            }
        }
        ranges = PrefixSet.Normalize(allowed);
        return true;
    }

    private ImmutableArray<InetAddress> OwnClusterIPs(ServiceEntry entry, FamilyView ipv4, FamilyView ipv6)
    {
        bool ownsIPv4 = ipv4.IsServed && Holds(entry, Claim.ClusterIP(ipv4.ClusterIP), "spec.clusterIPs");
        bool ownsIPv6 = ipv6.IsServed && Holds(entry, Claim.ClusterIP(ipv6.ClusterIP), "spec.clusterIPs");
        return (ownsIPv4, ownsIPv6) switch
        {
            (true, true) => [ipv4.ClusterIP, ipv6.ClusterIP],
            (true, false) => [ipv4.ClusterIP],
            (false, true) => [ipv6.ClusterIP],
            _ => [],
        };
    }

    private int CountReadyLocal(IpFamily family)
    {
        _readyLocal.Sort();
        int count = 0;
        for (int i = 0; i < _readyLocal.Count; i++)
            count += _readyLocal[i].Family == family && (i == 0 || _readyLocal[i] != _readyLocal[i - 1]) ? 1 : 0;
        return count;
    }

    /// <summary>The new port plans, with the old instance for each that did not change, so that planes can skip it.</summary>
    private ImmutableArray<PortPlan> KeepUnchanged(ServicePlan? old)
    {
        for (int i = 0; old is not null && i < _ports.Count; i++)
        {
            foreach (PortPlan port in old.Ports)
            {
                if (port.Equals(_ports[i]))
                {
                    _ports[i] = port;
                    break;
                }
            }
        }
        return [.. _ports];
    }

    private void ReportUnusable(ServiceObject service)
    {
        ReportUndialable(service, service.ClusterIPs, "spec.clusterIPs");
        ReportUndialable(service, service.ExternalIPs, "spec.externalIPs");
        ReportUndialable(service, service.LoadBalancerIPs, "status.loadBalancer.ingress");
    }

    private void ReportUndialable(ServiceObject service, ImmutableArray<InetAddress> addresses, string field)
    {
        foreach (InetAddress address in addresses)
        {
            if (!ServiceRules.IsValidServiceAddress(address))
                Report(service, field, $"{address} is unspecified, loopback or multicast; not served");
        }
    }

    private bool Holds(ServiceEntry entry, Claim claim, string field, int port = -1)
    {
        ServiceEntry holder = claims.HolderOf(claim);
        if (holder == entry)
            return true;
        string why = holder.Service!.Created < entry.Service!.Created ? "which is older" : "which is as old and comes first by name";
        Report(entry.Service, port < 0 ? field : $"spec.ports[{port}].{field}",
            $"{claim.Describe()} belongs to Service {holder.Name}, {why}; not served here until that one releases it",
            isOfNodePort: claim.Kind is ClaimKind.NodePort or ClaimKind.HealthCheck);
        return false;
    }

    private void Report(ServiceObject service, string field, string message, bool isOfNodePort = false)
    {
        var problem = new Problem("Service", service.Name.ToString(), field, message)
        {
            NodePortOf = isOfNodePort ? service.Name : null,
        };
        // Both families of a port have the same problem.
        if (!_problems.Contains(problem))
            _problems.Add(problem);
    }

    /// <summary>What a service has in one family; the default value if it has no cluster IP there, and so nothing.</summary>
    private readonly record struct FamilyView(InetAddress ClusterIP, bool IsRestricted, ImmutableArray<InetPrefix> Ranges)
    {
        public bool IsServed => ClusterIP.Family != IpFamily.None;
    }

    private readonly record struct ClientPolicies(ClientPolicy Pod, ClientPolicy Node, ClientPolicy Outside)
    {
        public static ClientPolicies ForAll(FrontendAction action, Masquerading masquerading)
        {
            var policy = new ClientPolicy(action, masquerading);
            return new(policy, policy, policy);
        }
    }
}
