using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Services.Plans;

namespace Portolan.Inspect.Checks;

/// <summary>Compares what the rules serve with what this node should serve according to the cluster.</summary>
internal sealed class ClusterChecks
{
    private const string Resync = "Look at the proxy's log and restart it if it does not catch up.";

    private readonly CheckInput _input;
    private readonly ILookup<PortKey, ProgrammedService> _byName;
    private readonly Dictionary<(InetAddress, ushort, IpProtocol), ProgrammedService> _nameless = [];

    private ClusterChecks(CheckInput input)
    {
        _input = input;
        _byName = input.Services.Services.ToLookup(service => new PortKey(service.DisplayName, service.Protocol, service.Family));
        foreach (ProgrammedService service in input.Services.Services.Where(service => service.Service is null))
        {
            foreach (ProgrammedFrontend frontend in service.Frontends)
                _nameless.TryAdd((frontend.Address, frontend.Port, service.Protocol), service);
        }
    }

    internal static IEnumerable<Finding> Of(CheckInput input, List<string> limits)
    {
        HashSet<IpFamily> families = input.IsWholeNode ? [IpFamily.IPv4, IpFamily.IPv6] : [.. FamiliesOf(input.Rules)];
        foreach (IpFamily family in (ImmutableArray<IpFamily>)[IpFamily.IPv4, IpFamily.IPv6])
        {
            if (!families.Contains(family) && input.Cluster!.Plans.Any(plan => plan.Ports.Any(port => port.Family == family)))
                limits.Add($"The input has no nat rules of {family}: its services are not compared with the cluster.");
        }
        return new ClusterChecks(input).Compare(families).Concat(PodRanges(input));
    }

    private IEnumerable<Finding> Compare(HashSet<IpFamily> families)
    {
        var wanted = new HashSet<PortKey>();
        var recognised = new HashSet<ProgrammedService>();
        foreach (PortPlan port in _input.Cluster!.Plans.SelectMany(plan => plan.Ports))
        {
            var key = new PortKey(port.Name.ToString(), port.Name.Protocol, port.Family);
            wanted.Add(key);
            if (!families.Contains(port.Family) || port.Frontends.All(IsHidden))
                continue;
            ProgrammedService[] offers = [.. Offers(key, port)];
            recognised.UnionWith(offers);
            if (offers.Length == 0)
            {
                yield return new Finding(FindingSeverity.Error, "service-without-rules", key.Name, null,
                    $"The cluster has {key.Name} ({key.Protocol.ToRuleText()}, {key.Family}), but no rule serves it: its clients get no " +
                    "answer from this node.", Resync);
            }
            foreach (Finding finding in offers.SelectMany(service => Compare(port, service)))
                yield return finding;
        }
        foreach (ProgrammedService service in _input.Services.Services.Where(service => !recognised.Contains(service)))
        {
            // Every cluster has the API server's own service, but no manifest does.
            if (service.Service is "default/kubernetes"
                || wanted.Contains(new PortKey(service.DisplayName, service.Protocol, service.Family)))
                continue;
            yield return new Finding(FindingSeverity.Error, "rules-without-service", service.DisplayName,
                service.Frontends.FirstOrDefault()?.Place,
                $"Rules serve {service.DisplayName} ({service.Protocol.ToRuleText()}, {service.Family}), which the cluster does not have " +
                    "(any more).", Resync);
        }
    }

    /// <summary>True for a refusal, which is no virtual server's: rules beside IPVS make it, which the input does not show.</summary>
    private bool IsHidden(Frontend frontend) => _input.Rules is { VirtualServers: not null, Tables.IsEmpty: true }
        && frontend.Outside.Action is FrontendAction.Reject or FrontendAction.Drop;

    /// <summary>The rules of a port: by its name, or by its addresses where the rules carry no names.</summary>
    private IEnumerable<ProgrammedService> Offers(PortKey key, PortPlan port)
    {
        if (_byName.Contains(key))
            return _byName[key];
        return port.Frontends
            .Select(frontend =>
            _nameless.GetValueOrDefault((frontend.Kind == FrontendKind.NodePort ? default : frontend.Address, frontend.Port, key.Protocol)))
            .OfType<ProgrammedService>().Distinct();
    }

