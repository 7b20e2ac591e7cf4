using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Something that the input does not show, with the packet's values it is about. Equal facts have the same answer for one packet;
/// equality is compiler-generated.
/// </summary>
internal abstract record Fact
{
    /// <summary>What is not known, in words that follow "unknown: ".</summary>
    internal abstract string Text { get; }

    /// <summary>
    /// The answer in words that follow "if": "it comes in via docker0". Null for facts without such words: the rule that needs
    /// them is named instead.
    /// </summary>
    internal virtual string? If(bool holds) => null;

    /// <summary>What one may add to the question so that this is known: an option of trace, or another input. Null for nothing.</summary>
    internal virtual string? SettledBy => null;

    /// <summary>Another input that shows interfaces.</summary>
    private protected const string RoutesInInput = "the outputs of 'ip route' and 'ip rule' beside the rules";
}

/// <summary>Whether an address is one of this node's.</summary>
internal sealed record LocalAddress(InetAddress Address) : Fact
{
    internal override string Text => $"whether {Address} is an address of this node";

    internal override string If(bool holds) => $"{Address} is {(holds ? "an" : "no")} address of this node";

    internal override string SettledBy => $"--local-address {Address} if it is one, or the output of 'ip addr' beside the rules";
}

/// <summary>Whether an address is one of the packet's interface, as a rule with this text requires.</summary>
internal sealed record AddressOfInterface(
    InetAddress Address, InterfaceDirection? Direction = null, AddressTypes Types = AddressTypes.None, FibKeys Keys = FibKeys.None) : Fact
{
    internal override string Text => $"whether {Address} belongs to the packet's interface";
}

/// <summary>The source that masquerading chose, as a condition uses it.</summary>
internal sealed record MasqueradedAddress(Match? Asked = null) : Fact
{
    internal override string Text => "the address that masquerading chose, which the input does not show";
}

/// <summary>The source that masquerading chose, looked up in a list of recent clients.</summary>
internal sealed record MasqueradedClient(string List) : Fact
{
    internal override string Text => "the address that masquerading chose, which the input does not show";
}

/// <summary>The source that masquerading chose, looked up in an ipset.</summary>
internal sealed record MasqueradedInIpSet(string Set) : Fact
{
    internal override string Text => "the address that masquerading chose";
}

/// <summary>The packet's port, compared with ranges.</summary>
internal sealed record PortOfSide(bool IsSource, EquatableArray<PortRange> Asked) : Fact
{
    internal override string Text => $"the packet's {(IsSource ? "source" : "destination")} port, which was not given";

    internal override string SettledBy => IsSource ? "--sport N" : "--dport N";
}

/// <summary>The packet's port itself.</summary>
internal sealed record PacketPort(PacketSide? Side = null) : Fact
{
    internal override string Text => "the packet's port, which was not given";

    internal override string SettledBy => Side switch
    {
        PacketSide.Source => "--sport N",
        PacketSide.Destination => "--dport N",
        _ => "--sport N and --dport N",
    };
}

/// <summary>
/// The packet's interface, compared with a name on the path to a destination; no name when the interface itself is needed.
/// </summary>
internal sealed record PacketInterface(InterfaceDirection Direction, string? Name = null, bool IsPrefix = false,
    InetAddress Destination = default) : Fact
{
    internal override string Text => Direction == InterfaceDirection.In
        ? "the interface the packet comes in on, which was not given"
        : "the interface the packet goes out on, which was not given";

    internal override string? If(bool holds) => Name is null ? null
        : $"it {(holds ? "" : "does not ")}{(Direction == InterfaceDirection.In ? "come" : "go")}{(holds ? "s" : "")} "
            .Replace("gos ", "goes ", StringComparison.Ordinal)
            + $"{(Direction == InterfaceDirection.In ? "in" : "out")} via {Name}{(IsPrefix ? "*" : "")}";

    internal override string SettledBy => $"{(Direction == InterfaceDirection.In ? "--in" : "--out")} IFACE, or {RoutesInInput}";
}

/// <summary>Whether a loopback address may be reached from outside through an interface (net.ipv4.conf.*.route_localnet).</summary>
internal sealed record LoopbackRoute(InetAddress Address) : Fact
{
    internal override string Text => $"whether route_localnet lets a packet from outside reach {Address}";

    internal override string If(bool holds) => $"route_localnet is {(holds ? "on" : "off")} for the interface it comes in on";
}

/// <summary>Whether a rule that appears to match every packet is limited to an interface, which the listing does not show.</summary>
internal sealed record HiddenInterface(RuleRef Place) : Fact
{
    internal override string Text =>
        $"whether {Place} is limited to an interface: the listing was made without -v, which hides that";

    internal override string If(bool holds) => holds ? $"{Place} is limited to no interface" : $"{Place} is limited to another interface";

    internal override string SettledBy => "the output of iptables-save, or of iptables -L with -v";
}

