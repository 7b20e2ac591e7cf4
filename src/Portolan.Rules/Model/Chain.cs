using System.Collections.Immutable;

namespace Portolan.Rules.Model;

/// <summary>A chain of rules: attached to a hook, or reached by jumps.</summary>
public sealed class Chain
{
    /// <summary>The chain's name.</summary>
    public required string Name { get; init; }

    /// <summary>Where the chain is attached; null for a chain that is only reached by jumps.</summary>
    public BaseChain? Base { get; init; }

    /// <summary>The rules in order.</summary>
    public ImmutableArray<Rule> Rules { get; init; } = [];

    /// <summary>
    /// Places where the input leaves out an unknown number of rules: each number is the index of the rule before which something is
    /// missing; <c>Rules.Length</c> means after the last one. A listing's "......" makes one.
    /// </summary>
    public EquatableArray<int> Gaps { get; init; }

    /// <summary>How many rules refer to the chain according to a listing ("(2 references)"); null when not shown.</summary>
    public int? DeclaredReferences { get; init; }

    /// <summary>Packets and bytes that the policy decided about; null when not shown or for a chain without policy.</summary>
    public Counters? PolicyCounters { get; init; }

    /// <summary>The chain's own comment (nf_tables), or null.</summary>
    public string? Comment { get; init; }

    /// <summary>Where the chain is declared.</summary>
    public SourceSpan Source { get; init; }
}

/// <summary>A chain's place in the kernel's packet path.</summary>
/// <param name="Type">What the chain may do.</param>
/// <param name="Hook">Where it is called.</param>
/// <param name="Priority">
/// Order among the chains of a hook, lowest first. iptables tables: raw -300, mangle -150, nat -100 (PREROUTING, OUTPUT) or 100
/// (INPUT, POSTROUTING), filter 0, security 50 (linux/netfilter_ipv4.h), though iptables-nft hooks the last one in at 150.
/// </param>
/// <param name="Policy">The verdict at the end of the chain: accept or drop.</param>
/// <param name="Devices">The devices of an ingress or egress chain.</param>
public sealed record BaseChain(ChainType Type, Hook Hook, int Priority, VerdictKind Policy, EquatableArray<string> Devices = default);

/// <summary>The type of a base chain, nft(8).</summary>
public enum ChainType : byte
{
    /// <summary>Filters; may be at any hook.</summary>
    Filter,

    /// <summary>Sees only the first packet of each connection and translates addresses.</summary>
    Nat,

    /// <summary>
    /// At the output hook: the packet is routed again when its mark or addresses changed. iptables' mangle OUTPUT is one.
    /// </summary>
    Route,
}

/// <summary>The hooks of the kernel's packet path, linux/netfilter.h.</summary>
public enum Hook : byte
{
    /// <summary>Before the routing decision, for packets that arrive.</summary>
    Prerouting,

    /// <summary>For packets to this node.</summary>
    Input,

    /// <summary>For packets that pass through this node.</summary>
    Forward,

    /// <summary>For packets this node sends, after the first routing decision.</summary>
    Output,

    /// <summary>For all packets that leave.</summary>
    Postrouting,

    /// <summary>At a device's receive path, before everything else.</summary>
    Ingress,

    /// <summary>At a device's transmit path, after everything else.</summary>
    Egress,
}

/// <summary>Counters of a rule, element or policy.</summary>
/// <param name="Packets">Number of packets. Listings without -x round large numbers ("12M").</param>
/// <param name="Bytes">Number of bytes.</param>
public readonly record struct Counters(ulong Packets, ulong Bytes);
