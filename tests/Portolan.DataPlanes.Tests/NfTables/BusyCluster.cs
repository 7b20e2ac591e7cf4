using CsCheck;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Tests.Builders;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>
/// Changes of a few services of every kind that most of the time have endpoints: what a data plane has work with. (The generator of the
/// service table's tests looks for odd objects instead.)
/// </summary>
internal static class BusyCluster
{
    private static readonly Gen<int> s_service = Gen.Int[0, 5];

    private static readonly Gen<ServiceObject> s_serviceObject =
        from i in s_service
        from type in Gen.OneOf(ServiceType.ClusterIP, ServiceType.NodePort, ServiceType.LoadBalancer)
        from internalLocal in Gen.Int[0, 3]
        from externalLocal in Gen.Bool
        from affinity in Gen.OneOf(0, 0, 600, 10800)
        from ranges in Gen.OneOf("203.0.113.0/24", "198.51.100.7/32", "10.0.0.0/8", "2001:db8:1::/48").List[0, 3]
        from external in Gen.OneOf("192.168.0.2", "192.0.2.55", "2001:db8::1").List[0, 2]
        from externalPort in Gen.Int[0, 4]
        select new ServiceObject
        {
            Name = Objects.Name($"shop/svc-{i}"),
            Type = type,
            Created = DateTimeOffset.UnixEpoch.AddSeconds(i),
            ClusterIPs = Objects.Addresses($"172.30.0.{i + 1}", $"fd00:172:30::{i + 1}"),
            Ports =
            [
                // A third of the services has its web port where another one's NodePort is.
                Objects.Port((ushort)(externalPort == 0 ? 30000 : 80), (ushort)(type == ServiceType.ClusterIP ? 0 : 30000 + i), "web"),
                Objects.Port(53, 0, "dns", IpProtocol.Udp),
                Objects.Port(80, 0, "sig", IpProtocol.Sctp),
            ],
            ExternalIPs = Objects.Addresses([.. external.Distinct()]),
            LoadBalancerIPs = type == ServiceType.LoadBalancer ? Objects.Addresses($"198.51.100.{i}", $"2001:db8:2::{i + 1}") : [],
            SourceRanges = type == ServiceType.LoadBalancer ? Objects.Prefixes([.. ranges]) : [],
            InternalPolicyLocal = internalLocal == 0,
            ExternalPolicyLocal = externalLocal && type != ServiceType.ClusterIP,
            AffinitySeconds = affinity,
        };

    private static Gen<EndpointObject> Endpoint(IpFamily family) =>
        from e in Gen.Int[1, 12]
        from here in Gen.Bool
        from conditions in Gen.Frequency(
            (5, Gen.Const(EndpointConditions.Ready | EndpointConditions.Serving)),
            (1, Gen.Const(EndpointConditions.Serving | EndpointConditions.Terminating)),
            (1, Gen.Const(EndpointConditions.None)))
        select new EndpointObject(
            // The last one has the node's own address, as pods with hostNetwork have.
            InetAddress.Parse(family == IpFamily.IPv4 ? e == 12 ? "192.168.0.2" : $"10.180.0.{e}" : e == 12
                ? "2001:db8::1" : $"fd00:10:180::{e}"),
            conditions, here ? Objects.ThisNode : "node-1", [], []);

    private static readonly Gen<EndpointSliceObject> s_slice =
        from i in s_service
        from part in Gen.Int[0, 1]
        from family in Gen.OneOf(IpFamily.IPv4, IpFamily.IPv6)
        from endpoints in Endpoint(family).List[0, 9]
        select new EndpointSliceObject
        {
            Name = Objects.Name($"shop/svc-{i}-{part}-{family}"),
            ServiceName = $"svc-{i}",
            Family = family,
            Ports = [Objects.SlicePort(8080, "web"), Objects.SlicePort(5353, "dns", IpProtocol.Udp),
                Objects.SlicePort(8080, "sig", IpProtocol.Sctp)],
            Endpoints = [.. endpoints],
        };

    private static readonly Gen<NodeObject> s_node =
        from cidr in Gen.OneOf("10.180.0.0/24", "10.181.0.0/24")
        select Objects.TheNode("zone-a", "192.168.0.2") with { PodCidrs = Objects.Prefixes(cidr, "fd00:10:180::/64") };

    private static readonly Gen<ServiceCidrObject> s_serviceCidr =
        from cidr in Gen.OneOf("172.30.0.0/16", "172.30.0.0/24", "fd00:172:30::/108").List[0, 2]
        select new ServiceCidrObject { Name = "kubernetes", Cidrs = Objects.Prefixes([.. cidr]) };

    /// <summary>One change.</summary>
    internal static Gen<ClusterEvent> Change { get; } = Gen.Frequency(
        (8, s_serviceObject.Select(ClusterEvent (service) => new ClusterEvent.ServiceSet(service))),
        (2, s_service.Select(ClusterEvent (i) => new ClusterEvent.ServiceGone(Objects.Name($"shop/svc-{i}")))),
        (14, s_slice.Select(ClusterEvent (slice) => new ClusterEvent.SliceSet(slice))),
        (2, s_slice.Select(ClusterEvent (slice) => new ClusterEvent.SliceGone(slice.Name))),
        (1, s_serviceCidr.Select(ClusterEvent (cidr) => new ClusterEvent.ServiceCidrSet(cidr))),
        (1, s_node.Select(ClusterEvent (node) => new ClusterEvent.NodeSet(node))));

    /// <summary>Changes one after another.</summary>
    internal static Gen<List<ClusterEvent>> Changes { get; } = Change.List[10, 80];
}
