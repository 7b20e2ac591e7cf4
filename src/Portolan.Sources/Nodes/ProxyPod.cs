namespace Portolan.Sources.Nodes;

/// <summary>A pod of the proxy's DaemonSet.</summary>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Name">Its name.</param>
/// <param name="Container">The container that is the proxy.</param>
/// <param name="Node">The node it runs on.</param>
public sealed record ProxyPod(string Namespace, string Name, string Container, string Node)
{
    /// <summary>True when the pod is Ready: the node's rules are in force.</summary>
    public required bool IsReady { get; init; }

    /// <summary>Why no command can be run in it: "CrashLoopBackOff: ..."; null when its container runs.</summary>
    public required string? NotRunning { get; init; }

    /// <summary>True while it is being deleted.</summary>
    public required bool IsEnding { get; init; }

    /// <summary>"kube-system/portolan-x7k2p".</summary>
    public override string ToString() => $"{Namespace}/{Name}";
}
