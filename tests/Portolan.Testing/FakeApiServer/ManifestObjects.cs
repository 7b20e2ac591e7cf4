using Portolan.Testing.Scenarios;
using YamlDotNet.RepresentationModel;

namespace Portolan.Testing.FakeApiServer;

/// <summary>Objects of a manifest as an API server stores them.</summary>
public static class ManifestObjects
{
    private static readonly HashSet<string> s_kinds = new(StringComparer.Ordinal) { "Service", "EndpointSlice", "Node", "ServiceCIDR" };

    /// <summary>Puts the objects of a YAML file that a proxy asks for into a cluster.</summary>
    public static void ApplyTo(FakeCluster cluster, string file)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        var stream = new YamlStream();
        using (StreamReader text = File.OpenText(file))
            stream.Load(text);
        foreach (YamlDocument document in stream.Documents)
        {
            if (document.RootNode is not YamlMappingNode root)
                continue;
            var json = YamlMap.ToJsonObject(file, root);
            if (s_kinds.Contains((string?)json["kind"] ?? string.Empty))
                cluster.Apply(json.ToJsonString());
        }
    }
}
