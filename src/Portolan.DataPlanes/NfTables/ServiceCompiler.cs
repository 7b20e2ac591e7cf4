using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Translates what this node serves for one service into elements, one family at a time. Pure: the same plan and affinity ids give the same
/// elements, so what is in the kernel for a service can always be recomputed from its plan.
/// </summary>
internal sealed class ServiceCompiler(bool withCounters, AffinityIds affinityIds)
{
    /// <summary>Emits the service's elements of a family, sorted, without duplicates.</summary>
    internal void Emit(ServicePlan plan, IpFamily family, ElementBuffer into)
    {
        int start = into.Count;
        foreach (InetAddress address in plan.ClusterIPs)
        {
            if (address.Family == family)
                into.Add(ElementCodec.Encode(PortolanSet.ClusterIPs, new ElementFields { Destination = address }));
        }
        foreach (PortPlan port in plan.Ports)
        {
            if (port.Family == family)
                EmitPort(port, into);
        }
        into.SortAndDeduplicate(start);
    }

    /// <summary>What the service's elements of a family require of the static rules; duplicates are possible.</summary>
    internal void EmitUses(ServicePlan plan, IpFamily family, List<RuleRequirement> into)
    {
        foreach (PortPlan port in plan.Ports)
        {
            if (port.Family != family)
                continue;
            bool hasAffinity = affinityIds.PortOf(port) is not null;
            foreach (Frontend frontend in port.Frontends)
            {
                FrontendScope scope = ScopeOf(frontend);
                into.Add(new(scope, RuleRequirementKind.Frontends, 0));
                if (frontend.IsSourceRestricted)
                {
                    foreach (InetPrefix range in port.SourceRanges)
                        into.Add(new(scope, RuleRequirementKind.PrefixLength, range.Length));
                }
                PortolanFrontend outside = OutsideOf(port, frontend);
                if (!FrontendChains.IsAlwaysServed(outside))
                    into.Add(new(scope, RuleRequirementKind.Frontend, InRules(outside)));
                if (HasInside(frontend))
                    into.Add(new(scope, RuleRequirementKind.InsideFrontend, InRules(InsideOf(port))));
                if (hasAffinity && HasBackends(frontend))
                    into.Add(new(scope, RuleRequirementKind.AffinitySeconds, port.AffinitySeconds));
            }
        }
    }

    /// <summary>Upper estimate of a service's number of elements in a family, to reserve memory for a first load.</summary>
    internal static int MostElements(ServicePlan plan, IpFamily family)
    {
        int most = plan.ClusterIPs.Length;
        foreach (PortPlan port in plan.Ports)
        {
            if (port.Family != family)
                continue;
            most += port.LocalBackends.Length;
            foreach (Frontend frontend in port.Frontends)
            {
                int backends = (HasInside(frontend) ? port.ClusterBackends.Length : 0) + frontend.Outside.Action switch
                {
                    FrontendAction.ToClusterBackends => port.ClusterBackends.Length,
                    FrontendAction.ToLocalBackends => port.LocalBackends.Length,
                    _ => 0,
                };
                // With affinity a backend has two; frontends have one or two of their own, and counters one or two.
                most += 4 + (frontend.IsSourceRestricted ? port.SourceRanges.Length : 0)
                    + (port.AffinitySeconds > 0 ? 2 * backends : backends);
            }
        }
        return most;
    }

    /// <summary>Rules for the preallocated numbers of backends exist together, so that one more or less requires no new rule.</summary>
    private static int InRules(PortolanFrontend frontend) => frontend.Count is > 0 and < FrontendChains.PreallocatedCounts
        ? (int)(frontend with { Count = FrontendChains.PreallocatedCounts }).Value
        : (int)frontend.Value;

