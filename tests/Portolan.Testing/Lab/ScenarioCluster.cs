using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Lab;

/// <summary>The objects that every scenario's cluster has without saying so: its node and the ranges of its cluster IPs.</summary>
public static class ScenarioCluster
{
    private static readonly ImmutableArray<InetPrefix> s_serviceRanges =
    [
        InetPrefix.Parse("172.30.0.0/16"), InetPrefix.Parse("fd00:172:30::/108"),
        InetPrefix.Parse("10.96.0.0/12"), InetPrefix.Parse("fd00:10:96::/108"),
    ];

    /// <summary>The objects that are there before the first step.</summary>
    public static IEnumerable<JsonObject> InitialObjects(Scenario scenario)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        yield return Node(scenario.Node);
        yield return ServiceCidr("kubernetes", s_serviceRanges[..2]);
        yield return ServiceCidr("second", s_serviceRanges[2..]);
        int number = 0;
        foreach (InetPrefix range in RangesElsewhere(scenario))
            yield return ServiceCidr($"elsewhere-{++number}", [range]);
        foreach (JsonObject value in scenario.Objects)
            yield return value;
    }

    // Cluster IPs outside the ranges above belong to a range of their own, unless the scenario is about such ranges.
    private static HashSet<InetPrefix> RangesElsewhere(Scenario scenario)
    {
        var all = new ClusterObjects();
        var ranges = new HashSet<InetPrefix>();
        foreach (JsonObject value in scenario.Objects.Concat(scenario.Steps.SelectMany(static step => step.Apply)))
        {
            if (all.Apply(value).Kind == "ServiceCIDR")
                return [];
            foreach (InetAddress address in all.ClusterAddresses())
            {
                if (!s_serviceRanges.Any(range => range.Contains(address)))
                    ranges.Add(InetPrefix.Of(address, address.Family == IpFamily.IPv6 ? 112 : 24));
            }
        }
        return ranges;
    }

    private static JsonObject Node(ScenarioNode node)
    {
        JsonObject value = KubernetesObjects.Node(node.Name, node.InternalAddresses, node.PodPrefixes);
        value["metadata"]!["labels"] = Map(node.Labels);
        value["metadata"]!["annotations"] = Map(node.Annotations);
        return value;
    }

    private static JsonObject ServiceCidr(string name, ImmutableArray<InetPrefix> ranges) => new()
    {
        ["apiVersion"] = "networking.k8s.io/v1",
        ["kind"] = "ServiceCIDR",
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject { ["cidrs"] = new JsonArray([.. ranges.Select(static range => JsonValue.Create(range.ToString()))]) },
    };

    private static JsonObject Map(ImmutableSortedDictionary<string, string> texts)
    {
        var map = new JsonObject();
        foreach ((string key, string value) in texts)
            map[key] = value;
        return map;
    }
}
