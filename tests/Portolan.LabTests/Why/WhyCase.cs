using System.Text.Json.Nodes;

namespace Portolan.LabTests.Why;

/// <summary>A way to break a node, what clients then see, and what `why` has to say of it.</summary>
/// <param name="Name">The damage in words.</param>
/// <param name="Ask">The arguments of `why`; MANIFESTS stands for the folder with the cluster's objects.</param>
/// <param name="Verdict">The first line.</param>
/// <param name="Cause">What the second line begins with, behind "cause: ".</param>
/// <param name="Says">What else it says.</param>
internal sealed record WhyCase(string Name, string Ask, string Verdict, string Cause, params string[] Says)
{
    /// <summary>How the proxy writes its rules.</summary>
    public string Variant { get; init; } = "nftables";

    /// <summary>KubeProxyConfiguration fields to merge over the lab's defaults.</summary>
    public JsonObject Configuration { get; init; } = [];

    /// <summary>What is wrong in the cluster before the proxy starts.</summary>
    public Action<BrokenNode>? Cluster { get; init; }

    /// <summary>Whether a proxy runs at all.</summary>
    public bool HasProxy { get; init; } = true;

    /// <summary>What breaks a node whose service answers.</summary>
    public Func<BrokenNode, Task>? Break { get; init; }

    /// <summary>The pod that answers before it is broken; null when none does.</summary>
    public string? HealthyAnswer { get; init; } = "pod-1";

    /// <summary>The client that sees it: outside, pod (pod-2), node, or the name of a pod.</summary>
    public string Client { get; init; } = "outside";

    /// <summary>What it dials.</summary>
    public string Dials { get; init; } = $"{BrokenNode.ClusterIP}:80";

    /// <summary>What it gets: "refused", "no answer", or the name of the pod that should not have answered.</summary>
    public required string Gets { get; init; }

    /// <summary>
    /// The cause at the service in the list of all; null where the list shows nothing broken, as the service is served as configured.
    /// </summary>
    public string? ListedAs { get; init; } = Cause;

    public override string ToString() => Name;
}