    /// <summary>What is done with packets to a frontend, except those from inside the cluster where they are served separately.</summary>
    private PortolanFrontend OutsideOf(PortPlan port, in Frontend frontend)
    {
        PortolanFrontendFlags flags = (frontend.IsSourceRestricted ? PortolanFrontendFlags.Restricted : PortolanFrontendFlags.None)
            | (HasInside(frontend) ? PortolanFrontendFlags.ExternalLocal : PortolanFrontendFlags.None);
        switch (frontend.Outside.Action)
        {
            case FrontendAction.Reject:
                return new PortolanFrontend(flags, 0);
            case FrontendAction.Drop:
                return new PortolanFrontend(flags | PortolanFrontendFlags.Drop, 0);
            default:
                flags |= frontend.Outside.Masquerade switch
                {
                    Masquerading.Always => PortolanFrontendFlags.Masquerade,
                    Masquerading.OffCluster => PortolanFrontendFlags.OffCluster,
                    _ => PortolanFrontendFlags.None,
                };
                return Serving(port, flags, frontend.Outside.Action);
        }
    }

    private PortolanFrontend InsideOf(PortPlan port) => Serving(port, PortolanFrontendFlags.None, FrontendAction.ToClusterBackends);

    private PortolanFrontend Serving(PortPlan port, PortolanFrontendFlags flags, FrontendAction action)
    {
        ImmutableArray<Backend> backends = Backends(port, action);
        int count = Math.Min(backends.Length, ushort.MaxValue);
        if (affinityIds.PortOf(port) is not null)
        {
            flags |= port.AffinitySeconds == PortolanTables.DefaultAffinitySeconds
                ? PortolanFrontendFlags.Affinity : PortolanFrontendFlags.OtherAffinity;
            if (action == FrontendAction.ToLocalBackends)
                flags |= PortolanFrontendFlags.LocalAffinity;
            if (count > AffinityIds.MaxBackends)
                count = backends.Count(backend => affinityIds.IdOf(port.Name, backend.Endpoint) is not null);
        }
        return new PortolanFrontend(flags, (ushort)count);
    }

    private void EmitPort(PortPlan port, ElementBuffer into)
    {
        string name = ElementComment.For(port.Name);
        foreach (Frontend frontend in port.Frontends)
            EmitFrontend(port, frontend, name, into);
        EmitHairpins(port.ClusterBackends, into);
        EmitHairpins(port.LocalBackends, into);
    }

    private void EmitFrontend(PortPlan port, in Frontend frontend, string name, ElementBuffer into)
    {
        FrontendKey key = KeyOf(port, frontend);
        bool isNodePort = ScopeOf(frontend) == FrontendScope.NodePorts;
        into.Add(In(key, isNodePort ? PortolanSet.NodePortFrontends : PortolanSet.Frontends,
            OutsideOf(port, frontend)) with
        { Comment = name });
        if (withCounters)
            into.Add(In(key, PortolanSet.Counters) with { Comment = name });
        if (frontend.IsSourceRestricted)
        {
            if (withCounters)
                into.Add(In(key, PortolanSet.SourceDropped));
            foreach (InetPrefix range in port.SourceRanges)
                into.Add(ElementCodec.Encode(PortolanSet.SourceRanges, key.Fields with { Source = range.Address }, variant: range.Length));
        }
        if (affinityIds.PortOf(port) is { } portId && HasBackends(frontend))
        {
            into.Add(ElementCodec.Encode(PortolanSet.AffinityPorts, key.Fields, new ElementFields { AffinityId = portId }));
            if (port.AffinitySeconds != PortolanTables.DefaultAffinitySeconds)
                into.Add(In(key, PortolanSet.AffinityFrontends, port.AffinitySeconds));
        }

        switch (frontend.Outside.Action)
        {
            case FrontendAction.Reject when withCounters:
                into.Add(In(key, PortolanSet.NoEndpoints) with { Comment = name });
                break;
            case FrontendAction.Drop when withCounters:
                into.Add(In(key, PortolanSet.NoLocalEndpoints) with { Comment = name });
                break;
            case FrontendAction.ToClusterBackends or FrontendAction.ToLocalBackends:
                EmitBackends(port, frontend.Outside.Action, key, isNodePort ? PortolanSet.NodePortEndpoints : PortolanSet.Endpoints,
                    PortolanSet.AffinityIds, into);
                break;
        }
        if (HasInside(frontend))
        {
            into.Add(In(key, PortolanSet.InsideFrontends, InsideOf(port)) with { Comment = name });
            EmitBackends(port, FrontendAction.ToClusterBackends, key, PortolanSet.InsideEndpoints, PortolanSet.InsideAffinityIds, into);
        }
    }