/// <summary>What happens to a packet that is marked to be dropped by a table that the input does not show.</summary>
internal sealed record MarkedToBeDropped(uint Mark) : Fact
{
    internal override string Text => $"the packet is marked 0x{Mark:x} to be dropped; the rule that drops such packets "
        + $"(chain {KubeProxyIptables.Firewall} of table filter, from the kubelet) is not in the input";

    internal override string SettledBy => "table filter beside the others";
}

/// <summary>The packet's interface, compared with one in an ipset.</summary>
internal sealed record InterfaceInIpSet(PacketSide Side, string Name) : Fact
{
    internal override string Text => "the packet's interface, which was not given";

    internal override string SettledBy => $"--in IFACE and --out IFACE, or {RoutesInInput}";
}

/// <summary>The packet's or the connection's mark, compared under a mask; without one when the mark itself is needed.</summary>
internal sealed record MarkBits(MarkKind Kind, uint Value = 0, uint Unknown = 0, uint Asked = 0, uint Mask = 0) : Fact
{
    internal override string Text => Kind == MarkKind.Packet
        ? "the packet's mark, which came from its connection or from a rule that the input does not show in full"
        : "the connection's mark, which the input does not show";
}

/// <summary>A field of the packet.</summary>
internal sealed record PacketFieldValue(PacketField Field) : Fact
{
    internal override string Text => $"the packet's '{Field}', which was not given";
}

/// <summary>Whether the segment has a TCP option.</summary>
internal sealed record TcpOptionPresence(byte Option) : Fact
{
    internal override string Text => $"whether the segment has TCP option {Option}";
}

/// <summary>Whether the user or group that sends the packet is in a range.</summary>
internal sealed record SenderInRange(OwnerKind Kind, uint First, uint Last) : Fact
{
    internal override string Text => $"which {(Kind == OwnerKind.User ? "user" : "group")} sends the packet";

    internal override string SettledBy => Kind == OwnerKind.User ? "--uid N" : "--gid N";
}

/// <summary>The user or group that sends the packet.</summary>
internal sealed record Sender(PacketField Field) : Fact
{
    internal override string Text => "who on this node sends the packet";
}

/// <summary>What conntrack remembers of the connection.</summary>
/// <param name="Topic">What is needed.</param>
/// <param name="Match">The condition that needs it, for <see cref="HistoryTopic.Match"/>.</param>
/// <param name="Selector">The field, for <see cref="HistoryTopic.Field"/>.</param>
internal sealed record ConnectionHistory(HistoryTopic Topic, Match? Match = null, SelectorExpression? Selector = null) : Fact
{
    internal override string Text => "what conntrack remembers of the connection, which the input does not show";
}

/// <summary>What is needed of a connection's history.</summary>
internal enum HistoryTopic : byte
{
    /// <summary>Whether it was translated.</summary>
    Status,

    /// <summary>Its mark.</summary>
    Mark,

    /// <summary>A condition of iptables.</summary>
    Match,

    /// <summary>A field of nft.</summary>
    Field,
}

/// <summary>When the connection's entry expires.</summary>
internal sealed record EntryLifetime : Fact
{
    internal override string Text => "when the connection's entry expires";
}

/// <summary>What a limit has seen before.</summary>
internal sealed record LimitHistory(RuleRef Place) : Fact
{
    internal override string Text => $"how many packets the limit at {Place} has seen";
}

/// <summary>What the limit of a set's element has seen before.</summary>
internal sealed record SetLimitHistory(RuleRef Place, string Set) : Fact
{
    internal override string Text => $"how much the limit kept in set '{Set}' has seen";
}

/// <summary>Whether the client is in a list of the recent match.</summary>
/// <param name="List">The list.</param>
/// <param name="Address">The address that is looked up.</param>
/// <param name="IsClient">True for the packet's source.</param>
/// <param name="Seconds">Seen within this many seconds; null for any time.</param>
/// <param name="HitCount">Seen this often; null for once.</param>
/// <param name="Ttl">True when the TTL has to be the same.</param>
/// <param name="Known">What is known of the entry.</param>
internal sealed record RecentClient(string List, InetAddress Address, bool IsClient, uint? Seconds, uint? HitCount, bool Ttl,
    RecentEntry Known) : Fact
{
    internal override string Text =>
        $"whether {(IsClient ? "the client" : Address)} is in the list '{List}' of the recent match, which no dump shows";
}

/// <summary>What the omitted rules do that come before the rule of a chain with this index.</summary>
internal sealed record RulesLeftOut(Chain Chain, int Index) : Fact
{
    internal override string Text =>
        $"the input leaves out rules of chain {Chain.Name} {(Index < Chain.Rules.Length ? $"before rule {Index + 1}" : "at the end")}; " +
        "one of them may match";

    internal override string SettledBy => $"all rules of chain {Chain.Name}";
}
