using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>
/// Traces packets to each service from a pod, from this node and from outside, and names what stops or intercepts them.
/// </summary>
internal static class ObstacleChecks
{
    // A trace takes some ten microseconds: a second or two for all.
    private const int MostWalks = 30_000;

    internal static IEnumerable<Finding> Of(CheckInput input, List<string> limits)
    {
        var walker = new FrontendWalker(input.Rules, input.Services, input.Node, input.PodRanges);
        var found = new List<(FrontendWalk Walk, Obstacle Obstacle)>();
        var unknown = new HashSet<string>(StringComparer.Ordinal);
        int walks = 0, left = 0;
        foreach (ProgrammedService service in input.Services.Services)
        {
            foreach (ProgrammedFrontend frontend in service.Frontends.Where(item => item.State == ProgrammedState.Served)
                .DistinctBy(item => (item.Kind, item.Address)))
            {
                if (walks >= MostWalks)
                {
                    left++;
                    continue;
                }
                foreach (ClientPlace client in (ImmutableArray<ClientPlace>)[ClientPlace.Outside, ClientPlace.Pod, ClientPlace.Node])
                {
                    foreach (FrontendWalk walk in walker.Walk(service, frontend, client))
                    {
                        walks++;
                        found.AddRange(walk.Obstacles.Select(obstacle => (walk, obstacle)));
                        if (walk.IsUnknown && service.Writer is not RuleWriter.KubeProxyUserspace)
                            unknown.Add(service.DisplayName);
                    }
                }
            }
        }
        if (unknown.Count > 0)
            limits.Add($"For {RuleChecker.Number(unknown.Count)} services the outcome depends on an unknown; 'portolan trace' names it.");
        if (left > 0)
            limits.Add($"{RuleChecker.Number(left)} frontends were not traced: there are too many.");
        return PodTraffic(walker, input).Concat(found.GroupBy(item => (item.Obstacle.Kind, item.Obstacle.Place, item.Obstacle.Chain,
                IsStop(item.Obstacle) ? string.Empty : item.Walk.Service.DisplayName))
            .Select(group => Finding([.. group], input)));
    }

    /// <summary>What pods send to each other without a service: other programs' rules often accept translated packets only.</summary>
    private static List<Finding> PodTraffic(FrontendWalker walker, CheckInput input)
    {
        var seen = new HashSet<(RuleRef?, Chain)>();
        var findings = new List<Finding>();
        foreach (IpFamily family in (ReadOnlySpan<IpFamily>)[IpFamily.IPv4, IpFamily.IPv6])
        {
            (ProgrammedService? service, ProgrammedEndpoint? endpoint) = input.Services.Services
                .Where(service => service.Family == family).SelectMany(service => service.Endpoints.Select(endpoint => (service, endpoint)))
                .FirstOrDefault(item => walker.IsPod(item.endpoint.Address));
            if (service is null || endpoint is null)
                continue;
            foreach ((Obstacle obstacle, string who) in walker.ToPod(service, endpoint))
            {
                if (!seen.Add((obstacle.Place, obstacle.Chain)))
                    continue;
                string does = obstacle.Kind == ObstacleKind.Rejected ? "rejects" : "drops";
                findings.Add(new Finding(obstacle.When.IsEmpty ? FindingSeverity.Error : FindingSeverity.Warning, "pods-cut-off",
                    obstacle.Chain.Name, obstacle.Place,
                    $"{Capital(obstacle.PlaceText)} {does} what pods send to each other without a service: a packet {who} to " +
                        $"{endpoint.Text} is not forwarded by this node{obstacle.Condition}.{obstacle.OwnerSentence}",
                    "Accept what is for and from pods before it (with firewalld: a trusted zone with the pods' range and interfaces)."));
            }
        }
        return findings;
    }

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static bool IsStop(Obstacle obstacle) => obstacle.Kind is ObstacleKind.Dropped or ObstacleKind.Rejected;

    private static Finding Finding(List<(FrontendWalk Walk, Obstacle Obstacle)> all, CheckInput input)
    {
        (FrontendWalk first, Obstacle obstacle) = all[0];
        // If it holds unconditionally for one client, it is reported without a condition.
        obstacle = all.Select(item => item.Obstacle).FirstOrDefault(item => item.When.IsEmpty, obstacle);
        string[] services = [.. all.Select(item => item.Walk.Service.DisplayName).Distinct()];
        string[] frontends = [.. all.Select(item => item.Walk.Frontend.Text).Distinct()];
        string[] clients = [.. all.Select(item => item.Walk.Client).Distinct().Order().Select(client => client switch
        {
            ClientPlace.Outside => "clients outside",
            ClientPlace.Pod => "pods",
            _ => "this node's own programs",
        })];
        string from = clients.Length == 1 ? clients[0] : $"{string.Join(", ", clients[..^1])} and {clients[^1]}";
        string what = services.Length == 1
            ? $"{services[0]} at {Abbreviated(frontends)}"
            : $"{RuleChecker.Number(services.Length)} services, among them {Abbreviated(services)}";
        string when = obstacle.Condition, owner = obstacle.OwnerSentence;
        FindingSeverity severity = obstacle.When.IsEmpty ? FindingSeverity.Error : FindingSeverity.Warning;
        string subject = services.Length == 1 ? services[0] : obstacle.Chain.Name;
        switch (obstacle.Kind)
        {
            case ObstacleKind.Dropped or ObstacleKind.Rejected:
                string verb = obstacle.Kind == ObstacleKind.Dropped ? "drops" : "rejects";
                string place = Capital(obstacle.PlaceText);
                if (obstacle.IsBeforeIpvs(first.Service))
                    return IpvsChecks.StoppedInInput(severity, subject, obstacle,
                        $"{place}{(obstacle.Place is null ? " (DROP)" : "")} {verb} what {from} send to {what}", $"{when}.{owner}", all);
                return new Finding(severity, "stopped-on-the-way", subject, obstacle.Place,
                    $"{place}{(obstacle.Place is null ? " (DROP)" : "")} {verb} what {from} send to {what}{when}.{owner}",
                    obstacle.Place is null
                        ? "Set the policy to ACCEPT, or accept what is for and from pods (iptables -I FORWARD -s POD-RANGE -j ACCEPT, " +
                            "and -d POD-RANGE)."
                        : "The rule is not the proxy's. Accept what is for and from pods before it, or change its owner's configuration.");
            case ObstacleKind.Untracked:
                return new Finding(FindingSeverity.Note, "untracked-frontend", subject, obstacle.Place,
                    $"What {from} send to {what} is not translated: {obstacle.PlaceText} says NOTRACK, so it skips the nat table " +
                        $"and the service's endpoints are not used on this node{when}.{owner}",
                    "With NodeLocal DNSCache this is intended: a program on the node answers at the address.");
            default:
                string entry = ServiceTables.EntryOf(obstacle.Table) ?? "the service rules";
                string does = obstacle.Place is { } rule ? RuleDescriptions.Action(rule.Rule, input.Guide) : "decides";
                return new Finding(severity, "answered-by-other-rule", subject, obstacle.Place,
                    $"For {from} another rule handles {Abbreviated(frontends)} before {entry} serves it: it {does}{when}.{owner}",
                    "The rule is not the proxy's, or is a leftover in a back-end that the proxy no longer uses. Find its owner " +
                        "(CNI, Docker, an administrator) and make it leave the address alone.");
        }
    }

    private static string Abbreviated(string[] names) => names.Length <= 3 ? string.Join(", ", names)
        : $"{string.Join(", ", names[..3])} and {RuleChecker.Number(names.Length - 3)} more";
}
