namespace Portolan.Rules.Dialects;

/// <summary>The chains of kube-proxy's userspace mode, which was the first and was removed in v1.26.</summary>
/// <remarks>Source: pkg/proxy/userspace/proxier.go of Kubernetes v1.25.</remarks>
public static class KubeProxyUserspace
{
    /// <summary>Redirects packets from pods and from outside to service addresses.</summary>
    public const string Portals = "KUBE-PORTALS-CONTAINER";

    /// <summary>Translates packets of this node to service addresses.</summary>
    public const string PortalsOfNode = "KUBE-PORTALS-HOST";

    /// <summary>Redirects packets to node ports.</summary>
    public const string NodePorts = "KUBE-NODEPORT-CONTAINER";

    /// <summary>Translates packets of this node to node ports.</summary>
    public const string NodePortsOfNode = "KUBE-NODEPORT-HOST";
}
