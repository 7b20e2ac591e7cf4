using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Translates what this node serves for one service into elements, one family at a time. Pure: the same plan and affinity ids give the same
/// elements, so what is in the kernel for a service can always be computed again from the plan it was made of.
/// </summary>
internal sealed class ServiceCompiler(bool withCounters, AffinityIds affinityIds)
{
    /// <summary>Emits the service's elements of a family, sorted, each place once.</summary>
    internal void Emit(ServicePlan plan, IpFamily family, ElementBuffer into)
    {
        int start = into.Count;
        foreach (InetAddress address in plan.ClusterIPs)
        {
            if (address.Family == family)
                into.Add(ElementCodec.Encode(ElementSet.ClusterIPs, new ElementFields { Destination = address }));
        }
        foreach (PortPlan port in plan.Ports)
        {
            if (port.Family == family)
                EmitPort(port, into);
        }
        into.SortAndDeduplicate(start);
    }

    /// <summary>What the service's elements of a family ask of the static rules; each use may be there more than once.</summary>
    internal static void EmitUses(ServicePlan plan, IpFamily family, List<RuleRequirement> into)
    {
        foreach (PortPlan port in plan.Ports)
        {
            if (port.Family != family)
                continue;
            foreach (Frontend frontend in port.Frontends)
            {
                FrontendScope scope = ScopeOf(frontend);
                into.Add(new(scope, RuleRequirementKind.Frontends, 0));
                if (frontend.IsSourceRestricted)
                {
                    foreach (InetPrefix range in port.SourceRanges)
                        into.Add(new(scope, RuleRequirementKind.PrefixLength, range.Length));
                }
                bool hasAffinity = port.AffinitySeconds > 0;
                if (hasAffinity)
                    into.Add(new(scope, RuleRequirementKind.AffinitySeconds, port.AffinitySeconds));
                if (frontend.Outside.Action is FrontendAction.ToClusterBackends or FrontendAction.ToLocalBackends)
                {
                    into.Add(new(scope, hasAffinity ? RuleRequirementKind.AffinityIds : RuleRequirementKind.Endpoints,
                        CountInRules(Backends(port, frontend.Outside.Action))));
                }
                if (HasInside(frontend))
                {
                    into.Add(new(scope, RuleRequirementKind.ExternalLocal, 0));
                    into.Add(new(scope, hasAffinity ? RuleRequirementKind.InsideAffinityIds : RuleRequirementKind.InsideEndpoints,
                        CountInRules(port.ClusterBackends)));
                }
            }
        }
    }

    /// <summary>The usual numbers of backends have their rules together, so that one more or less asks for nothing new.</summary>
    private static int CountInRules(ImmutableArray<Backend> backends) => Math.Max(backends.Length, FrontendChains.PreallocatedCounts);

    private void EmitPort(PortPlan port, ElementBuffer into)
    {
        string name = ElementComment.For(port.Name);
        foreach (Frontend frontend in port.Frontends)
            EmitFrontend(port, frontend, name, into);
        if (port.AffinitySeconds > 0)
        {
            EmitAffinityEndpoints(port, port.ClusterBackends, into);
            EmitAffinityEndpoints(port, port.LocalBackends, into);
        }
        EmitHairpins(port.ClusterBackends, into);
        EmitHairpins(port.LocalBackends, into);
    }

