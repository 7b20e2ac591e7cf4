using System.Globalization;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.Services.Tests.Builders;

/// <summary>The kinds of clients a plan tells apart.</summary>
public enum Client
{
    Pod,
    Node,
    Outside,
}

/// <summary>A table that has seen some objects, and questions about what its plans do to a connection.</summary>
internal sealed class ClusterUnderTest
{
    public ClusterUnderTest(ProxyPolicy? policy = null)
    {
        Table = new(policy ?? new ProxyPolicy { NodeName = Objects.ThisNode });
        Table.Apply(new ClusterEvent.Synced());
        Table.Apply(new ClusterEvent.NodeSet(Objects.TheNode("", "192.168.0.2", "2001:db8::1")));
        Table.Drain();
    }

    public ServiceTable Table { get; }

    public ServicePlan Plan(string service) =>
        Table.TryGetPlan(Objects.Name(service), out ServicePlan? plan) ? plan : throw new KeyNotFoundException($"no plan for {service}");

    public TableDelta Set(params object[] objects)
    {
        foreach (object item in objects)
        {
            Table.Apply(item switch
            {
                ServiceObject service => new ClusterEvent.ServiceSet(service),
                EndpointSliceObject slice => new ClusterEvent.SliceSet(slice),
                NodeObject node => new ClusterEvent.NodeSet(node),
                ServiceCidrObject cidr => new ClusterEvent.ServiceCidrSet(cidr),
                ClusterEvent change => change,
                _ => throw new ArgumentException($"{item.GetType()} is no object of a cluster.", nameof(objects)),
            });
        }
        return Table.Drain();
    }

    public TableDelta RemoveService(string name) => Set(new ClusterEvent.ServiceGone(Objects.Name(name)));

    public TableDelta RemoveSlice(string name) => Set(new ClusterEvent.SliceGone(Objects.Name(name)));

    public string[] Problems => [.. Table.Problems.Select(problem => problem.ToString())];

    /// <summary>
    /// What a connection meets: "reject", "drop", "direct" (no frontend), or where it is sent and whether its source is "kept", "rewritten"
    /// or rewritten when it comes from "off-cluster". A destination without an address is a NodePort.
    /// </summary>
    public string Dial(Client client, string destination, IpProtocol protocol = IpProtocol.Tcp, string? source = null)
    {
        int colon = destination.LastIndexOf(':');
        var port = ushort.Parse(destination[(colon + 1)..], CultureInfo.InvariantCulture);
        InetAddress address = destination.StartsWith("node:", StringComparison.Ordinal)
            ? default
            : InetEndpoint.TryParse(destination, out InetEndpoint endpoint) ? endpoint.Address : throw new FormatException(destination);
        foreach (PortPlan plan in Table.Plans.SelectMany(plan => plan.Ports))
        {
            foreach (Frontend frontend in plan.Frontends)
            {
                if (plan.Name.Protocol == protocol && frontend.Address == address && frontend.Port == port)
                    return Treat(plan, frontend, client, source);
            }
        }
        return "direct";
    }

    private static string Treat(PortPlan plan, Frontend frontend, Client client, string? source)
    {
        if (frontend.IsSourceRestricted && !plan.SourceRanges.Any(range => range.Contains(InetAddress.Parse(source ?? "203.0.113.2"))))
            return "drop";
        ClientPolicy policy = client switch { Client.Pod => frontend.Pod, Client.Node => frontend.Node, _ => frontend.Outside };
        string sourceText = policy.Masquerade switch
        {
            Masquerading.Never => "kept",
            Masquerading.Always => "rewritten",
            _ => "off-cluster",
        };
        return policy.Action switch
        {
            FrontendAction.Reject => "reject",
            FrontendAction.Drop => "drop",
            FrontendAction.ToClusterBackends =>
                $"{string.Join(' ', plan.ClusterBackends.Select(backend => backend.Endpoint))} {sourceText}",
            _ => $"{string.Join(' ', plan.LocalBackends.Select(backend => backend.Endpoint))} {sourceText}",
        };
    }
}
