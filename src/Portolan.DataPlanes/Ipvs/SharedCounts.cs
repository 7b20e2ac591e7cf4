using System.Runtime.InteropServices;
using Portolan.Inet;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>How many services need an address that several may have: it is in the kernel while one does.</summary>
internal sealed class SharedCounts
{
    private readonly Dictionary<InetAddress, int> _counts = [];
    private readonly Dictionary<InetAddress, bool> _touched = [];

    /// <summary>The addresses that somebody needs.</summary>
    internal IReadOnlyCollection<InetAddress> Needed => _counts.Keys;

    internal bool Contains(InetAddress address) => _counts.ContainsKey(address);

    /// <summary>One more, or one less, needs an address.</summary>
    internal void Count(InetAddress address, int by)
    {
        _touched.TryAdd(address, _counts.ContainsKey(address));
        ref int count = ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, address, out _);
        count += by;
        if (count == 0)
            _counts.Remove(address);
    }

    /// <summary>The addresses that are needed now and were not, and the reverse, since this was asked before.</summary>
    internal (List<InetAddress> Added, List<InetAddress> Removed) TakeChanges()
    {
        List<InetAddress> added = [], removed = [];
        foreach ((InetAddress address, bool was) in _touched)
        {
            bool isNow = _counts.ContainsKey(address);
            if (isNow != was)
                (isNow ? added : removed).Add(address);
        }
        _touched.Clear();
        return (added, removed);
    }

    internal void Clear()
    {
        _counts.Clear();
        _touched.Clear();
    }
}