    private void EmitFrontend(PortPlan port, in Frontend frontend, string name, ElementBuffer into)
    {
        FrontendKey key = KeyOf(port, frontend);
        if (withCounters)
            into.Add(In(key, ElementSet.Counters) with { Comment = name });
        if (frontend.IsSourceRestricted)
        {
            into.Add(In(key, ElementSet.SourceRestricted));
            if (withCounters)
                into.Add(In(key, ElementSet.SourceDropped));
            foreach (InetPrefix range in port.SourceRanges)
                into.Add(ElementCodec.Encode(ElementSet.SourceRanges, key.Fields with { Source = range.Address }, variant: range.Length));
        }
        if (port.AffinitySeconds > 0)
            into.Add(In(key, ElementSet.AffinityFrontends, port.AffinitySeconds));

        switch (frontend.Outside.Action)
        {
            case FrontendAction.Reject:
                into.Add(In(key, ElementSet.NoEndpoints) with { Comment = name });
                break;
            case FrontendAction.Drop:
                into.Add(In(key, ElementSet.NoLocalEndpoints) with { Comment = name });
                break;
            default:
                EmitBackends(port, frontend.Outside.Action, ScopeOf(frontend), key, name, isInside: false, into);
                break;
        }
        if (frontend.Outside.Masquerade == Masquerading.Always)
            into.Add(In(key, ElementSet.Masquerade));

        if (HasInside(frontend))
        {
            into.Add(In(key, ElementSet.ExternalLocal));
            EmitBackends(port, FrontendAction.ToClusterBackends, ScopeOf(frontend), key, name, isInside: true, into);
        }
    }

    /// <summary>Pods and the node are told apart from others only under policy Local, where they get all of the cluster's backends.</summary>
    private static bool HasInside(in Frontend frontend) =>
        frontend.Node.Action == FrontendAction.ToClusterBackends && frontend.Outside.Action != FrontendAction.ToClusterBackends;

    private static ImmutableArray<Backend> Backends(PortPlan port, FrontendAction action) =>
        action == FrontendAction.ToLocalBackends ? port.LocalBackends : port.ClusterBackends;

    private void EmitBackends(
        PortPlan port, FrontendAction action, FrontendScope scope, FrontendKey key, string name, bool isInside, ElementBuffer into)
    {
        ImmutableArray<Backend> backends = Backends(port, action);
        bool hasAffinity = port.AffinitySeconds > 0;
        ElementSet set = (hasAffinity, isInside) switch
        {
            (false, false) => scope == FrontendScope.NodePorts ? ElementSet.NodePortEndpoints : ElementSet.Endpoints,
            (false, true) => ElementSet.InsideEndpoints,
            (true, false) => ElementSet.AffinityIds,
            (true, true) => ElementSet.InsideAffinityIds,
        };
        for (int i = 0; i < backends.Length; i++)
        {
            ElementFields data = hasAffinity
                ? new ElementFields { AffinityId = affinityIds.Get(port.Name, backends[i].Endpoint) }
                : DataOf(backends[i].Endpoint);
            Element element = ElementCodec.Encode(set, key.Fields with { Index = (uint)i }, data);
            // The name on the first index is enough for a reader, and the kernel keeps comments in every element that has one.
            if (i == 0)
                element.Comment = name;
            into.Add(element);
        }
    }

    private void EmitAffinityEndpoints(PortPlan port, ImmutableArray<Backend> backends, ElementBuffer into)
    {
        string name = ElementComment.For(port.Name);
        foreach (Backend backend in backends)
        {
            var id = new ElementFields { AffinityId = affinityIds.Get(port.Name, backend.Endpoint) };
            into.Add(ElementCodec.Encode(ElementSet.AffinityEndpoints, id, DataOf(backend.Endpoint)) with { Comment = name });
        }
    }

    private static void EmitHairpins(ImmutableArray<Backend> backends, ElementBuffer into)
    {
        foreach (Backend backend in backends)
        {
            InetAddress address = backend.Endpoint.Address;
            if (backend.IsLocal)
                into.Add(ElementCodec.Encode(ElementSet.Hairpin, new ElementFields { Source = address, Destination = address }));
        }
    }

    private static FrontendScope ScopeOf(in Frontend frontend) =>
        frontend.Kind == FrontendKind.NodePort ? FrontendScope.NodePorts : FrontendScope.Addresses;

    private static FrontendKey KeyOf(PortPlan port, in Frontend frontend) =>
        new(ScopeOf(frontend) == FrontendScope.NodePorts ? InetAddress.Unspecified(port.Family) : frontend.Address, port.Name.Protocol, frontend.Port);

    private static Element In(FrontendKey key, ElementSet set, int variant = 0) => ElementCodec.Encode(set, key.Fields, variant: variant);

    private static ElementFields DataOf(InetEndpoint endpoint) => new() { Destination = endpoint.Address, Port = endpoint.Port };
}
