using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Portolan.Inet;

namespace Portolan.Testing.Scenarios;

/// <summary>Makes the cluster objects that tests need, with the fields that an API server would have filled in.</summary>
public static class KubernetesObjects
{
    /// <summary>A ClusterIP service with one port.</summary>
    public static JsonObject Service(string ns, string name, ImmutableArray<InetAddress> clusterAddresses, int port,
        string protocol = "TCP") => new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Service",
            ["metadata"] = new JsonObject { ["namespace"] = ns, ["name"] = name },
            ["spec"] = new JsonObject
            {
                ["type"] = "ClusterIP",
                ["clusterIP"] = clusterAddresses[0].ToString(),
                ["clusterIPs"] = new JsonArray([.. clusterAddresses.Select(static address => JsonValue.Create(address.ToString()))]),
                ["ipFamilies"] = new JsonArray([.. clusterAddresses.Select(static address => JsonValue.Create(FamilyName(address)))]),
                ["ports"] = new JsonArray(new JsonObject { ["name"] = "main", ["port"] = port, ["protocol"] = protocol }),
            },
        };

    /// <summary>
    /// The slice of one family for <see cref="Service"/>; all endpoints are ready, and on the given node if there is one.
    /// </summary>
    public static JsonObject Slice(string ns, string service, IpFamily family, IEnumerable<InetAddress> endpoints, int port, string? node,
        string protocol = "TCP") => new()
        {
            ["apiVersion"] = "discovery.k8s.io/v1",
            ["kind"] = "EndpointSlice",
            ["metadata"] = new JsonObject
            {
                ["namespace"] = ns,
                ["name"] = $"{service}-{(family == IpFamily.IPv6 ? "v6" : "v4")}",
                ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = service },
            },
            ["addressType"] = family == IpFamily.IPv6 ? "IPv6" : "IPv4",
            ["ports"] = new JsonArray(new JsonObject { ["name"] = "main", ["port"] = port, ["protocol"] = protocol }),
            ["endpoints"] = new JsonArray([.. endpoints.Select(address => Endpoint(address, node))]),
        };

    /// <summary>A node with its internal addresses and pod ranges.</summary>
    public static JsonObject Node(string name, ImmutableArray<InetAddress> addresses, ImmutableArray<InetPrefix> pods) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Node",
        ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject() },
        ["spec"] = new JsonObject
        {
            ["podCIDR"] = pods[0].ToString(),
            ["podCIDRs"] = new JsonArray([.. pods.Select(static prefix => JsonValue.Create(prefix.ToString()))]),
        },
        ["status"] = new JsonObject
        {
            ["addresses"] = new JsonArray([.. addresses.Select(static address =>
                new JsonObject { ["type"] = "InternalIP", ["address"] = address.ToString() })]),
        },
    };

    private static JsonObject Endpoint(InetAddress address, string? node)
    {
        var endpoint = new JsonObject
        {
            ["addresses"] = new JsonArray(address.ToString()),
            ["conditions"] = new JsonObject { ["ready"] = true, ["serving"] = true, ["terminating"] = false },
        };
        if (node is not null)
            endpoint["nodeName"] = node;
        return endpoint;
    }

    private static string FamilyName(InetAddress address) => address.Family == IpFamily.IPv6 ? "IPv6" : "IPv4";
}
