using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>What the service chains of an iptables nat table do for a client from outside: which endpoints, with which shares.</summary>
internal sealed class ServiceChains(RuleTable nat)
{
    // Service chains nest three or four deep; a dump may nest deeper.
    private const int Deepest = 16;

    private readonly Dictionary<string, View> _views = new(StringComparer.Ordinal);
    private readonly HashSet<string> _entered = new(StringComparer.Ordinal);

    /// <summary>A chain seen from outside.</summary>
    /// <param name="Endpoints">The endpoints and their shares of the packets that enter the chain.</param>
    /// <param name="IsDropped">True when the remaining packets are marked for dropping.</param>
    /// <param name="Affinity">The time a client is remembered, or null.</param>
    internal sealed record View(ImmutableArray<ProgrammedEndpoint> Endpoints, bool IsDropped, TimeSpan? Affinity);

    internal static bool IsServiceChain(string chain) => KubeProxyIptables.RoleOf(chain).IsServicePort();

    /// <summary>The chain a rule jumps or goes to, or null.</summary>
    internal static string? TargetOf(Rule rule) => rule.Target is VerdictStatement { Verdict: { Chain: { } chain } } ? chain : null;

    /// <summary>The role of the chain a rule jumps or goes to.</summary>
    internal static KubeChainRole RoleOfTarget(Rule rule) => KubeProxyIptables.RoleOf(TargetOf(rule));

    internal View OutsideOf(string chain) => Walk(chain, 0);

    /// <summary>
    /// True when the chain of external addresses treats clients from outside differently from pods: policy Local. Null when the chain
    /// is not in the input.
    /// </summary>
    internal bool? IsExternalLocal(string chain)
    {
        for (int depth = 0; depth < Deepest; depth++)
        {
            KubeChainRole role = KubeProxyIptables.RoleOf(chain);
            if (role is KubeChainRole.ExternalLocal or KubeChainRole.LocalEndpoints)
                return true;
            if (role == KubeChainRole.ClusterEndpoints)
                return false;
            if (nat.FindChain(chain) is not { } found)
                return null;
            if (role == KubeChainRole.External && found.Rules.Any(rule => HasHiddenChance(rule)))
                return null;
            if (role == KubeChainRole.External)
                return !found.Rules.Any(rule => !IsAboutSource(rule) && RoleOfTarget(rule) == KubeChainRole.ClusterEndpoints);
            string? next = found.Rules.Select(TargetOf).FirstOrDefault(target => target is not null && IsServiceChain(target));
            if (next is null)
                return null;
            chain = next;
        }
        return null;
    }

    /// <summary>The source ranges of a load balancer's firewall chain.</summary>
    internal ImmutableArray<InetPrefix> SourceRangesOf(string chain)
    {
        if (KubeProxyIptables.RoleOf(chain) != KubeChainRole.LoadBalancer || nat.FindChain(chain) is not { } firewall)
            return [];
        return [.. firewall.Rules
            .Where(rule => TargetOf(rule) is { } target && IsServiceChain(target))
            .SelectMany(rule => rule.Statements.ToImmutableArray().OfType<AddressMatch>())
            .Where(match => match is { Side: PacketSide.Source, Negated: false })
            .Select(match => match.Prefix)];
    }

    private View Walk(string name, int depth)
    {
        if (_views.TryGetValue(name, out View? known))
            return known;
        if (depth > Deepest || nat.FindChain(name) is not { } chain || !_entered.Add(name))
            return new View([], false, null);
        View view = Read(chain, depth);
        _entered.Remove(name);
        return _views[name] = view;
    }

