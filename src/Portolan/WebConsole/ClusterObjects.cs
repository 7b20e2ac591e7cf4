using System.Text.Json;
using Portolan.Chart;
using Portolan.Sources.Manifests;
using Portolan.Sources.Nodes;

namespace Portolan.WebConsole;

/// <summary>
/// A service and its slices as YAML, as the cluster has them. Nothing else is read: no other kind of object reaches the page.
/// </summary>
internal static class ClusterObjects
{
    /// <summary>From a folder or file of manifests.</summary>
    internal static Func<string, CancellationToken, Task<string?>> OfManifests(string path) => (service, _) => Task.Run(() =>
    {
        string[] parts = service.Split('/', 2);
        return parts.Length < 2 ? null : Yaml(ManifestExtract.OfService(path, parts[0], parts[1])
            .Select(static json => JsonDocument.Parse(json).RootElement));
    });

    /// <summary>From an API server.</summary>
    internal static Func<string, CancellationToken, Task<string?>> OfServer(NodePods pods) => async (service, cancel) =>
    {
        using JsonDocument list = JsonDocument.Parse(await ClusterExtract.OfServiceAsync(pods, service, cancel));
        return Yaml(list.RootElement.GetProperty("items").EnumerateArray());
    };

    private static string? Yaml(IEnumerable<JsonElement> objects)
    {
        string[] documents = [.. objects.Select(YamlText.Of)];
        return documents.Length == 0 ? null : string.Join("---\n", documents);
    }
}
