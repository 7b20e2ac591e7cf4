using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;

namespace Portolan.Inspect.Checks;

/// <summary>What goes wrong with virtual servers of IPVS.</summary>
internal static class IpvsChecks
{
    // More would fill the screen; the rest is counted.
    private const int MostNamed = 3;

    internal static IEnumerable<Finding> Of(CheckInput input)
    {
        var servers = (input.Rules.VirtualServers ?? []).Where(static server => server.Mark is null)
            .Select(static server => (server.Address, server.Port, server.Protocol)).ToHashSet();
        foreach (ProgrammedService service in input.Services.Services.Where(static service => service.Writer.IsIpvs()))
        {
            if (WithoutRealServers(service, servers) is { } idle)
                yield return idle;
            if (NotLocal(service, input) is { } elsewhere)
                yield return elsewhere;
        }
        if (BesideRules(input) is { } twice)
            yield return twice;
    }

    /// <summary>A rule or policy of INPUT in the way of services (kubernetes#98465).</summary>
    internal static Finding StoppedInInput(FindingSeverity severity, string subject, Obstacle obstacle, string text, string when,
        IReadOnlyList<(FrontendWalk Walk, Obstacle Obstacle)> all)
    {
        string[] ports =
        [
            .. all.OrderBy(static item => item.Walk.Frontend.Kind != ProgrammedKind.NodePort)
                .Select(static item => (item.Walk.Service.Protocol, item.Walk.Frontend.Port)).Distinct().Take(MostNamed)
                .Select(static key => $"iptables -I INPUT -p {key.Protocol.ToRuleText()} --dport {key.Port} -j ACCEPT"),
        ];
        string before = obstacle.Place is null ? "the policy decides" : "it";
        return new Finding(severity, "stopped-before-ipvs", subject, obstacle.Place,
            $"{text}, before IPVS takes it: in mode ipvs a packet to a service is for this machine, and IPVS stands behind the rules of "
                + $"INPUT (kubernetes#98465){when}",
            $"Accept services and node ports in INPUT before {before}, for one: {string.Join("; ", ports)}. In the other modes packets to "
                + "services pass FORWARD, not INPUT.");
    }

    private static Finding? WithoutRealServers(ProgrammedService service, HashSet<(InetAddress, ushort, IpProtocol)> servers)
    {
        ProgrammedFrontend? idle = service.Frontends.FirstOrDefault(frontend => frontend.State == ProgrammedState.Rejected
            && servers.Contains((frontend.Address, frontend.Port, service.Protocol)));
        if (idle is null)
            return null;
        string why = idle.Endpoints.IsEmpty ? "has no real server" : "has real servers of weight 0 alone";
        return new Finding(FindingSeverity.Warning, "virtual-server-idle", service.DisplayName, null,
            $"The virtual server {service.Protocol.ToRuleText()} {idle.Text} {why}: new clients are rejected (port unreachable).",
            "Nothing is wrong if the service has no ready endpoints: 'kubectl get endpointslices' shows them. Otherwise look at the "
                + "proxy's log.");
    }

    private static Finding? NotLocal(ProgrammedService service, CheckInput input)
    {
        ProgrammedFrontend? elsewhere = service.Frontends.FirstOrDefault(frontend => frontend is
        { Address.Family: not IpFamily.None, State: ProgrammedState.Served }
            && input.Node.Knows(frontend.Address.Family) && input.Node.IsLocal(frontend.Address) == false
            && ShowsServices(input, frontend.Address.Family));
        return elsewhere is null ? null : new Finding(FindingSeverity.Error, "virtual-server-not-local", service.DisplayName, null,
            $"{elsewhere.Address} of the virtual server {service.Protocol.ToRuleText()} {elsewhere.Text} is no address of this "
                + "machine, and no route of table local has it: what pods and clients outside send there does not come to IPVS.",
            "Restart the proxy, which makes the address local (kube-proxy: on kube-ipvs0; Portolan: ip route show table local).");
    }

    // Without kube-proxy's device or the routes of table local the input does not show which addresses of services are local.
    private static bool ShowsServices(CheckInput input, IpFamily family) =>
        input.Rules.Interfaces?.Any(static device => device.Name == KubeProxyIpvs.Device) == true
        || input.Rules.Routes.Any(route => route.Type == NodeAddresses.LocalRoute && route.To.Family == family);

    /// <summary>Virtual servers at addresses that rules of another mode translate first, or that serve beside them.</summary>
    private static Finding? BesideRules(CheckInput input)
    {
        var served = input.Services.Services.Where(static service => !service.Writer.IsIpvs())
            .SelectMany(static service => service.Frontends.Select(frontend => (service.Protocol, frontend.Address, frontend.Port)))
            .ToHashSet();
        // After a switch of modes Portolan keeps those that connections need, named in a table without rules, and removes them itself.
        served.ExceptWith(input.Rules.Tables.Where(static table => ServiceTables.IsBesideIpvs(table) && table.Chains.IsEmpty)
            .SelectMany(IpvsSideTable.Read).Select(static kept => (kept.Key.Protocol, kept.Key.Address, kept.Key.Port)));
        string[] both =
        [
            .. (input.Rules.VirtualServers ?? []).Where(server => server.Mark is null
                && served.Contains((server.Protocol, server.Address, server.Port)) && server.Servers.Any(static real => real.Weight > 0))
                .Select(static server => server.Name),
        ];
        if (both.Length == 0)
            return null;
        string names = string.Join(", ", both.Take(MostNamed))
            + (both.Length > MostNamed ? $" and {RuleChecker.Number(both.Length - MostNamed)} more" : string.Empty);
        return new Finding(FindingSeverity.Error, "two-proxies", "IPVS", null,
            $"IPVS has virtual servers for what rules serve as well: {names}. A proxy in mode ipvs runs beside another, or left them; what "
                + "the rules do not translate first IPVS takes, with endpoints that may be stale.",
            "Stop the proxy that should not run, and clean up after it (kube-proxy --cleanup, portolan proxy --cleanup).");
    }
}
