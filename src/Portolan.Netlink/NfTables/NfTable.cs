using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.NfTables;

/// <summary>Flags of a table (enum nft_table_flags).</summary>
[Flags]
public enum NfTableFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The table's chains are not hooked: no packet sees them.</summary>
    Dormant = 1,

    /// <summary>The table belongs to the socket that created it and is deleted when it is closed, unless <see cref="Persist"/>.</summary>
    Owner = 2,

    /// <summary>An owned table stays when its owner exits (since Linux 6.9).</summary>
    Persist = 4,
}

/// <summary>A table: a namespace for chains and sets of one family.</summary>
/// <param name="Id">Family and name.</param>
public sealed record NfTable(NfTableId Id)
{
    /// <summary>The table's flags.</summary>
    public NfTableFlags Flags { get; init; }

    /// <summary>The comment nft shows: up to 128 bytes of UTF-8.</summary>
    public string? Comment { get; init; }

    /// <summary>Its handle in the kernel; 0 if not read from the kernel.</summary>
    public ulong Handle { get; init; }
}

/// <summary>The hook of a base chain (linux/netfilter.h, enum nf_inet_hooks; for the netdev family: 0 ingress, 1 egress).</summary>
public enum NfHookNumber : uint
{
    /// <summary>Packets from a device, before routing.</summary>
    Prerouting = 0,

    /// <summary>Packets for this host.</summary>
    Input = 1,

    /// <summary>Packets from a device for another host.</summary>
    Forward = 2,

    /// <summary>Packets of this host's processes.</summary>
    Output = 3,

    /// <summary>Packets that are about to leave through a device.</summary>
    Postrouting = 4,

    /// <summary>Packets from one device, before all other hooks (inet family).</summary>
    Ingress = 5,
}

/// <summary>What happens to a packet at the end of a base chain.</summary>
public enum NfPolicy : uint
{
    /// <summary>It is dropped.</summary>
    Drop = 0,

    /// <summary>It is accepted.</summary>
    Accept = 1,
}

/// <summary>What makes a chain a base chain.</summary>
/// <param name="Type">"filter", "nat" or "route".</param>
/// <param name="Number">The hook.</param>
/// <param name="Priority">Order among the base chains of a hook, lowest first: dstnat is -100, filter 0, srcnat 100.</param>
public sealed record NfHook(string Type, NfHookNumber Number, int Priority)
{
    /// <summary>What happens at the end of the chain.</summary>
    public NfPolicy Policy { get; init; } = NfPolicy.Accept;

    /// <summary>The device of an ingress hook; otherwise null.</summary>
    public string? Device { get; init; }
}

/// <summary>A chain of rules.</summary>
/// <param name="Table">The table it is in.</param>
/// <param name="Name">The name: 1 to 255 bytes of UTF-8.</param>
public sealed record NfChain(NfTableId Table, string Name)
{
    /// <summary>The hook of a base chain; null for a chain that is only jumped to.</summary>
    public NfHook? Hook { get; init; }

    /// <summary>The comment nft shows: up to 128 bytes of UTF-8.</summary>
    public string? Comment { get; init; }

    /// <summary>Its handle in the kernel; 0 if not read from the kernel.</summary>
    public ulong Handle { get; init; }

    /// <summary>Number of jumps and elements that refer to it, plus rules in it; 0 if not read from the kernel.</summary>
    public uint Use { get; init; }

    /// <summary>Packets and bytes the policy of a base chain was applied to, if the chain counts them.</summary>
    public NfCounter? Counter { get; init; }
}
