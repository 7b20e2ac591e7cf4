using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Services.Planning;

/// <summary>What a Service's own fields decide, whatever its endpoints are.</summary>
internal static class ServiceRules
{
    public static ReadOnlySpan<IpFamily> Families => [IpFamily.IPv4, IpFamily.IPv6];

    /// <summary>False for services that no service proxy, or not this one, programs.</summary>
    public static bool IsServed(ServiceObject service) =>
        service.Type != ServiceType.ExternalName && !service.IsHeadless && !service.HasOtherProxy;

    /// <summary>
    /// The service's cluster IP of a family. Without one the service has nothing in that family, external addresses included, as in
    /// kube-proxy.
    /// </summary>
    public static bool TryGetClusterIP(ServiceObject service, IpFamily family, out InetAddress address)
    {
        foreach (InetAddress candidate in service.ClusterIPs)
        {
            if (candidate.Family == family && IsValidServiceAddress(candidate))
            {
                address = candidate;
                return true;
            }
        }
        address = default;
        return false;
    }

    /// <summary>
    /// False for addresses that would capture traffic which is nobody's but the node's own (loopback) or which no connection goes to. The
    /// API server refuses most of them; manifests and a load balancer's status are not checked by anybody else.
    /// </summary>
    public static bool IsValidServiceAddress(InetAddress address) => !address.IsUnspecified && !address.IsLoopback && !address.IsMulticast;

    /// <summary>
    /// externalTrafficPolicy Local counts for services that are reachable from outside by their type or by external IPs
    /// (k8s.io/kubernetes/pkg/api/v1/service, ExternalPolicyLocal).
    /// </summary>
    public static bool IsExternalPolicyLocal(ServiceObject service) => service.ExternalPolicyLocal
        && (service.Type is ServiceType.NodePort or ServiceType.LoadBalancer || !service.ExternalIPs.IsEmpty);

    /// <summary>
    /// A load balancer asks which nodes have endpoints only where traffic must stay on the node (NeedsHealthCheck, same place).
    /// </summary>
    public static bool NeedsHealthCheck(ServiceObject service) =>
        service.Type == ServiceType.LoadBalancer && service.ExternalPolicyLocal && service.HealthCheckNodePort != 0;

    /// <summary>True when a port can be reached by something else than the cluster IP.</summary>
    public static bool IsExternallyAccessible(ServiceObject service, ServicePortObject port, IpFamily family) =>
        port.NodePort != 0 || HasAddress(service.LoadBalancerIPs.AsSpan(), family) || HasAddress(service.ExternalIPs.AsSpan(), family);

    /// <summary>True for a port that cannot be told from an earlier one, by clients or by name: it is not served.</summary>
    public static bool IsRepeated(ServiceObject service, int index, out int earlier)
    {
        ServicePortObject port = service.Ports[index];
        for (earlier = 0; earlier < index; earlier++)
        {
            ServicePortObject other = service.Ports[earlier];
            if (other.Protocol == port.Protocol && (other.Port == port.Port || other.Name == port.Name))
                return true;
        }
        return false;
    }

    /// <summary>True when a port that is served before this one has the same node port.</summary>
    public static bool IsNodePortRepeated(ServiceObject service, int index)
    {
        ServicePortObject port = service.Ports[index];
        for (int i = 0; i < index; i++)
        {
            ServicePortObject other = service.Ports[i];
            if (other.NodePort == port.NodePort && other.Protocol == port.Protocol && !IsRepeated(service, i, out _))
                return true;
        }
        return false;
    }

    private static bool HasAddress(ReadOnlySpan<InetAddress> addresses, IpFamily family)
    {
        foreach (InetAddress address in addresses)
        {
            if (address.Family == family && IsValidServiceAddress(address))
                return true;
        }
        return false;
    }
}
