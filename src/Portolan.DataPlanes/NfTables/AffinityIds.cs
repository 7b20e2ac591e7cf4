using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Portolan.Inet;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// The numbers under which the kernel remembers a client's backend. A backend of a service port keeps its number while it is in use; a
/// number is not given again, so clients of a backend that went do not find another one behind it.
/// </summary>
/// <remarks>
/// The number travels in the packet's priority from one rule to the next, which is why it looks as it does: the top byte 0x7 marks it as
/// ours (postrouting clears it), the low four bits are zero, which every queueing discipline reads as best effort, and the major number
/// (0x7000 to 0x7fff) stays clear of the handles that people and the kernel (0x8000 on) give to disciplines.
/// </remarks>
internal sealed class AffinityIds
{
    /// <summary>Bits that mark a priority as an affinity id.</summary>
    internal const uint Mark = 0x7000_0000;

    /// <summary>Bits to look at to tell an affinity id.</summary>
    internal const uint MarkMask = 0xf000_000f;

    private const uint SerialMask = 0x00ff_ffff;

    private readonly Dictionary<Key, uint> _ids = [];
    private readonly HashSet<uint> _used = [];
    private uint _next;

    /// <param name="start">Where to begin counting: a random number, so that a restarted proxy does not reuse what was just given up.</param>
    internal AffinityIds(uint start) => _next = start;

    /// <summary>The number of a backend that was reserved before.</summary>
    internal uint Get(ServicePortName name, InetEndpoint endpoint) => _ids[new Key(name, endpoint)];

    /// <summary>Gives numbers to all backends of a port that have none.</summary>
    internal void Reserve(PortPlan port)
    {
        if (port.AffinitySeconds == 0)
            return;
        Reserve(port.Name, port.ClusterBackends);
        Reserve(port.Name, port.LocalBackends);
    }

    /// <summary>Takes back the numbers of backends that a port had and has no more.</summary>
    /// <param name="before">The port as it was.</param>
    /// <param name="after">The port as it is, or null when it is gone.</param>
    internal void Release(PortPlan before, PortPlan? after)
    {
        if (before.AffinitySeconds == 0)
            return;
        foreach (ImmutableArray<Backend> backends in (ReadOnlySpan<ImmutableArray<Backend>>)[before.ClusterBackends, before.LocalBackends])
        {
            foreach (Backend backend in backends)
            {
                if (after is { AffinitySeconds: > 0 } && (Has(after.ClusterBackends, backend) || Has(after.LocalBackends, backend)))
                    continue;
                if (_ids.Remove(new Key(before.Name, backend.Endpoint), out uint id))
                    _used.Remove(id);
            }
        }
    }

    /// <summary>Takes over a number that the kernel already holds, if its backend is still one of the port's.</summary>
    internal void Adopt(PortPlan port, InetEndpoint endpoint, uint id)
    {
        var backend = new Backend(endpoint, IsLocal: false);
        if (port.Family == endpoint.Address.Family && (Has(port.ClusterBackends, backend) || Has(port.LocalBackends, backend))
            && _ids.TryAdd(new Key(port.Name, endpoint), id))
            _used.Add(id);
    }

    private void Reserve(ServicePortName name, ImmutableArray<Backend> backends)
    {
        foreach (Backend backend in backends)
        {
            ref uint id = ref CollectionsMarshal.GetValueRefOrAddDefault(_ids, new Key(name, backend.Endpoint), out bool exists);
            if (exists)
                continue;
            do
                id = Mark | ((_next++ & SerialMask) << 4);
            while (!_used.Add(id));
        }
    }

    private static bool Has(ImmutableArray<Backend> backends, Backend wanted)
    {
        foreach (Backend backend in backends)
        {
            if (backend.Endpoint == wanted.Endpoint)
                return true;
        }
        return false;
    }

    private readonly record struct Key(ServicePortName Name, InetEndpoint Endpoint);
}
