using Portolan.Inspect.Causes;
using Portolan.Services.Planning;

namespace Portolan.Chart;

/// <summary>Input that was read once, for many questions.</summary>
/// <param name="Rules">The rules and what follows from them.</param>
/// <param name="Cluster">What the cluster says; null when nothing names a cluster.</param>
internal sealed record HeldInput(ChartInput Rules, HeldCluster? Cluster);

/// <summary>The cluster's objects, as questions want them.</summary>
/// <param name="Facts">As the cluster says them.</param>
/// <param name="Table">What the node should serve by them.</param>
/// <param name="Node">The name of the node that the rules are from.</param>
internal sealed record HeldCluster(ClusterFacts Facts, ServiceTable Table, string Node);
