using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>
/// The endpoints of one port that are in use, in kube-proxy's order: sorted as text, so that 10.0.0.10 comes before 10.0.0.9.
/// </summary>
internal sealed class Destinations
{
    private Destinations(EndpointChain[] all, EndpointChain[] cluster, EndpointChain[] local) =>
        (All, Cluster, Local) = (all, cluster, local);

    /// <summary>Those in either list, without duplicates.</summary>
    public EndpointChain[] All { get; }

    /// <summary><see cref="PortPlan.ClusterBackends"/>.</summary>
    public EndpointChain[] Cluster { get; }

    /// <summary><see cref="PortPlan.LocalBackends"/>.</summary>
    public EndpointChain[] Local { get; }

    /// <param name="port">The port.</param>
    /// <param name="areCommented">Endpoint rules have a comment with the service.</param>
    public static Destinations Of(PortPlan port, bool areCommented)
    {
        if (port.LocalBackends.IsEmpty || port.LocalBackends == port.ClusterBackends)
        {
            EndpointChain[] cluster = Sorted(port, areCommented, port.ClusterBackends.AsSpan());
            return new(cluster, cluster, port.LocalBackends.IsEmpty ? [] : cluster);
        }
        EndpointChain[] all = Sorted(port, areCommented, [.. port.ClusterBackends.Union(port.LocalBackends)]);
        return new(all, Among(all, port.ClusterBackends), Among(all, port.LocalBackends));
    }

    private static EndpointChain[] Sorted(PortPlan port, bool areCommented, ReadOnlySpan<Backend> backends)
    {
        string name = port.Name.ToString();
        var texts = new string[backends.Length];
        var chains = new EndpointChain[backends.Length];
        for (int i = 0; i < chains.Length; i++)
        {
            texts[i] = backends[i].Endpoint.ToString();
            // One digest per chain, however many rules name it.
            chains[i] = new(KubeProxyIptables.EndpointChain(name, port.Name.Protocol, texts[i]), port, backends[i].Endpoint, areCommented);
        }
        Array.Sort(texts, chains, StringComparer.Ordinal);
        return chains;
    }

    private static EndpointChain[] Among(EndpointChain[] all, ImmutableArray<Backend> backends)
    {
        HashSet<InetEndpoint> chosen = [.. backends.Select(static backend => backend.Endpoint)];
        return [.. all.Where(destination => chosen.Contains(destination.Endpoint))];
    }
}
