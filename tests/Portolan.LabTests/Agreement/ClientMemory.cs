using Portolan.Inet;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.LabTests.Agreement;

/// <summary>Which backends a node must remember of which clients: those that served them since they are in use without a break.</summary>
/// <param name="outlivesTimeouts">
/// A new time-out is for what is known already, too: in mode iptables a list of clients belongs to its endpoint, whatever rules ask it.
/// </param>
internal sealed class ClientMemory(bool outlivesTimeouts)
{
    private readonly Dictionary<(ServicePortName Port, InetAddress Client), Known> _clients = [];

    /// <summary>Forgets what the plans give leave to forget. To be called after every delta, for what goes and comes back is new.</summary>
    internal void Follow(ServiceTable table)
    {
        foreach (((ServicePortName port, InetAddress client), Known known) in _clients.ToList())
        {
            PortPlan? plan = table.TryGetPlan(port.Service, out ServicePlan? service)
                ? service.Ports.FirstOrDefault(plan => plan.Name == port && plan.Family == client.Family)
                : null;
            known.Backends.RemoveWhere(backend => plan is null
                || !plan.ClusterBackends.Concat(plan.LocalBackends).Any(other => other.Endpoint == backend));
            if (known.Backends.Count == 0 || plan is null or { AffinitySeconds: 0 }
                || (plan.AffinitySeconds != known.Seconds && !outlivesTimeouts))
                _clients.Remove((port, client));
        }
    }

    /// <summary>The backends of these that the client may be sent to: the remembered ones where there are any.</summary>
    internal IReadOnlySet<InetEndpoint> Among(PortPlan plan, InetAddress client, IEnumerable<InetEndpoint> backends)
    {
        HashSet<InetEndpoint> all = [.. backends];
        if (plan.AffinitySeconds == 0 || !_clients.TryGetValue((plan.Name, client), out Known? known))
            return all;
        HashSet<InetEndpoint> remembered = [.. all.Intersect(known.Backends)];
        return remembered.Count > 0 ? remembered : all;
    }

    /// <summary>A client was served.</summary>
    internal void Note(PortPlan plan, InetAddress client, InetEndpoint backend)
    {
        if (plan.AffinitySeconds == 0)
            return;
        if (!_clients.TryGetValue((plan.Name, client), out Known? known))
            _clients.Add((plan.Name, client), known = new(plan.AffinitySeconds, []));
        known.Backends.Add(backend);
    }

    private sealed record Known(int Seconds, HashSet<InetEndpoint> Backends);
}
