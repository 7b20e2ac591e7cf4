using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Graphs;

/// <summary>Clients whose packets end alike.</summary>
/// <param name="Id">Unique in the graph.</param>
/// <param name="Place">Where they are.</param>
/// <param name="Family">The family of their addresses.</param>
/// <param name="Ranges">
/// Their addresses, except those in a narrower range of other clients; empty for the node and for all others outside.
/// </param>
/// <param name="IsRest">True for those of the place that are in no other clients' ranges.</param>
/// <param name="Example">The address whose packets were traced for all of them.</param>
public sealed record GraphClient(string Id, ClientPlace Place, IpFamily Family, ImmutableArray<InetPrefix> Ranges, bool IsRest,
    InetAddress Example);
