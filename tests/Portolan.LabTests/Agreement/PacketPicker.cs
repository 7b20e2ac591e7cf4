using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Plans;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Agreement;

/// <summary>Random packets: mostly to what is served at the moment, some beside it, from clients of all kinds.</summary>
/// <param name="random">Chooses.</param>
/// <param name="table">What is served.</param>
/// <param name="node">Where.</param>
/// <param name="pods">Pods on the node; default: some of those that random clusters have.</param>
internal sealed class PacketPicker(Random random, ServiceTable table, PlanOracleNode node, ImmutableArray<InetAddress> pods = default)
{
    private static readonly ImmutableArray<InetAddress> s_outsiders = Objects.Addresses(
        "203.0.113.2", "203.0.113.9", "203.0.113.200", "198.51.100.7", "10.9.9.9", "192.168.0.77",
        "2001:db8:cafe::2", "2001:db8:1::7", "2001:db8:cafe::3");

    private static readonly ImmutableArray<InetAddress> s_pods = Objects.Addresses(
        "10.180.0.1", "10.180.0.2", "10.180.0.3", "10.180.0.200", "10.181.0.5",
        "fd00:10:180::1", "fd00:10:180::2", "fd00:10:180::3", "fd00:10:180::200");

    private static readonly ImmutableArray<InetAddress> s_loopback = Objects.Addresses("127.0.0.1", "127.0.0.9", "::1");
    private static readonly ImmutableArray<InetAddress> s_unallotted = Objects.Addresses("172.30.0.250", "172.30.7.7", "fd00:172:30::fa");
    private static readonly ImmutableArray<ushort> s_ports = [53, 80, 81, 3001, 8080, 30000, 30003, 40000];
    private static readonly ImmutableArray<IpProtocol> s_protocols = [IpProtocol.Tcp, IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Sctp];

    private readonly ImmutableArray<InetAddress> _pods = pods.IsDefault ? s_pods : pods;
    private readonly ImmutableArray<PortPlan> _ports = [.. table.Plans.OrderBy(plan => plan.Service).SelectMany(plan => plan.Ports)];

    /// <summary>
    /// Some packets from a wire are for IPv4 loopback addresses: what becomes of them depends on a setting of the kernel.
    /// </summary>
    internal bool TriesLoopbackFromWires { get; init; }

    internal SentPacket Next(FlowOrigin from, ushort sourcePort)
    {
        (InetEndpoint destination, IpProtocol protocol) = Target(from);
        IpFamily family = destination.Address.Family;
        InetAddress source = destination.Address.IsLoopback && from == FlowOrigin.Node
            ? destination.Address
            : Pick(from switch
            {
                FlowOrigin.Node => node.Addresses,
                FlowOrigin.Pod => _pods,
                _ => s_outsiders,
            }, family);
        return new SentPacket(from, new InetEndpoint(source, sourcePort), destination, protocol);
    }

    private (InetEndpoint Destination, IpProtocol Protocol) Target(FlowOrigin from)
    {
        int kind = random.Next(100);
        if (kind < 75 && !_ports.IsEmpty)
        {
            PortPlan plan = _ports[random.Next(_ports.Length)];
            Frontend frontend = plan.Frontends[random.Next(plan.Frontends.Length)];
            InetAddress address = frontend.Kind != FrontendKind.NodePort ? frontend.Address
                : Pick(IsForLoopback(from, plan.Family) ? s_loopback : node.Addresses, plan.Family);
            bool isBeside = kind < 8;
            return (new(address, isBeside ? Any(s_ports) : frontend.Port), kind is 8 or 9 ? Any(s_protocols) : plan.Name.Protocol);
        }
        ImmutableArray<InetAddress> addresses = kind switch
        {
            < 82 => node.Addresses,
            < 88 => s_unallotted,
            < 90 when from == FlowOrigin.Node => s_loopback,
            _ => _pods,
        };
        return (new(Any(addresses), Any(s_ports)), Any(s_protocols));
    }

    private bool IsForLoopback(FlowOrigin from, IpFamily family) =>
        (from == FlowOrigin.Node || (TriesLoopbackFromWires && family == IpFamily.IPv4)) && random.Next(4) == 0;

    private InetAddress Pick(ImmutableArray<InetAddress> addresses, IpFamily family) =>
        Any([.. addresses.Where(address => address.Family == family)]);

    private T Any<T>(ImmutableArray<T> choices) => choices[random.Next(choices.Length)];
}
