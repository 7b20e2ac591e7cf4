using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Plans;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>What a cluster grows by is elements; chains and rules are as many for ten services as for ten thousand.</summary>
public sealed class ChainCountTests
{
    private const int Kinds = 10;

    private static readonly AddressPlan s_facts = new(
        [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("2001:db8::1")],
            [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("2001:db8::1")]);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Ten_thousand_services_need_as_many_chains_and_rules_as_ten_of_the_same_kinds(bool withCounters)
    {
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");
        (Size ten, Size tenV6) = Measure(Kinds, withCounters);
        (Size many, Size manyV6) = Measure(10_000, withCounters);

        Assert.Equal((ten.Chains, ten.Rules), (many.Chains, many.Rules));
        Assert.Equal((tenV6.Chains, tenV6.Rules), (manyV6.Chains, manyV6.Rules));
        Assert.True(many.Elements > 500 * ten.Elements, $"{many.Elements} elements for 10,000 services, {ten.Elements} for ten");
        TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
            $"counters {withCounters}: IPv4 {ten} for ten, {many} for ten thousand; IPv6 {tenV6} and {manyV6}"));
    }

    private readonly record struct Size(int Chains, int Rules, int Elements);

    private static (Size IPv4, Size IPv6) Measure(int services, bool withCounters)
    {
        using var lab = new NetworkNamespace("chain-count");
        using NfTablesPlane plane = new(new NfTablesOptions { WithCounters = withCounters }, lab.Path, NullLogger.Instance);
        SyncReport report = plane.Apply(Cluster(services).At(s_facts));
        Assert.Empty(report.Refusals);
        Assert.True(report.IsInForce);
        using var kernel = new NfTablesKernel(lab.Path);
        return (SizeOf(kernel.Read(IpFamily.IPv4)), SizeOf(kernel.Read(IpFamily.IPv6)));

        static Size SizeOf(KernelTable held) =>
            new(held.Chains.Count, held.Chains.Values.Sum(static chain => chain.Rules.Length), held.Elements.Count);
    }

    private static TableDelta Cluster(int services)
    {
        var table = new ServiceTable(new ProxyPolicy
        {
            NodeName = Objects.ThisNode,
            DetectorIPv4 = new LocalDetector(LocalDetection.Cidrs, Objects.Prefixes("10.180.0.0/16"), ""),
            DetectorIPv6 = new LocalDetector(LocalDetection.Cidrs, Objects.Prefixes("fd00:10::/32"), ""),
        });
        table.Apply(new ClusterEvent.Synced());
        for (int i = 0; i < services; i++)
        {
            ServiceObject service = OfKind(i % Kinds, i);
            table.Apply(new ClusterEvent.ServiceSet(service));
            foreach (IpFamily family in (ReadOnlySpan<IpFamily>)[IpFamily.IPv4, IpFamily.IPv6])
                table.Apply(new ClusterEvent.SliceSet(Slice(service, i, family)));
        }
        return table.Drain();
    }

    /// <summary>
    /// All fields that lead to other rules: types, addresses, ports and protocols, policies, affinity and its time-outs, source ranges.
    /// </summary>
    private static ServiceObject OfKind(int kind, int i)
    {
        var plain = new ServiceObject
        {
            Name = new("shop", string.Create(CultureInfo.InvariantCulture, $"svc-{i:d5}")),
            ClusterIPs = [V4(0xAC1E_0000u, i), V6(0xfd00, i)],
            Ports = [Objects.Port(80, 0, "web")],
        };
        ushort nodePort = (ushort)(20_000 + i);
        ServiceObject onNodes = plain with { Type = ServiceType.NodePort, Ports = [Objects.Port(80, nodePort, "web")] };
        ServiceObject balanced = onNodes with { Type = ServiceType.LoadBalancer, LoadBalancerIPs = [V4(0xC612_0000u, i), V6(0x2001, i)] };
        return kind switch
        {
            0 => plain,
            1 => plain with { AffinitySeconds = 10_800 },
            2 => plain with { InternalPolicyLocal = true },
            3 => plain with { ExternalIPs = [V4(0xC633_0000u, i), V6(0x2002, i)] },
            4 => onNodes,
            5 => onNodes with { ExternalPolicyLocal = true, AffinitySeconds = 600 },
            6 => onNodes with
            {
                Ports = [Objects.Port(80, nodePort, "t"), Objects.Port(80, nodePort, "u", IpProtocol.Udp),
                    Objects.Port(80, nodePort, "s", IpProtocol.Sctp), Objects.Port(81, 0, "web")],
            },
            7 => balanced with { SourceRanges = Objects.Prefixes("203.0.113.0/24", "2001:db8:cafe::/48"), AffinitySeconds = 10_800 },
            8 => balanced with
            {
                ExternalPolicyLocal = true,
                InternalPolicyLocal = true,
                HealthCheckNodePort = (ushort)(40_000 + i),
                SourceRanges = Objects.Prefixes("203.0.113.0/24")
            },
            _ => balanced with { ExternalPolicyLocal = true, HasUnreadableIPv4Range = true },
        };
    }

    // None, local ones only, remote ones only, both: each number of endpoints goes with one kind of service at least.
    private static EndpointSliceObject Slice(ServiceObject service, int i, IpFamily family) => new()
    {
        Name = new(service.Name.Namespace, $"{service.Name.Name}-{family}"),
        ServiceName = service.Name.Name,
        Family = family,
        Ports = [.. service.Ports.Select(static port => new SlicePortObject(port.Name, port.Protocol, 8080))],
        Endpoints = [.. Enumerable.Range(0, i % Kinds % 5).Select(number => new EndpointObject(
            family == IpFamily.IPv4 ? V4(0x0AB4_0000u, (i * 8) + number) : V6(0xfd10, (i * 8) + number),
            EndpointConditions.Ready | EndpointConditions.Serving, (number + (i % Kinds)) % 3 == 0 ? Objects.ThisNode : "node-1", [], []))],
    };

    private static InetAddress V4(uint range, int number) => InetAddress.FromIPv4(range + 1 + (uint)number);

    private static InetAddress V6(ushort range, int number) => InetAddress.FromIPv6(((UInt128)range << 112) + (uint)number + 1);
}
