using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.DataPlanes.Contract;

/// <summary>The machine's own addresses, followed.</summary>
public interface ILocalAddresses
{
    /// <summary>All addresses of all interfaces, both families, sorted, each once.</summary>
    ImmutableArray<InetAddress> Current { get; }

    /// <summary>Raised, on any thread, when <see cref="Current"/> has changed.</summary>
    event Action? Changed;
}
