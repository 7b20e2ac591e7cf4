namespace Portolan.Rules.Dialects;

/// <summary>The chains of kube-proxy's userspace mode, which was the first and went with v1.26.</summary>
/// <remarks>Source: pkg/proxy/userspace/proxier.go of Kubernetes v1.25.</remarks>
public static class KubeProxyUserspace
{
    /// <summary>Redirects what pods and others send to service addresses.</summary>
    public const string Portals = "KUBE-PORTALS-CONTAINER";

    /// <summary>Translates what this node sends to service addresses.</summary>
    public const string PortalsOfNode = "KUBE-PORTALS-HOST";

    /// <summary>Redirects what comes to node ports.</summary>
    public const string NodePorts = "KUBE-NODEPORT-CONTAINER";

    /// <summary>Translates what this node sends to node ports.</summary>
    public const string NodePortsOfNode = "KUBE-NODEPORT-HOST";
}
