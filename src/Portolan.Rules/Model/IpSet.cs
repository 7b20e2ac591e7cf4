using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Rules.Model;

/// <summary>A set of ipset (not of nf_tables).</summary>
public sealed class IpSet
{
    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The type as ipset names it: "hash:ip,port".</summary>
    public required string Type { get; init; }

    /// <summary>What an entry consists of, from the type's name.</summary>
    public required EquatableArray<IpSetDimension> Dimensions { get; init; }

    /// <summary>The family of the addresses.</summary>
    public IpFamily Family { get; init; } = IpFamily.IPv4;

    /// <summary>
    /// hash:ip and bitmap:ip with a netmask: addresses are masked to this many bits before the lookup; null otherwise.
    /// </summary>
    public byte? NetMask { get; init; }

    /// <summary>Default timeout of entries; null for no expiry, or when the set has no timeouts.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The entries in the order of the input.</summary>
    public ImmutableArray<IpSetEntry> Entries { get; init; } = [];

    /// <summary>True when entries are missing because the input is cut off or could not be read.</summary>
    public bool IsIncomplete { get; init; }

    /// <summary>Where the set is declared.</summary>
    public SourceSpan Source { get; init; }
}

/// <summary>What one part of an entry is, from the type's name.</summary>
public enum IpSetDimension : byte
{
    /// <summary>"ip": an address.</summary>
    Ip,

    /// <summary>"net": a prefix.</summary>
    Net,

    /// <summary>"port": protocol and port.</summary>
    Port,

    /// <summary>"iface": an interface.</summary>
    Interface,

    /// <summary>"mac": an Ethernet address.</summary>
    Mac,

    /// <summary>"mark": a packet mark.</summary>
    Mark,

    /// <summary>"set": another set (list:set).</summary>
    Set,
}

/// <summary>An entry of an ipset.</summary>
/// <param name="Parts">One value for each dimension.</param>
/// <param name="NoMatch">True for an exception: packets in it are not in the set.</param>
/// <param name="Timeout">The entry's remaining lifetime, or null.</param>
/// <param name="Comment">The entry's comment, or null.</param>
public sealed record IpSetEntry(EquatableArray<IpSetPart> Parts, bool NoMatch = false, TimeSpan? Timeout = null, string? Comment = null);

/// <summary>One part of an entry.</summary>
public abstract record IpSetPart;

/// <summary>Addresses: one, a prefix or a range.</summary>
/// <param name="First">First address.</param>
/// <param name="Last">Last address, inclusive.</param>
public sealed record IpSetAddress(InetAddress First, InetAddress Last) : IpSetPart;

/// <summary>Protocol and ports. For ICMP the port is type * 256 + code.</summary>
/// <param name="Protocol">The protocol; <see cref="IpProtocol.None"/> in a bitmap:port set, which has none.</param>
/// <param name="First">First port.</param>
/// <param name="Last">Last port, inclusive.</param>
public sealed record IpSetPort(IpProtocol Protocol, ushort First, ushort Last) : IpSetPart;

/// <summary>An interface.</summary>
/// <param name="Name">The name.</param>
/// <param name="IsPhysdev">True for a bridge port ("physdev:eth0").</param>
/// <param name="IsPrefix">True when the entry holds all names with this prefix ("wildcard").</param>
public sealed record IpSetInterface(string Name, bool IsPhysdev = false, bool IsPrefix = false) : IpSetPart;

/// <summary>An Ethernet address.</summary>
/// <param name="Address">The address as a number of 48 bits, first byte highest.</param>
public sealed record IpSetMac(ulong Address) : IpSetPart;

/// <summary>A packet mark.</summary>
/// <param name="Value">The mark.</param>
public sealed record IpSetMark(uint Value) : IpSetPart;

/// <summary>Another set.</summary>
/// <param name="Name">Its name.</param>
public sealed record IpSetMember(string Name) : IpSetPart;