    /// <summary>
    /// Pods and the node are treated differently from others only with policy Local, where they get all of the cluster's backends.
    /// </summary>
    private static bool HasInside(in Frontend frontend) =>
        frontend.Node.Action == FrontendAction.ToClusterBackends && frontend.Outside.Action != FrontendAction.ToClusterBackends;

    private static bool HasBackends(in Frontend frontend) =>
        HasInside(frontend) || frontend.Outside.Action is FrontendAction.ToClusterBackends or FrontendAction.ToLocalBackends;

    private static ImmutableArray<Backend> Backends(PortPlan port, FrontendAction action) =>
        action == FrontendAction.ToLocalBackends ? port.LocalBackends : port.ClusterBackends;

    private void EmitBackends(PortPlan port, FrontendAction action, FrontendKey key, PortolanSet endpoints, PortolanSet ids,
        ElementBuffer into)
    {
        bool hasAffinity = affinityIds.PortOf(port) is not null;
        uint view = action == FrontendAction.ToLocalBackends ? AffinityIds.LocalView : 0;
        uint index = 0;
        // Nearly all elements are endpoints of a frontend: what they have in common is written once.
        Element first = ElementCodec.Encode(hasAffinity ? ids : endpoints, key.Fields);
        foreach (Backend backend in Backends(port, action))
        {
            if (index == ushort.MaxValue)
                break;
            var endpoint = new ElementFields { Destination = backend.Endpoint.Address, Port = backend.Endpoint.Port };
            if (!hasAffinity)
            {
                Add(endpoint);
            }
            else if (affinityIds.IdOf(port.Name, backend.Endpoint) is { } id)
            {
                Add(new ElementFields { AffinityId = id });
                var identity = new ElementFields { AffinityId = id | view, Protocol = port.Name.Protocol };
                into.Add(ElementCodec.Encode(PortolanSet.AffinityEndpoints, identity,
                    endpoint) with
                { Comment = ElementComment.For(port.Name) });
            }
            else
            {
                continue;
            }
            index++;
        }

        void Add(in ElementFields data)
        {
            ref Element element = ref into.AddCopy(first);
            ElementCodec.SetIndex(ref element, index);
            ElementCodec.SetData(ref element, data);
        }
    }

    private static void EmitHairpins(ImmutableArray<Backend> backends, ElementBuffer into)
    {
        foreach (Backend backend in backends)
        {
            InetAddress address = backend.Endpoint.Address;
            if (backend.IsLocal)
                into.Add(ElementCodec.Encode(PortolanSet.Hairpin, new ElementFields { Source = address, Destination = address }));
        }
    }

    private static FrontendScope ScopeOf(in Frontend frontend) =>
        frontend.Kind == FrontendKind.NodePort ? FrontendScope.NodePorts : FrontendScope.Addresses;

    private static FrontendKey KeyOf(PortPlan port, in Frontend frontend) =>
        new(ScopeOf(frontend) == FrontendScope.NodePorts ? InetAddress.Unspecified(port.Family) : frontend.Address, port.Name.Protocol,
        frontend.Port);

    private static Element In(FrontendKey key, PortolanSet set, int variant = 0) => ElementCodec.Encode(set, key.Fields, variant: variant);

    private static Element In(FrontendKey key, PortolanSet set, PortolanFrontend value) =>
        ElementCodec.Encode(set, key.Fields, new ElementFields { Value = value.Value });
}
