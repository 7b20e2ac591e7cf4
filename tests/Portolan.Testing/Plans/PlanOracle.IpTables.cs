using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Plans;
using Portolan.Testing.Lab;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Plans;

/// <content>
/// Mode iptables, as kube-proxy's (pkg/proxy/iptables/proxier.go): rules of the nat table translate, one after the other; what none of them
/// takes meets the filter table, where each frontend refuses and drops for itself. So one frontend that serves nobody does not keep a
/// packet from another one at the same port.
/// </content>
public sealed partial class PlanOracle
{
    // Before 1.24 KUBE-MARK-DROP said at once that a packet is to be dropped, whatever rule came next.
    private bool DropsAtOnce => variant.Layout == "classic";

    // Never in mode nftables. net.ipv4.conf.all.route_localnet is on then, for every device.
    private bool TakesLoopback => variant.Mode == ProxyMode.IpTables
        && Node.NodePortAddresses.Any(static address => address is { Family: IpFamily.IPv4, IsLoopback: true });

    private ImmutableArray<PlannedEnd> EndsInIpTables(Packet packet)
    {
        InetAddress destination = packet.Destination.Address;
        bool isIntruder = packet.From != FlowOrigin.Node && destination.IsLoopback;
        if (isIntruder && !(TakesLoopback && destination.Family == IpFamily.IPv4))
            return Only(packet, PacketEnd.Vanished);
        foreach ((PortPlan plan, Frontend frontend) in FrontendsOf(packet).Where(static found => IsServed(found.Frontend)))
        {
            ClientPolicy policy = ClientPolicyOf(frontend, packet);
            bool isDenied = !Admits(plan, frontend, packet) || policy.Action == FrontendAction.Drop;
            if (!isDenied)
                return ToBackends(plan, policy, packet, static _ => true);
            if (DropsAtOnce)
                return Only(packet, PacketEnd.Vanished);
        }
        // KUBE-FIREWALL comes first where packets come in.
        if (isIntruder)
            return Only(packet, PacketEnd.Vanished);
        return Only(packet, RejectsAndDrops(packet).FirstOrDefault(Leaving(destination)));
    }

    /// <summary>What rules of the filter table say of a packet that was not translated, the first of them first.</summary>
    private IEnumerable<PacketEnd> RejectsAndDrops(Packet packet)
    {
        // Rules for externally visible frontends are where packets come in and where they are forwarded, not where the node's own leave.
        bool isLocal = IsLocal(packet.Destination.Address), isSeenAsExternal = packet.From != FlowOrigin.Node || isLocal;
        (PortPlan Plan, Frontend Frontend)[] all = [.. Frontends(packet)];
        (PortPlan Plan, Frontend Frontend)[] here =
            [.. all.Where(found => found.Frontend.Address == packet.Destination.Address && found.Frontend.Kind != FrontendKind.NodePort)];
        if (here.Any(found => IsServed(found.Frontend) && !Admits(found.Plan, found.Frontend, packet)))
            yield return PacketEnd.Vanished;
        foreach ((_, Frontend frontend) in here)
        {
            if (frontend.Kind == FrontendKind.ClusterIP && RejectOrDropOf(frontend) is { } end)
                yield return end;
        }
        // In today's layout health checks are let in before anything else that comes in is refused.
        if (isLocal && !DropsAtOnce && packet.Protocol == IpProtocol.Tcp && HasHealthCheck(packet.Destination))
            yield break;
        foreach ((_, Frontend frontend) in here)
        {
            if (frontend.Kind != FrontendKind.ClusterIP && isSeenAsExternal && RejectOrDropOf(frontend) is { } end)
                yield return end;
        }
        // Whatever nodePortAddresses says, for every address of the node, and after what is for one address.
        foreach ((_, Frontend frontend) in isLocal ? all : [])
        {
            if (frontend.Kind == FrontendKind.NodePort && RejectOrDropOf(frontend) is { } end)
                yield return end;
        }
    }

    private bool HasHealthCheck(InetEndpoint destination) => table.Plans.Any(plan => plan.HealthCheck?.Port == destination.Port
        && plan.Ports.Any(port => port.Family == destination.Address.Family)
        && (destination.Address.Family == IpFamily.IPv4 ? plan.HealthCheck.ReadyLocalIPv4 : plan.HealthCheck.ReadyLocalIPv6) is not null);

    private static PacketEnd? RejectOrDropOf(Frontend frontend) => frontend.Outside.Action switch
    {
        FrontendAction.Reject => PacketEnd.Refused,
        FrontendAction.Drop => PacketEnd.Vanished,
        _ => null,
    };

    /// <summary>Somebody is served there, so that there are rules that translate.</summary>
    private static bool IsServed(Frontend frontend) =>
        (frontend.Kind == FrontendKind.ClusterIP ? frontend.Outside : frontend.Pod).Action is FrontendAction.ToClusterBackends
        or FrontendAction.ToLocalBackends;
}
