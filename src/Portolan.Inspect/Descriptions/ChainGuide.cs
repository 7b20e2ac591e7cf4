using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Descriptions;

/// <summary>Says what chains and rules are for, and which service they belong to.</summary>
public sealed partial class ChainGuide
{
    private static readonly (string Prefix, string Purpose)[] Prefixes =
    [
        ("KUBE-SVC-", "picks one of all endpoints"),
        ("KUBE-SVL-", "picks one of the endpoints on this node"),
        ("KUBE-EXT-", "takes traffic to the node port, load balancer and external addresses"),
        ("KUBE-FW-", "lets in the allowed sources of the load balancer"),
        ("KUBE-XLB-", "takes load balancer and node port traffic, under externalTrafficPolicy Local,"),
        ("KUBE-SEP-", "translates to one endpoint"),
        ("KUBE-TREE-", "finds the service by destination, within a range of addresses"),
        ("service-", "picks one of all endpoints"),
        ("local-", "picks one of the endpoints on this node"),
        ("external-", "takes traffic to the node port, load balancer and external addresses"),
        ("firewall-", "lets in the allowed sources of the load balancer"),
        ("endpoint-", "remembers the client and translates to one endpoint"),
    ];

    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal)
    {
        ["KUBE-SERVICES"] = "finds the service by destination, one rule after the other",
        ["KUBE-EXTERNAL-SERVICES"] = "refuses external addresses of services that cannot serve",
        ["KUBE-NODEPORTS"] = "finds the service by node port",
        ["KUBE-MARK-MASQ"] = "marks packets that shall leave with the node's address (masquerade)",
        ["KUBE-MARK-DROP"] = "marks packets that shall be dropped later, by KUBE-FIREWALL in the filter table",
        ["KUBE-POSTROUTING"] = "masquerades marked packets",
        ["KUBE-FORWARD"] = "lets marked and established traffic be forwarded, and drops invalid packets",
        ["KUBE-FIREWALL"] = "drops marked packets, and outsiders that pretend to be on loopback",
        ["KUBE-PROXY-FIREWALL"] = "drops load balancer traffic from sources that are not allowed",
        ["KUBE-PROXY-CANARY"] = "has no rules: kube-proxy watches whether somebody flushed the table",
        ["KUBE-KUBELET-CANARY"] = "has no rules: the kubelet watches whether somebody flushed the table",
        ["services"] = "finds the service by destination, in a map",
        ["service-ranges"] = "drops cluster IPs nobody has",
        ["node-ports"] = "finds the service by node port, in a map",
        ["masquerading"] = "masquerades marked packets and endpoints talking to themselves",
        ["cluster-ips-check"] = "refuses unknown ports of cluster IPs and drops cluster IPs nobody has",
        ["service-endpoints-check"] = "refuses or drops services without endpoints",
        ["nodeport-endpoints-check"] = "refuses or drops node ports of services without endpoints",
        ["firewall-check"] = "sends load balancer traffic past its allowed sources",
        ["reject-chain"] = "refuses",
        ["off-cluster"] = "marks traffic to cluster IPs from outside the cluster for masquerading",
        ["external-local"] = "serves pods and this node from the whole cluster where the policy is Local",
        ["inside"] = "picks endpoints for pods and this node",
        ["node-port-external-local"] = "serves pods and this node from the whole cluster where the policy is Local",
        ["node-port-inside"] = "picks endpoints for pods and this node",
        ["source-check"] = "drops load balancer traffic from sources that are not allowed",
    };

    // Chains that stand ready for rules of services: unused where no service needs them.
    private static readonly HashSet<string> Standby = new(StringComparer.Ordinal)
    {
        "KUBE-MARK-MASQ", "KUBE-MARK-DROP", "reject-chain", "external-local", "inside", "node-port-external-local", "node-port-inside",
        "source-check", "off-cluster", "service-ranges",
    };

    private readonly Dictionary<string, string> _services = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ProgrammedEndpoint> _endpoints = new(StringComparer.Ordinal);

    /// <summary>Learns the names of services from the catalogue.</summary>
    public ChainGuide(ServiceCatalogue catalogue)
    {
        ArgumentNullException.ThrowIfNull(catalogue);
        foreach (ProgrammedService service in catalogue.Services)
        {
            Learn(service.Id, service.DisplayName);
            foreach (ProgrammedFrontend frontend in service.Frontends)
            {
                if (frontend.Place is { } place && ServiceChains.TargetOf(place.Rule) is { } target)
                    Learn(target, service.DisplayName);
                LearnEndpoints(frontend.Endpoints, service);
            }
            LearnEndpoints(service.Endpoints, service);
        }
    }

    /// <summary>The service port that a chain serves, or null.</summary>
    public string? ServiceOf(string chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        if (_services.TryGetValue(chain, out string? service))
            return service;
        string hash = chain[(chain.LastIndexOf('-') + 1)..];
        return chain.StartsWith("KUBE-", StringComparison.Ordinal) && _services.TryGetValue("KUBE-SVC-" + hash, out service)
            ? service
            : KubeNftablesServices.NameOf(chain);
    }

    /// <summary>The service port that a rule is about, or null: by its comment, its target or its chain.</summary>
    public string? ServiceOf(RuleRef place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return NameInComment(place.Rule.Comment)
            ?? (ServiceChains.TargetOf(place.Rule) is { } target ? ServiceOf(target) : null)
            ?? ServiceOf(place.Chain.Name);
    }

    /// <summary>The endpoint that a chain stands for, or null.</summary>
    public ProgrammedEndpoint? EndpointOf(string chain) => _endpoints.GetValueOrDefault(chain);

    /// <summary>What a chain is for, in words without a subject: "picks one of all endpoints of default/testsvc". Null when it is nobody's we know.</summary>
    public string? PurposeOf(string chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        if (Known.TryGetValue(chain, out string? purpose))
            return purpose;
        foreach ((string prefix, string words) in Prefixes)
        {
            if (!chain.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            string of = ServiceOf(chain) is { } service ? $" of {service}" : string.Empty;
            return EndpointOf(chain) is { } endpoint && endpoint.Address.Family != Inet.IpFamily.None
                ? $"translates to endpoint {endpoint.Text}{of}"
                : words + of;
        }
        return PurposeOfChoice(chain);
    }

    // Portolan's chains that choose an endpoint; their names have numbers in them. Those of NodePorts begin with "node-port-",
    // those of pods and this node go on with "inside-".
    private static string? PurposeOfChoice(string chain)
    {
        Match choice = Choice().Match(chain);
        if (!choice.Success)
            return null;
        string count = choice.Groups["count"].Value, seconds = choice.Groups["seconds"].Value;
        return choice.Groups["step"].Value switch
        {
            "found" => "remembers the client with its endpoint and translates to that",
            "new" => "picks an endpoint for a client that is not remembered",
            _ when seconds.Length > 0 => $"looks whether the client was served by one of the endpoints within {seconds} s",
            _ when count == "1" => "takes the first endpoint",
            _ when count.Length > 0 => $"picks one of {count} endpoints",
            _ => "tells services by their number of endpoints",
        };
    }

    [GeneratedRegex("^(node-port-)?(inside-)?((affinity-)?pick(-(?<count>[0-9]+)|-by-count|-from-[0-9]+)?|affinity-(?<seconds>[0-9]+)(-(?<step>found|new))?)$")]
    private static partial Regex Choice();

    /// <summary>True for a chain that a proxy keeps for all services.</summary>
    internal static bool IsShared(string chain) => Known.ContainsKey(chain);

    /// <summary>True for a shared chain that need not be used.</summary>
    internal static bool IsStandby(string chain) => Standby.Contains(chain);

    private static string? NameInComment(string? comment)
    {
        if (ServiceText.NameIn(comment, out _) is { } name)
            return name;
        // "masquerade traffic for shop/cart:http external destinations"
        int start = comment?.IndexOf(" for ", StringComparison.Ordinal) ?? -1;
        if (start < 0)
            return null;
        string rest = comment![(start + 5)..];
        int end = rest.IndexOf(' ', StringComparison.Ordinal);
        string word = end < 0 ? rest : rest[..end];
        return word.Contains('/', StringComparison.Ordinal) ? word : null;
    }

    private void LearnEndpoints(ImmutableArray<ProgrammedEndpoint> endpoints, ProgrammedService service)
    {
        foreach (ProgrammedEndpoint endpoint in endpoints)
        {
            if (endpoint.Chain.Length == 0)
                continue;
            _endpoints.TryAdd(endpoint.Chain, endpoint);
            Learn(endpoint.Chain, service.DisplayName);
        }
    }

    private void Learn(string chain, string service) => _services.TryAdd(chain, service);
}