    private IEnumerable<Finding> Compare(PortPlan port, ProgrammedService service)
    {
        string name = port.Name.ToString();
        ImmutableHashSet<InetEndpoint> known = [.. port.ClusterBackends.Concat(port.LocalBackends).Select(backend => backend.Endpoint),
            .. port.ServingEndpoints];
        List<ProgrammedEndpoint> offered = [.. service.Endpoints.Concat(service.Frontends.SelectMany(frontend => frontend.Endpoints))
            // What has no share gets nothing new: it is on its way out.
            .Where(endpoint => endpoint is { Address.Family: not IpFamily.None, Share: not 0 }).DistinctBy(endpoint => endpoint.Text)];
        foreach (ProgrammedEndpoint endpoint in offered)
        {
            if (!known.Contains(new InetEndpoint(endpoint.Address, endpoint.Port)))
            {
                yield return new Finding(FindingSeverity.Error, "unknown-endpoint", name, TranslationTo(endpoint, service),
                    $"Connections are sent to {endpoint.Text}, which is not a usable endpoint of {name}.", Resync);
            }
        }
        // Compared are the endpoints of the cluster IP; under policy Local these are this node's.
        ImmutableArray<Backend> expected = port.InternalPolicyLocal
            && port.Frontends.Any(frontend => frontend.Kind == FrontendKind.ClusterIP)
            ? port.LocalBackends
            : port.ClusterBackends;
        foreach (Backend backend in expected)
        {
            if (!offered.Exists(endpoint => endpoint.Address == backend.Endpoint.Address && endpoint.Port == backend.Endpoint.Port))
            {
                yield return new Finding(FindingSeverity.Error, "missing-endpoint", name, service.Frontends.FirstOrDefault()?.Place,
                    $"Endpoint {backend.Endpoint} of {name} gets no connections: no rule leads to it.", Resync);
            }
        }
        foreach (Frontend frontend in port.Frontends.Where(frontend => !IsHidden(frontend)))
        {
            bool found = service.Frontends.Any(item => item.Port == frontend.Port
                && (frontend.Kind == FrontendKind.NodePort ? item.Kind == ProgrammedKind.NodePort : item.Address == frontend.Address));
            if (!found)
            {
                string address = frontend.Kind == FrontendKind.NodePort
                    ? $"node port {frontend.Port}" : new InetEndpoint(frontend.Address, frontend.Port).ToString();
                yield return new Finding(FindingSeverity.Error, "missing-frontend", name, null,
                    $"{address} of {name} has no rule: clients that connect to it get no answer from this node.", Resync);
            }
        }
        foreach (ProgrammedFrontend frontend in service.Frontends)
        {
            bool isWanted = port.Frontends.Any(item => item.Port == frontend.Port
                && (frontend.Kind == ProgrammedKind.NodePort ? item.Kind == FrontendKind.NodePort : item.Address == frontend.Address));
            if (!isWanted)
            {
                yield return new Finding(FindingSeverity.Error, "unknown-frontend", name, frontend.Place,
                    $"Rules answer at {frontend.Text} for {name}, which the cluster does not have (any more).", Resync);
            }
        }
    }

    /// <summary>The rule that translates to an endpoint; null where an element of a map does.</summary>
    private RuleRef? TranslationTo(ProgrammedEndpoint endpoint, ProgrammedService service)
    {
        bool Translates(RuleRef place) => place.Rule.Target switch
        {
            NatStatement { Kind: NatKind.Destination, Range: { HasAddress: true } range } =>
                range.First == endpoint.Address && range.FirstPort == endpoint.Port,
            NatStatement { Kind: NatKind.Destination, Operand: MapExpression { Map: AnonymousSet map } } => map.Elements.Any(element =>
                element.Data is ConcatExpression { Parts: [AddressValue address, NumberValue port] } && address.Address == endpoint.Address
                && port.Value == endpoint.Port),
            _ => false,
        };
        return _input.Rules.Tables.SelectMany(Places.Of)
            .FirstOrDefault(place => Translates(place) && _input.Guide.ServiceOf(place) == service.DisplayName);
    }

    private static IEnumerable<IpFamily> FamiliesOf(Ruleset rules)
    {
        foreach (RuleTable table in rules.Tables)
        {
            if (ServiceTables.MayTranslate(table) && table.Family is TableFamily.Ip or TableFamily.Ip6)
                yield return table.Family == TableFamily.Ip ? IpFamily.IPv4 : IpFamily.IPv6;
        }
        foreach (VirtualServer server in rules.VirtualServers ?? [])
            yield return server.Family;
    }

    private static IEnumerable<Finding> PodRanges(CheckInput input)
    {
        var clients = new Clients(input.Rules, input.Services, input.Node);
        foreach (IGrouping<IpFamily, InetPrefix> wanted in input.PodRanges.GroupBy(range => range.Family))
        {
            var found = clients.PodRanges.Where(range => range.Family == wanted.Key).ToHashSet();
            if (found.Count == 0 || found.SetEquals(wanted))
                continue;
            yield return new Finding(FindingSeverity.Warning, "pod-range-differs", wanted.Key.ToString(), null,
                $"The rules treat {string.Join(", ", found)} as the pod range, but the cluster uses {string.Join(", ", wanted)}: the " +
                "wrong clients are masqueraded.",
                "Set clusterCIDR in the proxy's configuration and restart it.");
        }
    }

    private readonly record struct PortKey(string Name, IpProtocol Protocol, IpFamily Family);
}
