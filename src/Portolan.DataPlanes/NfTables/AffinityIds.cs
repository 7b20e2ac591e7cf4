using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Portolan.Inet;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// The ids under which the kernel remembers a client's backend. A backend of a service port keeps its id while it is in use; an
/// id is not reused soon, so clients of a removed backend do not get another one with the same id.
/// </summary>
/// <remarks>
/// The id is passed in the packet's priority from one rule to the next. From the top: four bits that mark it as ours (postrouting clears
/// it), fifteen for the service port, twelve for the backend, of which zero is the port itself, and the last for the view: the same backend
/// where only those of this node may serve. The major number (0x7000 to 0x7fff) avoids the handles that people and the kernel
/// (0x8000 on) give to queueing disciplines.
/// </remarks>
internal sealed class AffinityIds
{
    /// <summary>Bits that mark a priority as an affinity id.</summary>
    internal const uint Mark = 0x7000_0000;

    /// <summary>Mask of the bits that identify an affinity id.</summary>
    internal const uint MarkMask = 0xf000_0000;

    /// <summary>Mask of the bits that identify the service port.</summary>
    internal const uint PortMask = MarkMask | (MaxPorts << PortShift);

    /// <summary>The bit for the view in which only backends of this node may serve.</summary>
    internal const uint LocalView = 1;

    /// <summary>Service ports that may have affinity at a time; the others are served without.</summary>
    internal const uint MaxPorts = 0x7fff;

    /// <summary>Backends of a service port that may have affinity at a time; the others get no traffic.</summary>
    internal const uint MaxBackends = 0xfff;

    private const int PortShift = 13;
    private const int BackendShift = 1;

    private readonly Dictionary<ServicePortName, Port> _ports = [];
    private readonly HashSet<uint> _used = [];
    private uint _next;

    /// <param name="start">Where to start counting: a random number, so that a restarted proxy does not reuse what was just
    /// released.</param>
    internal AffinityIds(uint start) => _next = start;

    /// <summary>
    /// The id of a service port in the form of an affinity id; null if the port has no affinity, or if there were too many of them.
    /// </summary>
    internal uint? PortOf(PortPlan port) => port.AffinitySeconds > 0 && _ports.TryGetValue(port.Name, out Port? own) ? own.Id : null;

    /// <summary>The id of a backend, reserved before; null if there were too many.</summary>
    internal uint? IdOf(ServicePortName name, InetEndpoint endpoint) =>
        _ports.TryGetValue(name, out Port? port) && port.Backends.TryGetValue(endpoint, out uint serial) ? port.Id
        | (serial << BackendShift) : null;

    /// <summary>Assigns ids to a port and its backends where they have none.</summary>
    internal void Reserve(PortPlan plan)
    {
        if (plan.AffinitySeconds == 0)
            return;
        if (!_ports.TryGetValue(plan.Name, out Port? port))
        {
            if (_used.Count == (int)MaxPorts)
                return;
            do
                _next = _next % MaxPorts + 1;
            while (!_used.Add(_next));
            _ports[plan.Name] = port = new Port(_next);
        }
        port.Reserve(plan.ClusterBackends);
        port.Reserve(plan.LocalBackends);
    }

    /// <summary>Releases the ids of backends that a port no longer has, and the port's with its last backend.</summary>
    /// <param name="before">The port as it was.</param>
    /// <param name="after">The same port as it is, or null if it was removed.</param>
    internal void Release(PortPlan before, PortPlan? after)
    {
        if (before.AffinitySeconds == 0 || !_ports.TryGetValue(before.Name, out Port? port))
            return;
        foreach (ImmutableArray<Backend> backends in (ReadOnlySpan<ImmutableArray<Backend>>)[before.ClusterBackends, before.LocalBackends])
        {
            foreach (Backend backend in backends)
            {
                if (after is not { AffinitySeconds: > 0 }
                    || (!Has(after.ClusterBackends, backend.Endpoint) && !Has(after.LocalBackends, backend.Endpoint)))
                    port.Release(backend.Endpoint);
            }
        }
        // The port of the same name in the other family has the same id.
        if (after is not { AffinitySeconds: > 0 } && port.Backends.Count == 0)
        {
            _ports.Remove(before.Name);
            _used.Remove(port.Number);
        }
    }

    /// <summary>Adopts an id that the kernel already holds, if its backend is still one of the port's.</summary>
    internal void Adopt(PortPlan plan, InetEndpoint endpoint, uint id)
    {
        uint number = (id & PortMask & ~MarkMask) >> PortShift, serial = (id & ~PortMask) >> BackendShift;
        if ((id & MarkMask) != Mark || number == 0 || serial == 0 || plan.AffinitySeconds == 0 || plan.Family != endpoint.Address.Family
            || (!Has(plan.ClusterBackends, endpoint) && !Has(plan.LocalBackends, endpoint)))
            return;
        if (!_ports.TryGetValue(plan.Name, out Port? port))
        {
            if (!_used.Add(number))
                return;
            _ports[plan.Name] = port = new Port(number);
        }
        if (port.Number == number)
            port.Adopt(endpoint, serial);
    }

    private static bool Has(ImmutableArray<Backend> backends, InetEndpoint wanted)
    {
        foreach (Backend backend in backends)
        {
            if (backend.Endpoint == wanted)
                return true;
        }
        return false;
    }

    /// <summary>A service port's own id, and those of its backends.</summary>
    private sealed class Port(uint number)
    {
        private readonly HashSet<uint> _used = [];

        // Starts anywhere: a restarted proxy seldom assigns an id that was just released.
        private uint _next = (uint)Random.Shared.Next((int)MaxBackends);

        internal uint Number => number;

        internal uint Id { get; } = Mark | (number << PortShift);

        internal Dictionary<InetEndpoint, uint> Backends { get; } = [];

        internal void Reserve(ImmutableArray<Backend> backends)
        {
            foreach (Backend backend in backends)
            {
                if (_used.Count == (int)MaxBackends)
                    return;
                ref uint serial = ref CollectionsMarshal.GetValueRefOrAddDefault(Backends, backend.Endpoint, out bool exists);
                if (exists)
                    continue;
                do
                    _next = _next % MaxBackends + 1;
                while (!_used.Add(_next));
                serial = _next;
            }
        }

        internal void Adopt(InetEndpoint endpoint, uint serial)
        {
            if (_used.Add(serial) && !Backends.TryAdd(endpoint, serial))
                _used.Remove(serial);
        }

        internal void Release(InetEndpoint endpoint)
        {
            if (Backends.Remove(endpoint, out uint serial))
                _used.Remove(serial);
        }
    }
}
