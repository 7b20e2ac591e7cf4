using System.Collections.Immutable;
using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>What the kernel holds in one family's table beside the virtual servers.</summary>
internal sealed class SideTable
{
    /// <summary>The table; null if there is none.</summary>
    internal NfTable? Table { get; init; }

    /// <summary>Its sets, without elements.</summary>
    internal ImmutableArray<NfSet> Sets { get; init; } = [];

    /// <summary>Its chains, without handles.</summary>
    internal ImmutableArray<NfChain> Chains { get; init; } = [];

    /// <summary>Its rules by chain, in their order, without handles.</summary>
    internal ImmutableArray<NfRule> Rules { get; init; } = [];

    /// <summary>The elements of its sets.</summary>
    internal HashSet<SideElement> Elements { get; } = [];
}
