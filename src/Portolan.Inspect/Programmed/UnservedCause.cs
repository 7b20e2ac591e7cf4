using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>Why the rules reject or drop a packet to a service's address instead of sending it to an endpoint.</summary>
public enum UnservedCause : byte
{
    /// <summary>The service has no usable endpoint on any node.</summary>
    NoEndpoints,

    /// <summary>A policy is Local, and the service has no endpoint on this node.</summary>
    NoLocalEndpoints,

    /// <summary>The client is in none of the service's loadBalancerSourceRanges.</summary>
    SourceNotAllowed,

    /// <summary>The address is a cluster IP, but no service has the port.</summary>
    UnknownPort,
}

/// <summary>Recognises <see cref="UnservedCause"/> by the role of the chain or set that decided, whoever wrote the rules.</summary>
public static class UnservedCauses
{
    /// <summary>
    /// Why a rule rejects or drops packets (or marks them to be dropped); null when it does not, or not for a service.
    /// </summary>
    /// <param name="place">A rule that matched.</param>
    /// <param name="verdict">How the packet ended.</param>
    public static UnservedCause? Of(RuleRef place, OutcomeVerdict verdict)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (place.Table.Backend != RuleBackend.Nftables)
            return OfIptables(place);
        return place.Table.Name switch
        {
            KubeProxyNftables.TableName => OfKubeNftables(place, verdict),
            PortolanTables.TableName => OfPortolan(place),
            PortolanIpvs.TableName => OfPortolanIpvs(place),
            // nft shows the tables of iptables-nft too.
            _ => OfIptables(place),
        };
    }

    /// <summary>The same for the end of a path, which IPVS may decide as well.</summary>
    internal static UnservedCause? Of(Outcome end) => end.Path.Select(step => step.Place is { } place ? Of(place, end.Verdict)
            : step.Kind == PathStepKind.VirtualServer && end.Verdict == OutcomeVerdict.Reject ? UnservedCause.NoEndpoints : null)
        .FirstOrDefault(static cause => cause is not null);

    private static UnservedCause? OfIptables(RuleRef place)
    {
        KubeChainRole chain = KubeProxyIptables.RoleOf(place.Chain.Name);
        bool marksDrop = ServiceChains.RoleOfTarget(place.Rule) == KubeChainRole.MarkDrop;
        return (chain, place.Rule.Target) switch
        {
            (KubeChainRole.Services or KubeChainRole.ExternalServices, RejectStatement) => UnservedCause.NoEndpoints,
            (KubeChainRole.Services or KubeChainRole.ExternalServices, VerdictStatement { Verdict.Kind: VerdictKind.Drop }) =>
                UnservedCause.NoLocalEndpoints,
            (KubeChainRole.ExternalLocal or KubeChainRole.LocalEndpoints, _) when marksDrop => UnservedCause.NoLocalEndpoints,
            (KubeChainRole.LoadBalancer, _) when marksDrop => UnservedCause.SourceNotAllowed,
            (KubeChainRole.ProxyFirewall, VerdictStatement { Verdict.Kind: VerdictKind.Drop }) => UnservedCause.SourceNotAllowed,
            _ => null,
        };
    }

    private static UnservedCause? OfKubeNftables(RuleRef place, OutcomeVerdict verdict)
    {
        if (SetsOf(place.Rule).Any(KubeProxyNftables.IsNoEndpoints))
            return verdict == OutcomeVerdict.Drop ? UnservedCause.NoLocalEndpoints : UnservedCause.NoEndpoints;
        return KubeProxyNftables.RoleOf(place.Chain.Name) switch
        {
            KubeNftablesChainRole.SourceFirewall when Drops(place.Rule) => UnservedCause.SourceNotAllowed,
            KubeNftablesChainRole.ClusterIPsCheck when Rejects(place.Rule) => UnservedCause.UnknownPort,
            _ => null,
        };
    }

    private static UnservedCause? OfPortolan(RuleRef place)
    {
        bool drops = Drops(place.Rule);
        if (!drops && !Rejects(place.Rule))
            return null;
        foreach (string name in SetsOf(place.Rule))
        {
            if (!PortolanTables.TryParseSet(name, out PortolanSet set, out _))
                continue;
            switch (set)
            {
                case PortolanSet.NoEndpoints:
                    return UnservedCause.NoEndpoints;
                case PortolanSet.NoLocalEndpoints:
                    return UnservedCause.NoLocalEndpoints;
                case PortolanSet.SourceRestricted or PortolanSet.SourceDropped:
                    return UnservedCause.SourceNotAllowed;
                case PortolanSet.ClusterIPs when !drops:
                    return UnservedCause.UnknownPort;
            }
        }
        return PortolanTables.TryParseChain(place.Chain.Name, out PortolanChain chain) ? OfPortolan(chain.Kind, drops) : null;
    }

    private static UnservedCause? OfPortolanIpvs(RuleRef place)
    {
        if (!Drops(place.Rule) && !Rejects(place.Rule))
            return null;
        if (place.Chain.Name == PortolanIpvs.Sources)
            return UnservedCause.SourceNotAllowed;
        foreach (string name in SetsOf(place.Rule))
        {
            if (PortolanIpvs.TryParseSet(name, out PortolanIpvsSet set))
                return set switch
                {
                    PortolanIpvsSet.Rejected => UnservedCause.NoEndpoints,
                    PortolanIpvsSet.Dropped => UnservedCause.NoLocalEndpoints,
                    PortolanIpvsSet.Addresses => UnservedCause.UnknownPort,
                    _ => null,
                };
        }
        return null;
    }

    private static UnservedCause? OfPortolan(PortolanChainKind chain, bool drops) => chain switch
    {
        PortolanChainKind.SourceCheck => UnservedCause.SourceNotAllowed,
        // No client may: no source range could be read.
        PortolanChainKind.Policies when drops => UnservedCause.SourceNotAllowed,
        PortolanChainKind.NoEndpoints or PortolanChainKind.Overtaken => UnservedCause.NoEndpoints,
        PortolanChainKind.NoLocalEndpoints => UnservedCause.NoLocalEndpoints,
        _ => null,
    };

    private static bool Drops(Rule rule) => rule.Target is VerdictStatement { Verdict.Kind: VerdictKind.Drop };

    private static bool Rejects(Rule rule) => rule.Target is RejectStatement
        || (ServiceChains.TargetOf(rule) is { } target && KubeProxyNftables.RoleOf(target) == KubeNftablesChainRole.Reject);

    /// <summary>The named sets and maps that a rule looks up.</summary>
    private static IEnumerable<string> SetsOf(Rule rule)
    {
        foreach (Statement statement in rule.Statements.ToImmutableArray())
        {
            if (statement is VerdictMapStatement { Map: SetReference map })
                yield return map.Name;
            if (statement is RelationalMatch { Right: SetReference set })
                yield return set.Name;
        }
    }
}
