using System.Text.Json.Nodes;
using YamlDotNet.RepresentationModel;

namespace Portolan.Testing.Scenarios;

/// <summary>`kind: Eps`, the short form of an EndpointSlice.</summary>
internal static class EndpointSliceShorthand
{
    public static JsonObject Expand(string file, YamlNode node)
    {
        var map = new YamlMap(file, node, "Eps");
        map.NeedText("kind");
        string service = map.NeedText("svc");
        if (service.Split('/') is not [var ns, var serviceName])
            throw map.Error($"svc: '{service}' is not of the form namespace/name");
        JsonArray ports = [.. map.Items("ports").Select(port => (JsonNode)YamlMap.ToJsonObject(file, port))];
        foreach (JsonObject port in ports.OfType<JsonObject>())
        {
            port["name"] ??= string.Empty;
            port["protocol"] ??= "TCP";
        }
        JsonArray endpoints = [.. map.Items("endpoints").Select(endpoint => (JsonNode)ExpandEndpoint(file, endpoint))];
        string firstAddress = (string?)endpoints.FirstOrDefault()?["addresses"]?[0] ?? string.Empty;
        var slice = new JsonObject
        {
            ["apiVersion"] = "discovery.k8s.io/v1",
            ["kind"] = "EndpointSlice",
            ["metadata"] = new JsonObject
            {
                ["namespace"] = ns,
                ["name"] = map.Text("name") ?? $"{serviceName}-eps",
                ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = serviceName },
            },
            ["addressType"] = map.Text("addressType") ?? (firstAddress.Contains(':', StringComparison.Ordinal) ? "IPv6" : "IPv4"),
            ["ports"] = ports,
            ["endpoints"] = endpoints,
        };
        map.RefuseUnknownKeys();
        return slice;
    }

    private static JsonObject ExpandEndpoint(string file, YamlNode node)
    {
        if (node is YamlScalarNode { Value: { } address })
            return new JsonObject { ["addresses"] = new JsonArray(address) };
        var map = new YamlMap(file, node, "an endpoint");
        var endpoint = new JsonObject { ["addresses"] = new JsonArray(map.NeedText("ip")) };
        if (map.Text("node") is { } nodeName)
            endpoint["nodeName"] = nodeName;
        if (map.Text("zone") is { } zone)
            endpoint["zone"] = zone;
        var conditions = new JsonObject();
        foreach (string condition in (ReadOnlySpan<string>)["ready", "serving", "terminating"])
        {
            if (map.Flag(condition) is { } value)
                conditions[condition] = value;
        }
        if (conditions.Count > 0)
            endpoint["conditions"] = conditions;
        var hints = new JsonObject();
        foreach (string hint in (ReadOnlySpan<string>)["forZones", "forNodes"])
        {
            JsonArray names = [.. map.Texts(hint).Select(static name => (JsonNode)new JsonObject { ["name"] = name })];
            if (names.Count > 0)
                hints[hint] = names;
        }
        if (hints.Count > 0)
            endpoint["hints"] = hints;
        map.RefuseUnknownKeys();
        return endpoint;
    }
}