    private View Read(Chain chain, int depth)
    {
        var endpoints = new Shares();
        bool isFirewall = KubeProxyIptables.RoleOf(chain.Name) == KubeChainRole.LoadBalancer;
        bool dropped = false;
        TimeSpan? affinity = null;
        double left = 1;
        foreach (Rule rule in chain.Rules)
        {
            if (TargetOf(rule) is not { } target)
                continue;
            KubeChainRole role = KubeProxyIptables.RoleOf(target);
            if (role == KubeChainRole.MarkDrop)
            {
                dropped |= left is not <= 0 && !IsAboutSource(rule);
                continue;
            }
            if (Find<RecentMatch>(rule) is { Mode: not RecentMode.Set } recent)
            {
                affinity = recent.Seconds is { } seconds ? TimeSpan.FromSeconds(seconds) : affinity;
                continue;
            }
            // nft may show only that there is affinity.
            if (Find<UnmodelledMatch>(rule) is { Name: "recent" })
                continue;
            // A firewall chain matches sources: these are the clients it lets through.
            if (role == KubeChainRole.MarkMasquerade || (IsAboutSource(rule) && !isFirewall))
                continue;
            StatisticRandomMatch? statistic = Find<StatisticRandomMatch>(rule);
            // After a rule that takes every packet, endpoints get nothing.
            double share = left * (statistic?.Probability ?? (HasHiddenChance(rule) ? double.NaN : 1));
            if (role == KubeChainRole.Endpoint)
            {
                endpoints.Add(Endpoint(target, rule, share, statistic?.Printed ?? string.Empty));
                left -= share;
            }
            else if (role.IsServicePort())
            {
                View inner = Walk(target, depth + 1);
                foreach (ProgrammedEndpoint endpoint in inner.Endpoints)
                    endpoints.Add(endpoint with { Share = endpoint.Share * share });
                dropped |= left is not <= 0 && inner.IsDropped && inner.Endpoints.IsEmpty;
                affinity ??= inner.Affinity;
                left -= inner.Endpoints.IsEmpty && !inner.IsDropped ? 0 : share;
            }
        }
        ImmutableArray<ProgrammedEndpoint> all = endpoints.ToImmutable();
        return new View(all, dropped && all.IsEmpty, affinity);
    }

    private ProgrammedEndpoint Endpoint(string chain, Rule rule, double share, string printed)
    {
        if (nat.FindChain(chain) is { } found)
        {
            foreach (Rule inner in found.Rules)
            {
                if (inner.Target is NatStatement { Kind: NatKind.Destination, Range: { HasAddress: true } range })
                    return new ProgrammedEndpoint(range.First, range.FirstPort, share, chain, printed);
            }
        }
        // Since 1.24 the rule's comment says where the chain leads: "shop/web:http -> 10.244.1.10:8080".
        return InetEndpoint.TryParse(KubeProxyIptablesComment.Parse(rule.Comment).Endpoint, out InetEndpoint endpoint)
            ? new ProgrammedEndpoint(endpoint.Address, endpoint.Port, share, chain, printed)
            : new ProgrammedEndpoint(default, 0, share, chain, printed);
    }

    // nft prints no more than "xt match statistic" of some rules: their shares, and those of the rules after them, are not known.
    private static bool HasHiddenChance(Rule rule) => Find<UnmodelledMatch>(rule) is { Name: not ("tcp" or "udp" or "sctp") };

    private static bool IsAboutSource(Rule rule)
    {
        foreach (Statement statement in rule.Statements)
        {
            if (statement is AddressMatch { Side: PacketSide.Source } or AddressTypeMatch { Side: PacketSide.Source, Negated: false })
                return true;
        }
        return false;
    }

    private static T? Find<T>(Rule rule)
        where T : Statement
    {
        foreach (Statement statement in rule.Statements)
        {
            if (statement is T found)
                return found;
        }
        return null;
    }

    /// <summary>Endpoints in the order they come up, each once with all its shares.</summary>
    private sealed class Shares
    {
        private readonly List<ProgrammedEndpoint> _endpoints = [];
        private readonly Dictionary<(InetAddress, ushort, string), int> _indexes = [];

        internal void Add(ProgrammedEndpoint endpoint)
        {
            (InetAddress, ushort, string) key = (endpoint.Address, endpoint.Port, endpoint.Chain);
            if (_indexes.TryGetValue(key, out int index))
            {
                _endpoints[index] = _endpoints[index] with { Share = _endpoints[index].Share + endpoint.Share };
                return;
            }
            _indexes[key] = _endpoints.Count;
            _endpoints.Add(endpoint);
        }

        internal ImmutableArray<ProgrammedEndpoint> ToImmutable() => [.. _endpoints];
    }
}
