using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>
/// Finds rules of others (a CNI's, Docker's, an administrator's) that answer for a cluster IP before the service rules are asked.
/// </summary>
internal static class EarlierRuleChecks
{
    internal static IEnumerable<Finding> Of(CheckInput input, List<string> limits)
    {
        // Without their services' rules the chains that find services cost nothing to walk, so that every service can be traced.
        Ruleset skeleton = WithoutServices(input.Rules);
        if (skeleton.Tables.Sum(table => table.Chains.Sum(chain => chain.Rules.Length)) == 0)
            yield break;
        var simulator = new PacketSimulator(skeleton, input.Node);
        var clients = new Clients(input.Rules, input.Services, input.Node);
        var unknown = new HashSet<string>(StringComparer.Ordinal);
        foreach (ProgrammedService service in input.Services.Services)
        {
            ProgrammedFrontend? frontend = service.Frontends.FirstOrDefault(item =>
                item.Kind == ProgrammedKind.ClusterIP && item.State == ProgrammedState.Served);
            if (frontend is null)
                continue;
            foreach (ClientPlace place in (ImmutableArray<ClientPlace>)[ClientPlace.Outside, ClientPlace.Node])
            {
                InetAddress source = clients.At(place, service, frontend).FirstOrDefault().Source;
                if (source.Family == IpFamily.None)
                    continue;
                TraceResult trace = simulator.Trace(new PacketSpec
                {
                    Source = source,
                    Destination = frontend.Address,
                    Protocol = service.Protocol,
                    SourcePort = 40_000,
                    DestinationPort = frontend.Port,
                    IsFromNode = place == ClientPlace.Node,
                });
                Hook hook = place == ClientPlace.Node ? Hook.Output : Hook.Prerouting;
                var ways = trace.Outcomes.SelectMany(outcome => outcome.Candidates.IsEmpty ? [outcome] : outcome.Candidates).ToList();
                if (ways.Exists(way => way.Verdict == OutcomeVerdict.Unknown && !ComesToServices(way, hook)))
                    unknown.Add(service.DisplayName);
                if (ways.Select(way => FindInterceptingRule(way, hook))
                    .FirstOrDefault(intercepting => intercepting is not null) is not { } intercepting)
                    continue;
                string from = place == ClientPlace.Node ? "this node's own programs" : "pods and clients outside";
                yield return new Finding(FindingSeverity.Error, "answered-by-other-rule", service.DisplayName, intercepting,
                    $"For {from} another rule decides about {frontend.Text} before " +
                    $"{ServiceTables.EntryOf(intercepting.Table) ?? "the service rules"} is asked: "
                        + $"it {RuleDescriptions.Action(intercepting.Rule, input.Guide)}.",
                    "The rule is not the proxy's. Find its owner (CNI, Docker, an administrator) and make it leave the service " +
                        "range alone.");
                break;
            }
        }
        if (unknown.Count > 0)
            limits.Add($"For {RuleChecker.Number(unknown.Count)} services an earlier rule asks what is not known; 'portolan trace' " +
                "names it.");
    }

    private static bool ComesToServices(Outcome way, Hook hook) => way.Path.Any(step => step.Hook == hook && IsEntry(step));

    private static bool IsEntry(PathStep step) => step.Place is { } place
        && ServiceTables.EntryOf(place.Table) is { } entry && ServiceChains.TargetOf(place.Rule) == entry;

    /// <summary>The rule that ends a packet's way through the nat rules of a hook before the service rules see it.</summary>
    private static RuleRef? FindInterceptingRule(Outcome way, Hook hook)
    {
        RuleRef? last = null;
        foreach (PathStep step in way.Path)
        {
            if (step.Place is not { } place || step.Hook != hook)
                continue;
            if (IsEntry(step))
                return null;
            // What is not translated may still be accepted or dropped: the last rule of a way that never came to the services did it.
            if (place.Rule.Target is NatStatement { Kind: NatKind.Destination or NatKind.Redirect })
                return place;
            last = place;
        }
        return last is { Rule.Target: VerdictStatement { Verdict.Kind: VerdictKind.Accept or VerdictKind.Drop } or RejectStatement }
            && IsDecided(way, last) ? last : null;
    }

    // An accept counts in the chain that calls the services; elsewhere the packet goes on to other tables.
    private static bool IsDecided(Outcome way, RuleRef last) =>
        way.Verdict is OutcomeVerdict.Drop or OutcomeVerdict.Reject || ServiceTables.EntryOf(last.Table) is not null;

    private static Ruleset WithoutServices(Ruleset rules) => new()
    {
        Tables = [.. rules.Tables.Where(table => table.Chains.Any(chain => chain.Base is { Hook: Hook.Prerouting or Hook.Output }))
            .Select(WithoutServices)],
        IpSets = rules.IpSets,
        RecentClients = rules.RecentClients,
        Interfaces = rules.Interfaces,
    };

    private static RuleTable WithoutServices(RuleTable table)
    {
        bool IsKept(Chain chain) => chain.Base is { Hook: Hook.Prerouting or Hook.Output }
            || (chain.Base is null && !IsOfServices(table, chain.Name));
        return new RuleTable
        {
            Family = table.Family,
            Name = table.Name,
            Backend = table.Backend,
            Format = table.Format,
            Sets = table.Sets,
            IsExcerpt = table.IsExcerpt,
            IsDormant = table.IsDormant,
            Chains = [.. table.Chains.Where(chain => chain.Base is null or { Hook: Hook.Prerouting or Hook.Output })
                .Select(chain => IsKept(chain) ? chain : new Chain { Name = chain.Name })],
        };
    }

    private static bool IsOfServices(RuleTable table, string chain) =>
        (ServiceTables.IsOwn(table) && ServiceTables.EntryOf(table) is not null)
        || chain.StartsWith(KubeProxyIptables.Prefix, StringComparison.Ordinal);
}
