namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>How a <see cref="NfNumberGenerator"/> counts (enum nft_ng_types).</summary>
public enum NfNumberGeneratorKind : uint
{
    /// <summary>One more for each packet.</summary>
    Incremental = 0,

    /// <summary>At random.</summary>
    Random = 1,
}
