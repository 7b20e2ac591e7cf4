using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Services.Planning;

/// <summary>What a Service's own fields decide, independent of its endpoints.</summary>
internal static class ServiceRules
{
    public static ReadOnlySpan<IpFamily> Families => [IpFamily.IPv4, IpFamily.IPv6];

    /// <summary>False for services that are not programmed by any service proxy, or not by this one.</summary>
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
    /// False for addresses that would capture the node's own traffic (loopback) or that no connection can go to. The
    /// API server does not accept most of them; manifests and a load balancer's status are not validated elsewhere.
    /// </summary>
    public static bool IsValidServiceAddress(InetAddress address) => !address.IsUnspecified && !address.IsLoopback && !address.IsMulticast;

    /// <summary>
    /// externalTrafficPolicy Local applies to services that are reachable from outside by their type or by external IPs
    /// (k8s.io/kubernetes/pkg/api/v1/service, ExternalPolicyLocal).
    /// </summary>
    public static bool IsExternalPolicyLocal(ServiceObject service) => service.ExternalPolicyLocal
        && (service.Type is ServiceType.NodePort or ServiceType.LoadBalancer || !service.ExternalIPs.IsEmpty);

    /// <summary>
    /// A load balancer checks which nodes have endpoints only if traffic must stay on the node (NeedsHealthCheck, same place).
    /// </summary>
    public static bool NeedsHealthCheck(ServiceObject service) =>
        service.Type == ServiceType.LoadBalancer && service.ExternalPolicyLocal && service.HealthCheckNodePort != 0;

    /// <summary>True if a port can be reached by other addresses than the cluster IP.</summary>
    public static bool IsExternallyAccessible(ServiceObject service, ServicePortObject port, IpFamily family) =>
        port.NodePort != 0 || HasAddress(service.LoadBalancerIPs.AsSpan(), family) || HasAddress(service.ExternalIPs.AsSpan(), family);

    /// <summary>True for a port that has the number or name of an earlier one: it is not served.</summary>
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

    /// <summary>True if an earlier port that is served has the same node port.</summary>
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
