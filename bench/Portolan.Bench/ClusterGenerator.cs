using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Bench;

/// <summary>Clusters of any size, the same each time.</summary>
internal static class ClusterGenerator
{
    internal const string NodeName = "node-a";

    /// <summary>Service number i: 172.16.0.0/12 on from 172.16.0.1, one TCP port 80.</summary>
    internal static ServiceObject Service(int i, ServiceMix mix = default) => new()
    {
        Name = Name(i),
        Created = DateTimeOffset.UnixEpoch,
        Type = mix.NodePort == 0 ? ServiceType.ClusterIP : ServiceType.LoadBalancer,
        ClusterIPs = [Address(i)],
        Ports = [new ServicePortObject("http", IpProtocol.Tcp, 80, mix.NodePort)],
        LoadBalancerIPs = mix.NodePort == 0 ? [] : [InetAddress.FromIPv4(0xC612_0000u + (uint)i)],
        ExternalPolicyLocal = mix.Local,
        SourceRanges = mix.Restricted ? [InetPrefix.Parse("203.0.113.0/24")] : [],
        AffinitySeconds = mix.Affinity ? 10800 : 0,
    };

    /// <summary>The slice of service i with n endpoints; a generation moves the last endpoint to another address.</summary>
    internal static EndpointSliceObject Slice(int i, int endpoints, int generation = 0)
    {
        var list = ImmutableArray.CreateBuilder<EndpointObject>(endpoints);
        for (int e = 0; e < endpoints; e++)
        {
            uint number = (uint)i * (uint)endpoints + (uint)e;
            uint address = 0x0A00_0000u + number + 1;
            if (generation > 0 && e == endpoints - 1)
                address = 0x0B00_0000u + number + (uint)generation % 2;
            list.Add(new EndpointObject(
                InetAddress.FromIPv4(address), EndpointConditions.Ready | EndpointConditions.Serving,
                number % 100 == 0 ? NodeName : "node-b", [], []));
        }
        return new EndpointSliceObject
        {
            Name = Name(i),
            ServiceName = Name(i).Name,
            Family = IpFamily.IPv4,
            Ports = [new SlicePortObject("http", IpProtocol.Tcp, 8080)],
            Endpoints = list.MoveToImmutable(),
        };
    }

    internal static InetAddress Address(int i) => InetAddress.FromIPv4(0xAC10_0000u + (uint)i + 1);

    internal static ObjectName Name(int i) => new("bench", string.Create(CultureInfo.InvariantCulture, $"svc-{i:d6}"));

    /// <summary>A fifth of the services of mixed kinds: NodePort and load balancer, policy Local, source ranges, affinity.</summary>
    internal static ServiceMix Mixed(int i) => i % 5 != 0 ? default
        : new ServiceMix((ushort)(30000 + i / 5 % 32000), Local: i % 2 == 0, Restricted: i % 3 == 0, Affinity: i % 4 == 0);
}

internal readonly record struct ServiceMix(ushort NodePort, bool Local, bool Restricted, bool Affinity);
