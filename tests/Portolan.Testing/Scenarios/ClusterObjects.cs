using System.Text.Json.Nodes;
using Portolan.Inet;

namespace Portolan.Testing.Scenarios;

/// <summary>The objects of a scenario's cluster as its steps create, replace and delete them.</summary>
public sealed class ClusterObjects
{
    private static readonly HashSet<string> s_clusterScoped = new(StringComparer.Ordinal) { "Node", "Namespace", "ServiceCIDR" };
    private static readonly string[] s_immutableServiceFields = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];

    private readonly Dictionary<ObjectKey, JsonObject> _objects = [];

    public IReadOnlyDictionary<ObjectKey, JsonObject> Objects => _objects;

    /// <summary>Kind, namespace ("default" when it is left out) and name of an object.</summary>
    public static ObjectKey KeyOf(JsonObject value)
    {
        ArgumentNullException.ThrowIfNull(value);
        string kind = (string?)value["kind"] ?? string.Empty;
        string ns = s_clusterScoped.Contains(kind) ? string.Empty : (string?)value["metadata"]?["namespace"] ?? "default";
        return new(kind, ns, (string?)value["metadata"]?["name"] ?? string.Empty);
    }

    /// <summary>Creates or replaces an object; fields that an API server would not let go stay when they are left out.</summary>
    public ObjectKey Apply(JsonObject value)
    {
        ObjectKey key = KeyOf(value);
        var copy = (JsonObject)value.DeepClone();
        if (key.Namespace.Length > 0 && copy["metadata"] is JsonObject metadata)
            metadata["namespace"] = key.Namespace;
        if (_objects.TryGetValue(key, out JsonObject? before))
            KeepWhatAnApiServerKeeps(key, before, copy);
        _objects[key] = copy;
        return key;
    }

    public bool Delete(ObjectKey key) => _objects.Remove(key);

    // An update of an object does not touch its status, and some fields of its spec are set once and for all.
    private static void KeepWhatAnApiServerKeeps(ObjectKey key, JsonObject before, JsonObject after)
    {
        if (key.Kind == "Node")
        {
            Keep(before, after, "spec");
            Keep(before, after, "status");
        }
        if (key.Kind != "Service" || after["spec"] is not JsonObject spec || before["spec"] is not JsonObject old)
            return;
        if ((string?)spec["type"] == "LoadBalancer")
            Keep(before, after, "status");
        if ((string?)spec["type"] == "ExternalName")
            return;
        foreach (string field in s_immutableServiceFields)
            Keep(old, spec, field);
    }

    private static void Keep(JsonObject before, JsonObject after, string field)
    {
        if (after[field] is null && before[field] is { } kept)
            after[field] = kept.DeepClone();
    }

    /// <summary>Addresses of all endpoints that run on a node.</summary>
    public IEnumerable<InetAddress> EndpointAddressesOn(string node)
    {
        foreach ((ObjectKey key, JsonObject value) in _objects)
        {
            if (key.Kind != "EndpointSlice" || value["endpoints"] is not JsonArray endpoints)
                continue;
            foreach (JsonNode? endpoint in endpoints)
            {
                if ((string?)endpoint?["nodeName"] != node || endpoint["addresses"] is not JsonArray addresses)
                    continue;
                foreach (JsonNode? text in addresses)
                {
                    if (InetAddress.TryParse((string?)text, out InetAddress address))
                        yield return address;
                }
            }
        }
    }

    /// <summary>Cluster IPs of all services, for the ranges that hold them.</summary>
    public IEnumerable<InetAddress> ClusterAddresses()
    {
        foreach ((ObjectKey key, JsonObject value) in _objects)
        {
            if (key.Kind != "Service" || value["spec"] is not JsonObject spec)
                continue;
            IEnumerable<JsonNode?> texts = spec["clusterIPs"] as IEnumerable<JsonNode?> ?? [spec["clusterIP"]];
            foreach (JsonNode? text in texts)
            {
                if (InetAddress.TryParse((string?)text, out InetAddress address))
                    yield return address;
            }
        }
    }
}
