using System.Runtime.CompilerServices;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Finds the rules of a long chain that can concern a packet: of those that match one destination address, only the ones with the packet's,
/// and the same for destination ports. In a chain with a rule for each of ten thousand services, a packet is then checked against a
/// handful.
/// </summary>
internal sealed class RuleIndex
{
    // For shorter chains an index gains nothing.
    private const int Shortest = 32;

    private readonly ConditionalWeakTable<Chain, Entry> _entries = [];

    /// <summary>The first rule from an index on that can concern a packet to one of the destinations; the number of rules if
    /// there is none.</summary>
    internal int Next(Chain chain, int from, List<PacketState> packets)
    {
        if (chain.Rules.Length < Shortest || from >= chain.Rules.Length || !chain.Gaps.IsEmpty)
            return from;
        Entry entry = _entries.GetValue(chain, static key => new Entry(key));
        int next = First(entry.Others, from, chain.Rules.Length);
        foreach (PacketState packet in packets)
        {
            if (next == from)
                break;
            if (entry.ByDestination.TryGetValue(packet.Destination, out List<int>? own))
                next = Math.Min(next, First(own, from, chain.Rules.Length));
            // A port that is not known may be any.
            if (packet.DestinationPort is not { } port)
                next = Math.Min(next, First(entry.OfPorts, from, chain.Rules.Length));
            else if (entry.ByPort.TryGetValue(port, out List<int>? ofPort))
                next = Math.Min(next, First(ofPort, from, chain.Rules.Length));
        }
        return next;
    }

    private static int First(List<int> sorted, int from, int none)
    {
        int at = sorted.BinarySearch(from);
        at = at < 0 ? ~at : at;
        return at < sorted.Count ? sorted[at] : none;
    }

    private sealed class Entry
    {
        internal Entry(Chain chain)
        {
            for (int i = 0; i < chain.Rules.Length; i++)
            {
                InetAddress? only = null;
                ushort? port = null;
                foreach (Statement statement in chain.Rules[i].Statements)
                {
                    if (statement is AddressMatch { Side: PacketSide.Destination, Negated: false } match
                        && match.Prefix.Length == match.Prefix.Address.Length * 8)
                        only = match.Prefix.Address;
                    else if (statement is PortMatch { Side: PacketSide.Destination, Negated: false, Ports: [var ports] }
                        && ports.First == ports.Last)
                        port = ports.First;
                    // Rules that keep state, or act before they match, are always evaluated.
                    else if (statement is not (AddressMatch or ProtocolMatch or PortMatch or InterfaceMatch or AddressTypeMatch
                        or MarkMatch or VerdictStatement or RejectStatement or NatStatement or NotrackStatement))
                        only = default(InetAddress);
                    if (only is { Family: IpFamily.None })
                        break;
                }
                if (only is { Family: not IpFamily.None } destination)
                    Add(ByDestination, destination, i);
                else if (only is null && port is { } known)
                {
                    Add(ByPort, known, i);
                    OfPorts.Add(i);
                }
                else
                    Others.Add(i);
            }
        }

        private static void Add<TKey>(Dictionary<TKey, List<int>> index, TKey key, int rule)
            where TKey : notnull
        {
            if (index.TryGetValue(key, out List<int>? rules))
                rules.Add(rule);
            else
                index[key] = [rule];
        }

        /// <summary>Rules of any destination, by index.</summary>
        internal List<int> Others { get; } = [];

        internal Dictionary<InetAddress, List<int>> ByDestination { get; } = [];

        /// <summary>Rules of one destination port and any address.</summary>
        internal Dictionary<ushort, List<int>> ByPort { get; } = [];

        /// <summary>All rules of <see cref="ByPort"/>.</summary>
        internal List<int> OfPorts { get; } = [];
    }
}
