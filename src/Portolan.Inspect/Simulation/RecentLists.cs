using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// The lists of iptables' recent match (net/netfilter/xt_recent.c). Their earlier contents are in no dump of rules, and known only
/// where the lists were read as well; what this packet's rules write, later rules read.
/// </summary>
internal sealed class RecentLists(PacketSpec packet, RecentClients? clients)
{
    /// <summary>
    /// Decides the match. The state gets the changes that both answers have in common; <see cref="Matched"/> adds those of a match.
    /// </summary>
    internal Answer Evaluate(RecentMatch match, PacketState state)
    {
        if (KeyOf(match, state) is not { } key)
            return Answer.Unknown(new MasqueradedClient(match.List));
        RecentEntry entry = Find(key, match, state);
        switch (match.Mode)
        {
            case RecentMode.Set:
                Write(key, entry with { Stamps = entry.Stamps + 1 }, state);
                return Answer.Yes.NegateIf(match.Negated);
            case RecentMode.Remove:
                Write(key, new RecentEntry(0, IsAll: true, 0, []), state);
                return (entry.Exists ? Answer.Yes : entry.IsAll ? Answer.No : Unknown(key, match, entry)).NegateIf(match.Negated);
        }
        // This packet's own entry is more recent than any limit.
        uint needed = Math.Max(1, match.HitCount ?? 1);
        int hits = entry.Stamps + entry.Ages.Count(age => match.Seconds is not { } seconds || age <= TimeSpan.FromSeconds(seconds));
        Answer answer = (match.Ttl && (entry.Exists || !entry.IsAll) ? Unknown(key, match, entry)
            : hits >= needed ? Answer.Yes
            : entry.IsAll ? Answer.No
            : Unknown(key, match, entry)).NegateIf(match.Negated);
        if (match.Mode != RecentMode.Update)
            return answer;
        if (answer.Kind == AnswerKind.Yes)
            Matched(match, state);
        else if (answer.Kind == AnswerKind.Unknown)
            Write(key, entry with { Version = entry.Version + 1 }, state);
        return answer;
    }

    /// <summary>Records what "--update" does on a match: it adds a stamp to an existing entry.</summary>
    internal void Matched(RecentMatch match, PacketState state)
    {
        if (match.Mode != RecentMode.Update || KeyOf(match, state) is not { } key)
            return;
        RecentEntry entry = Find(key, match, state);
        if (entry.Exists || (!match.Negated && !entry.IsAll))
            Write(key, entry with { Stamps = entry.Stamps + 1 }, state);
    }

    private static (string, InetAddress)? KeyOf(RecentMatch match, PacketState state)
    {
        InetAddress address = match.Side == PacketSide.Source ? state.Source : state.Destination;
        if (address.Family == IpFamily.None)
            return null;
        if (match.Mask.Family != address.Family)
            return (match.List, address);
        UInt128 masked = address.ToNumber() & match.Mask.ToNumber();
        return (match.List, address.Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)masked) : InetAddress.FromIPv6(masked));
    }

    private RecentEntry Find((string, InetAddress) key, RecentMatch match, PacketState state)
    {
        if (PacketMemory.TryFind(state.Memory, key, out object? value))
            return (RecentEntry)value!;
        if (clients is not null)
            return new RecentEntry(0, IsAll: true, 0, [.. clients.AgesOf(key.Item1, key.Item2)]);
        bool isFresh = packet.ClientIsFresh && packet.State is not (ConntrackStates.Established or ConntrackStates.Related)
            && match.Side == PacketSide.Source && match.Mask.Family == IpFamily.None && state.Source == packet.Source;
        return new RecentEntry(0, isFresh, 0, []);
    }

    private static void Write((string, InetAddress) key, RecentEntry entry, PacketState state) =>
        state.Memory = new PacketMemory(key, entry, state.Memory);

    private static Answer Unknown((string List, InetAddress Address) key, RecentMatch match, RecentEntry entry) => Answer.Unknown(
        new RecentClient(key.List, key.Address, match.Side == PacketSide.Source, match.Seconds, match.HitCount, match.Ttl, entry));
}

/// <summary>What is known of an entry in a list of the recent match.</summary>
/// <param name="Stamps">How often rules recorded this packet.</param>
/// <param name="IsAll">True when there are no other stamps than these and <paramref name="Ages"/>; with none at all there is no
/// entry.</param>
/// <param name="Version">Counts unknown changes.</param>
/// <param name="Ages">The age of each stamp that was read.</param>
internal sealed record RecentEntry(int Stamps, bool IsAll, int Version, EquatableArray<TimeSpan> Ages)
{
    internal bool Exists => Stamps > 0 || !Ages.IsEmpty;
}
