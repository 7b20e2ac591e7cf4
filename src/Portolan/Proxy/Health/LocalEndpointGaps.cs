using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.Proxy.Health;

/// <summary>Counts services whose Local traffic policy finds no endpoint on this node, updated by changes.</summary>
internal sealed class LocalEndpointGaps
{
    private readonly HashSet<ObjectName> _internal = [];
    private readonly HashSet<ObjectName> _external = [];

    /// <summary>With internalTrafficPolicy Local.</summary>
    public int Internal => _internal.Count;

    /// <summary>With externalTrafficPolicy Local.</summary>
    public int External => _external.Count;

    public void Note(ServiceChange change)
    {
        Set(_internal, change.Service, change.Plan?.Ports.Any(static port => port.InternalPolicyLocal && port.LocalBackends.IsEmpty)
            ?? false);
        Set(_external, change.Service, change.Plan?.Ports.Any(static port => port.ExternalPolicyLocal && port.LocalBackends.IsEmpty)
            ?? false);
    }

    private static void Set(HashSet<ObjectName> services, ObjectName service, bool isIn)
    {
        if (isIn)
            services.Add(service);
        else
            services.Remove(service);
    }
}
