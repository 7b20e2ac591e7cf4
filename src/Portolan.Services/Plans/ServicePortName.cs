using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Services.Plans;

/// <summary>A port of a service, as kube-proxy names it: "namespace/name:port", "namespace/name" for an unnamed port.</summary>
/// <param name="Service">The service.</param>
/// <param name="Port">The port's name; empty for an unnamed one.</param>
/// <param name="Protocol">Part of the key, because in old clusters names are unique per service only together with the protocol.</param>
public readonly record struct ServicePortName(ObjectName Service, string Port, IpProtocol Protocol)
{
    /// <summary>"shop/web:http".</summary>
    public override string ToString() => Port.Length == 0 ? Service.ToString() : $"{Service}:{Port}";
}
