using System.Collections.Immutable;

namespace Portolan.Rules.Model;

/// <summary>A named set or map of an nf_tables table.</summary>
public sealed class NamedSet
{
    /// <summary>The name, without "@".</summary>
    public required string Name { get; init; }

    /// <summary>The types of the key; more than one for a concatenation.</summary>
    public required EquatableArray<DataType> KeyTypes { get; init; }

    /// <summary>
    /// The types of the data of a map: <see cref="DataType.Verdict"/> alone for a verdict map, more than one for a concatenation.
    /// Empty for a set.
    /// </summary>
    public EquatableArray<DataType> DataTypes { get; init; }

    /// <summary>The set's properties.</summary>
    public SetFlags Flags { get; init; }

    /// <summary>Default timeout of elements; null for no expiry.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The maximum number of elements; null when not limited or not shown.</summary>
    public uint? Size { get; init; }

    /// <summary>The set's comment, or null.</summary>
    public string? Comment { get; init; }

    /// <summary>The elements in the order of the input.</summary>
    public ImmutableArray<SetElement> Elements { get; init; } = [];

    /// <summary>True when elements are missing because the input is cut off or could not be read.</summary>
    public bool IsIncomplete { get; init; }

    /// <summary>Where the set is declared.</summary>
    public SourceSpan Source { get; init; }

    /// <summary>True for a map, false for a set.</summary>
    public bool IsMap => !DataTypes.IsEmpty;
}

/// <summary>An element of a set or map.</summary>
/// <param name="Key">
/// An <see cref="AddressValue"/>, <see cref="NumberValue"/>, <see cref="PrefixValue"/>, <see cref="RangeValue"/>, <see cref="NameValue"/>,
/// a <see cref="ConcatExpression"/> of such, or <see cref="CatchAllValue"/>.
/// </param>
/// <param name="Data">A map's data, with the same kinds of value or a <see cref="VerdictValue"/>; null in a set.</param>
/// <param name="Comment">The element's comment, or null.</param>
/// <param name="Timeout">The element's own timeout, or null.</param>
/// <param name="Expires">The element's remaining lifetime when the input was made, or null.</param>
public sealed record SetElement(
    Expression Key, Expression? Data = null, string? Comment = null, TimeSpan? Timeout = null, TimeSpan? Expires = null);

/// <summary>Properties of a set, NFT_SET_* of linux/netfilter/nf_tables.h.</summary>
[Flags]
public enum SetFlags : byte
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>Elements do not change while the set is in use.</summary>
    Constant = 1,

    /// <summary>Elements may be ranges and prefixes.</summary>
    Interval = 2,

    /// <summary>Elements may have a timeout.</summary>
    Timeout = 4,

    /// <summary>Rules may add and remove elements. nft's JSON of old versions does not show it.</summary>
    Dynamic = 8,
}

/// <summary>The types of nf_tables' keys and data, as nft(8) names them.</summary>
public enum DataType : byte
{
    /// <summary>An unmodelled type; values are kept as text.</summary>
    Unknown,

    /// <summary>A number.</summary>
    Integer,

    /// <summary>ipv4_addr.</summary>
    Ipv4Address,

    /// <summary>ipv6_addr.</summary>
    Ipv6Address,

    /// <summary>ether_addr: a number of 48 bits.</summary>
    EtherAddress,

    /// <summary>ether_type.</summary>
    EtherType,

    /// <summary>inet_proto: the number of a transport protocol.</summary>
    InetProtocol,

    /// <summary>inet_service: a port.</summary>
    InetService,

    /// <summary>mark.</summary>
    Mark,

    /// <summary>ifname: an interface's name.</summary>
    InterfaceName,

    /// <summary>iface_index: an interface's index; printed by name.</summary>
    InterfaceIndex,

    /// <summary>iface_type.</summary>
    InterfaceType,

    /// <summary>devgroup.</summary>
    InterfaceGroup,

    /// <summary>ct_state: bits, see <see cref="ConntrackStates"/>.</summary>
    ConntrackState,

    /// <summary>ct_status: bits, see <see cref="ConntrackStatuses"/>.</summary>
    ConntrackStatus,

    /// <summary>ct_dir: 0 original, 1 reply.</summary>
    ConntrackDirection,

    /// <summary>ct_label.</summary>
    ConntrackLabel,

    /// <summary>fib_addrtype: RTN_* numbers.</summary>
    AddressType,

    /// <summary>icmp_type.</summary>
    IcmpType,

    /// <summary>icmpv6_type.</summary>
    Icmpv6Type,

    /// <summary>icmp_code.</summary>
    IcmpCode,

    /// <summary>icmpv6_code.</summary>
    Icmpv6Code,

    /// <summary>nf_proto: the family of the packet, 2 IPv4, 10 IPv6.</summary>
    NetfilterProtocol,

    /// <summary>tcp_flag: bits, see <see cref="TcpFlags"/>.</summary>
    TcpFlag,

    /// <summary>pkt_type: 0 host, 1 broadcast, 2 multicast, 3 other host.</summary>
    PacketType,

    /// <summary>dscp.</summary>
    Dscp,

    /// <summary>classid: a class of traffic control, as meta priority holds it; major number * 65536 + minor.</summary>
    TrafficClass,

    /// <summary>uid and gid.</summary>
    UserOrGroup,

    /// <summary>realm.</summary>
    Realm,

    /// <summary>A length of time, in milliseconds.</summary>
    Time,

    /// <summary>0 or 1 (exists, missing).</summary>
    Boolean,

    /// <summary>A text.</summary>
    Text,

    /// <summary>A verdict: the data of verdict maps.</summary>
    Verdict,
}
