using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Plan;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>An endpoint of a port, with what rules say of it.</summary>
/// <param name="Endpoint">Address and port.</param>
/// <param name="Text">"10.0.0.1:80".</param>
/// <param name="Chain">Its chain, KUBE-SEP-.</param>
internal readonly record struct Destination(InetEndpoint Endpoint, string Text, string Chain);

/// <summary>The endpoints of one port that are in use, in kube-proxy's order: by their text, so that 10.0.0.10 comes before 10.0.0.9.</summary>
internal sealed class Destinations
{
    private Destinations(Destination[] all, Destination[] cluster, Destination[] local) => (All, Cluster, Local) = (all, cluster, local);

    /// <summary>Those of either list, each once.</summary>
    public Destination[] All { get; }

    /// <summary><see cref="PortPlan.ClusterBackends"/>.</summary>
    public Destination[] Cluster { get; }

    /// <summary><see cref="PortPlan.LocalBackends"/>.</summary>
    public Destination[] Local { get; }

    public static Destinations Of(PortPlan port)
    {
        // One digest a chain, however many rules name it.
        string name = port.Name.ToString();
        if (port.LocalBackends.IsEmpty || port.LocalBackends == port.ClusterBackends)
        {
            Destination[] cluster = Sorted(name, port, port.ClusterBackends);
            return new(cluster, cluster, port.LocalBackends.IsEmpty ? [] : cluster);
        }
        Destination[] all = Sorted(name, port, port.ClusterBackends.Union(port.LocalBackends));
        return new(all, Among(all, port.ClusterBackends), Among(all, port.LocalBackends));
    }

    private static Destination[] Sorted(string name, PortPlan port, IEnumerable<Backend> backends)
    {
        Destination[] destinations =
        [
            .. backends.Select(backend => new Destination(backend.Endpoint, backend.Endpoint.ToString(),
                ChainName.OfEndpoint(name, port.Name.Protocol, backend.Endpoint))),
        ];
        Array.Sort(destinations, static (left, right) => string.CompareOrdinal(left.Text, right.Text));
        return destinations;
    }

    private static Destination[] Among(Destination[] all, ImmutableArray<Backend> backends)
    {
        HashSet<InetEndpoint> chosen = [.. backends.Select(static backend => backend.Endpoint)];
        return [.. all.Where(destination => chosen.Contains(destination.Endpoint))];
    }
}
