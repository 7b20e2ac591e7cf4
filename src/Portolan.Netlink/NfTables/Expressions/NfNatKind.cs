namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Whether the source or the destination of a connection is translated (enum nft_nat_types).</summary>
public enum NfNatKind : uint
{
    /// <summary>The source.</summary>
    Source = 0,

    /// <summary>The destination.</summary>
    Destination = 1,
}
