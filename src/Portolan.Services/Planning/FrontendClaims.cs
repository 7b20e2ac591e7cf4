using System.Runtime.InteropServices;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Services.Planning;

/// <summary>Things that only one service can have.</summary>
internal enum ClaimKind : byte
{
    /// <summary>An address, protocol and port that clients connect to.</summary>
    Frontend,

    /// <summary>A protocol and port of the node; the address only determines the family.</summary>
    NodePort,

    /// <summary>A cluster IP as a whole: packets to its unknown ports are rejected.</summary>
    ClusterIP,

    /// <summary>A port of the node that answers health checks.</summary>
    HealthCheck,
}

/// <summary>One thing a service claims for itself.</summary>
internal readonly record struct Claim(ClaimKind Kind, InetAddress Address, ushort Port, IpProtocol Protocol)
{
    public static Claim Frontend(InetAddress address, ushort port, IpProtocol protocol) => new(ClaimKind.Frontend, address, port, protocol);

    public static Claim NodePort(IpFamily family, ushort port, IpProtocol protocol) =>
        new(ClaimKind.NodePort, InetAddress.Unspecified(family), port, protocol);

    public static Claim ClusterIP(InetAddress address) => new(ClaimKind.ClusterIP, address, 0, IpProtocol.None);

    public static Claim HealthCheck(ushort port) => new(ClaimKind.HealthCheck, default, port, IpProtocol.Tcp);

    /// <summary>
    /// Everything a service claims. It depends on the Service alone, so that changes of endpoints do not involve other services.
    /// </summary>
    public static void Collect(ServiceObject service, List<Claim> claims)
    {
        if (!ServiceRules.IsServed(service))
            return;
        bool isServed = false;
        foreach (IpFamily family in ServiceRules.Families)
        {
            if (!ServiceRules.TryGetClusterIP(service, family, out InetAddress clusterIP))
                continue;
            isServed = true;
            claims.Add(ClusterIP(clusterIP));
            for (int i = 0; i < service.Ports.Length; i++)
            {
                // A service must not block others from what it would not serve itself.
                if (ServiceRules.IsRepeated(service, i, out _))
                    continue;
                ServicePortObject port = service.Ports[i];
                claims.Add(Frontend(clusterIP, port.Port, port.Protocol));
                AddAll(service.ExternalIPs.AsSpan(), family, port, claims);
                AddAll(service.LoadBalancerIPs.AsSpan(), family, port, claims);
                if (port.NodePort != 0 && !ServiceRules.IsNodePortRepeated(service, i))
                    claims.Add(NodePort(family, port.NodePort, port.Protocol));
            }
        }
        if (isServed && ServiceRules.NeedsHealthCheck(service))
            claims.Add(HealthCheck(service.HealthCheckNodePort));
    }

    /// <summary>Description for the operator.</summary>
    public string Describe() => Kind switch
    {
        ClaimKind.Frontend => $"{new InetEndpoint(Address, Port)}/{Protocol.ToRuleText()}",
        ClaimKind.NodePort => $"node port {Port}/{Protocol.ToRuleText()}",
        ClaimKind.ClusterIP => $"cluster IP {Address}",
        _ => $"health check node port {Port}",
    };

    private static void AddAll(ReadOnlySpan<InetAddress> addresses, IpFamily family, ServicePortObject port, List<Claim> claims)
    {
        foreach (InetAddress address in addresses)
        {
            if (address.Family == family && ServiceRules.IsValidServiceAddress(address))
                claims.Add(Frontend(address, port.Port, port.Protocol));
        }
    }
}

/// <summary>
/// Which of several claiming services gets something: the oldest. The holder depends on the claimants only, never on the order of events.
/// </summary>
/// <param name="mark">Called for services, other than the one that adds or removes a claim, whose plan or problems change as a
/// result.</param>
internal sealed class FrontendClaims(Action<ServiceEntry> mark)
{
    private readonly Dictionary<Claim, ServiceEntry> _holders = [];
    private readonly Dictionary<Claim, List<ServiceEntry>> _waiting = [];

    /// <summary>The service that holds a claim that at least one service makes.</summary>
    public ServiceEntry HolderOf(Claim claim) => _holders[claim];

    public void Add(Claim claim, ServiceEntry claimant)
    {
        ref ServiceEntry? holder = ref CollectionsMarshal.GetValueRefOrAddDefault(_holders, claim, out bool isTaken);
        if (!isTaken)
            holder = claimant;
        // A service may list an address twice.
        if (holder == claimant)
            return;

        if (!_waiting.TryGetValue(claim, out List<ServiceEntry>? waiting))
            _waiting.Add(claim, waiting = []);
        if (waiting.Contains(claimant))
            return;
        if (!claimant.Precedes(holder!))
        {
            waiting.Add(claimant);
            return;
        }
        waiting.Add(holder!);
        holder = claimant;
        waiting.ForEach(mark);
    }

    public void Remove(Claim claim, ServiceEntry claimant)
    {
        if (!_holders.TryGetValue(claim, out ServiceEntry? holder))
            return;
        if (!_waiting.TryGetValue(claim, out List<ServiceEntry>? waiting))
        {
            if (holder == claimant)
                _holders.Remove(claim);
            return;
        }
        if (holder == claimant)
        {
            ServiceEntry heir = waiting[0];
            foreach (ServiceEntry other in waiting)
            {
                if (other.Precedes(heir))
                    heir = other;
            }
            _holders[claim] = heir;
            waiting.ForEach(mark);
            waiting.Remove(heir);
        }
        else
        {
            waiting.Remove(claimant);
        }
        if (waiting.Count == 0)
            _waiting.Remove(claim);
    }
}
