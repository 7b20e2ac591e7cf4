using System.Collections.Immutable;

namespace Portolan.Sources.Nodes;

/// <summary>The nodes of a cluster and the proxy's pod on each.</summary>
/// <param name="Nodes">Names in order, each with its pod; null where none runs.</param>
/// <param name="Limit">Why nodes without a pod are not among them; null when all are.</param>
public sealed record NodeList(ImmutableArray<(string Node, ProxyPod? Pod)> Nodes, string? Limit);
