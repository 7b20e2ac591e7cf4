using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>
/// What the lists of iptables' recent match held when they were read: all lists of the network namespace, both families, for
/// the rules of either back-end.
/// </summary>
public sealed class RecentClients
{
    private readonly Dictionary<(string List, InetAddress Address), ImmutableArray<TimeSpan>> _ages;

    internal RecentClients(Dictionary<(string List, InetAddress Address), ImmutableArray<TimeSpan>> ages) => _ages = ages;

    /// <summary>
    /// How long ago the address was written into a list, each time that the kernel keeps (at most as many as the rules require); empty
    /// when the list does not have the address.
    /// </summary>
    public ImmutableArray<TimeSpan> AgesOf(string list, InetAddress address) => _ages.GetValueOrDefault((list, address), []);
}
