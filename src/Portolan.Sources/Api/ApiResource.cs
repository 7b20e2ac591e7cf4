using Portolan.Sources.Objects;

namespace Portolan.Sources.Api;

/// <summary>One kind of object as the API server offers it.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Group">API group, for messages about permissions; empty for the core group.</param>
/// <param name="Plural">Name in paths and in RBAC rules.</param>
/// <param name="Path">Path of the collection over all namespaces.</param>
/// <param name="Selector">Selector parameter of the query, escaped; empty for none.</param>
/// <param name="IsRequired">False when the proxy can work without: it then does not wait for it.</param>
internal sealed record ApiResource(ObjectKind Kind, string Group, string Plural, string Path, string Selector, bool IsRequired)
{
    // The selector of kube-proxy (cmd/kube-proxy/app/server.go): no services of other proxies and nothing headless, for both kinds.
    private static readonly string s_notOurs = "labelSelector="
        + Uri.EscapeDataString("!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name");

    public static ApiResource Services { get; } =
        new(ObjectKind.Service, "", "services", "/api/v1/services", s_notOurs, IsRequired: true);

    public static ApiResource EndpointSlices { get; } = new(
        ObjectKind.EndpointSlice, "discovery.k8s.io", "endpointslices", "/apis/discovery.k8s.io/v1/endpointslices", s_notOurs,
            IsRequired: true);

    public static ApiResource ServiceCidrs { get; } = new(
        ObjectKind.ServiceCidr, "networking.k8s.io", "servicecidrs", "/apis/networking.k8s.io/v1/servicecidrs", "", IsRequired: false);

    public static ApiResource Node(string name) => new(
        ObjectKind.Node, "", "nodes", "/api/v1/nodes", "fieldSelector=" + Uri.EscapeDataString($"metadata.name={name}"), IsRequired: false);

    public string ListUri(int limit, string resourceVersion, string continueToken)
    {
        string query = Selector.Length > 0 ? $"{Selector}&" : "";
        // With a limit, a resourceVersion other than 0 would mean exactly that version, which may be compacted already; without one it
        // means "not older than" (Kubernetes API concepts, resource versions). Unlimited costs nothing here: the response is read as a
        // stream.
        if (continueToken.Length > 0)
            return $"{Path}?{query}limit={limit}&continue={Uri.EscapeDataString(continueToken)}";
        return resourceVersion switch
        {
            "" => $"{Path}?{query}limit={limit}",
            "0" => $"{Path}?{query}limit={limit}&resourceVersion=0",
            _ => $"{Path}?{query}resourceVersion={Uri.EscapeDataString(resourceVersion)}",
        };
    }

    public string WatchUri(string resourceVersion, int seconds) =>
        $"{Path}?{(Selector.Length > 0 ? $"{Selector}&" : "")}watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}"
        + $"&resourceVersion={Uri.EscapeDataString(resourceVersion)}";
}
