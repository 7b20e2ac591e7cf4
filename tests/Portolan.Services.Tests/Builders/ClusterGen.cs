using System.Collections.Immutable;
using CsCheck;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.Services.Tests.Builders;

/// <summary>
/// Random changes of a cluster so small that services meet each other's addresses, ports, slices and names all the time.
/// </summary>
internal static class ClusterGen
{
    private static readonly Gen<string> s_serviceName = Gen.OneOf("a", "b", "c", "d");
    private static readonly Gen<string> s_namespace = Gen.OneOf("ns1", "ns1", "ns2");

    private static readonly Gen<InetAddress> s_clusterIP =
        Gen.OneOf(Objects.Addresses("172.30.0.1", "172.30.0.2", "fd00:172:30::1", "fd00:172:30::2")
        .ToArray());

    private static readonly Gen<InetAddress> s_outsideIP = Gen.OneOf(Objects.Addresses("198.51.100.7", "1.2.3.4", "172.30.0.1", "127.0.0.1",
        "2001:db8:ffff::7").ToArray());

    private static readonly Gen<InetPrefix> s_range =
        Gen.OneOf(Objects.Prefixes("203.0.113.0/24", "203.0.113.0/25", "192.168.0.0/24", "0.0.0.0/0",
        "2001:db8::/32", "::/0").ToArray());

    private static readonly Gen<string> s_portName = Gen.OneOf("", "web", "dns");
    private static readonly Gen<IpProtocol> s_protocol = Gen.OneOf(IpProtocol.Tcp, IpProtocol.Tcp, IpProtocol.Udp);
    private static readonly Gen<ushort> s_port = Gen.OneOf<ushort>(80, 81);
    private static readonly Gen<ushort> s_nodePort = Gen.OneOf<ushort>(0, 3001, 3002);
    private static readonly Gen<string> s_zone = Gen.OneOf("zone-a", "zone-b");
    private static readonly Gen<string?> s_nodeName = Gen.OneOf(Objects.ThisNode, "node-1", null);

    private static readonly Gen<ServicePortObject> s_servicePort =
        Gen.Select(s_portName, s_protocol, s_port, s_nodePort,
        (name, protocol, port, nodePort) => new ServicePortObject(name, protocol, port, nodePort));

    private static readonly Gen<ServiceObject> s_service =
        from name in Gen.Select(s_namespace, s_serviceName)
        from clusterIPs in s_clusterIP.List[0, 2]
        from ports in s_servicePort.List[0, 3]
        from externalIPs in s_outsideIP.List[0, 2]
        from loadBalancerIPs in s_outsideIP.List[0, 2]
        from ranges in s_range.List[0, 2]
        from type in Gen.OneOf(ServiceType.ClusterIP, ServiceType.NodePort, ServiceType.LoadBalancer, ServiceType.LoadBalancer,
            ServiceType.ExternalName)
        from flags in Gen.Int[0, 63]
        from created in Gen.Int[0, 2]
        from isOdd in Gen.Int[0, 9]
        select new ServiceObject
        {
            Name = new(name.Item1, name.Item2),
            ClusterIPs = [.. clusterIPs],
            Ports = [.. ports],
            ExternalIPs = [.. externalIPs],
            LoadBalancerIPs = [.. loadBalancerIPs],
            SourceRanges = [.. ranges],
            Type = type,
            InternalPolicyLocal = (flags & 1) != 0,
            ExternalPolicyLocal = (flags & 2) != 0,
            HasUnreadableIPv4Range = (flags & 12) == 4,
            AffinitySeconds = (flags & 48) == 16 ? 600 : 0,
            HealthCheckNodePort = (ushort)((flags & 32) != 0 ? 30000 : 0),
            Created = DateTimeOffset.UnixEpoch.AddDays(created),
            HasOtherProxy = isOdd == 0,
            IsHeadless = isOdd == 1,
            Problems = isOdd == 2 ? [new("Service", $"{name.Item1}/{name.Item2}", "spec.ports[0].port", "70000 is no port")] : [],
        };

    private static readonly Gen<SlicePortObject> s_slicePort =
        Gen.Select(s_portName, s_protocol, s_port, (name, protocol, port) => new SlicePortObject(name, protocol, port));

    private static Gen<EndpointObject> Endpoint(IpFamily family) =>
        from host in Gen.Int[1, 6]
        from conditions in Gen.OneOf(Gen.Const(3), Gen.Int[0, 7])
        from node in s_nodeName
        from zones in s_zone.List[0, 2]
        from nodes in Gen.OneOf(Objects.ThisNode, "node-1").List[0, 1]
        select new EndpointObject(
            InetAddress.Parse(family == IpFamily.IPv4 ? $"10.180.0.{host}" : $"fd00:10:180::{host}"),
            (EndpointConditions)conditions, node, [.. zones], [.. nodes]);

