namespace Portolan.Sources.Nodes;

/// <summary>Where the proxy's pods are.</summary>
/// <param name="Namespace">The DaemonSet's namespace.</param>
/// <param name="Selector">Labels of its pods, in the API server's notation.</param>
public sealed record ProxyPlace(string Namespace, string Selector)
{
    /// <summary>The manifests' own label, and that of a kube-proxy whose image was replaced.</summary>
    public static ProxyPlace Default { get; } = new("kube-system", "k8s-app in (portolan, kube-proxy)");
}