    private static readonly Gen<EndpointSliceObject> s_slice =
        from name in Gen.Select(s_namespace, Gen.OneOf("s1", "s2", "s3", "s4", "s5", "s6"))
        from service in Gen.OneOf(s_serviceName, Gen.Const(""))
        from family in Gen.OneOf(IpFamily.IPv4, IpFamily.IPv4, IpFamily.IPv6)
        from ports in s_slicePort.List[0, 3]
        from endpoints in Endpoint(family).List[0, 5]
        select new EndpointSliceObject
        {
            Name = new(name.Item1, name.Item2),
            ServiceName = service,
            Family = family,
            Ports = [.. ports],
            Endpoints = [.. endpoints],
        };

    private static readonly Gen<NodeObject?> s_node =
        from zone in Gen.OneOf("", "zone-a", "zone-b")
        from address in Gen.OneOf("192.168.0.2", "203.0.113.3")
        from podCidrs in Gen.OneOf("10.180.0.0/24", "fd00:10:180::/64").List[0, 2]
        from isGone in Gen.Int[0, 4]
        select isGone == 0 ? null : Objects.TheNode(zone, address) with { PodCidrs = Objects.Prefixes([.. podCidrs]) };

    private static readonly Gen<ServiceCidrObject> s_serviceCidr =
        from name in Gen.OneOf("a", "b")
        from cidrs in Gen.OneOf("172.30.0.0/16", "172.30.4.0/24", "fd00:172:30::/108").List[0, 2]
        select new ServiceCidrObject { Name = name, Cidrs = Objects.Prefixes([.. cidrs]) };

    /// <summary>One change.</summary>
    public static Gen<ClusterEvent> Change { get; } = Gen.Frequency(
        (6, s_service.Select(ClusterEvent (service) => new ClusterEvent.ServiceSet(service))),
        (3, Gen.Select(s_namespace, s_serviceName, ClusterEvent (ns, name) => new ClusterEvent.ServiceGone(new(ns, name)))),
        (8, s_slice.Select(ClusterEvent (slice) => new ClusterEvent.SliceSet(slice))),
        (2, s_slice.Select(ClusterEvent (slice) => new ClusterEvent.SliceGone(slice.Name))),
        (1, s_node.Select(ClusterEvent (node) => new ClusterEvent.NodeSet(node))),
        (1, s_serviceCidr.Select(ClusterEvent (cidr) => new ClusterEvent.ServiceCidrSet(cidr))),
        (1, s_serviceCidr.Select(ClusterEvent (cidr) => new ClusterEvent.ServiceCidrGone(cidr.Name))));

    /// <summary>Changes one after another.</summary>
    public static Gen<List<ClusterEvent>> Changes { get; } = Change.List[1, 60];

    /// <summary>What a source would list when it saw the cluster for the first time after these changes.</summary>
    public static ImmutableArray<ClusterEvent> FinalState(IEnumerable<ClusterEvent> changes)
    {
        var last = new Dictionary<object, ClusterEvent>();
        foreach (ClusterEvent change in changes)
        {
            object key = change switch
            {
                ClusterEvent.ServiceSet set => ("service", set.Service.Name),
                ClusterEvent.ServiceGone gone => ("service", gone.Name),
                ClusterEvent.SliceSet set => ("slice", set.Slice.Name),
                ClusterEvent.SliceGone gone => ("slice", gone.Name),
                ClusterEvent.ServiceCidrSet set => ("cidr", set.Cidr.Name),
                ClusterEvent.ServiceCidrGone gone => ("cidr", gone.Name),
                _ => "node",
            };
            last[key] = change;
        }
        return [.. last.Values.Where(change =>
            change is not (ClusterEvent.ServiceGone or ClusterEvent.SliceGone or ClusterEvent.ServiceCidrGone))];
    }

    /// <summary>A table that has drained after it saw these events.</summary>
    public static ServiceTable TableOf(IEnumerable<ClusterEvent> events)
    {
        var table = new ServiceTable(new ProxyPolicy { NodeName = Objects.ThisNode, DetectByNodeCidr = true });
        foreach (ClusterEvent change in events)
            table.Apply(change);
        table.Apply(new ClusterEvent.Synced());
        table.Drain();
        return table;
    }
}
