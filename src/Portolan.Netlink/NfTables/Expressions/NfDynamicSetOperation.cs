namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>What a rule does to an element of a set (enum nft_dynset_ops).</summary>
public enum NfDynamicSetOperation : uint
{
    /// <summary>Adds it; one that exists stays as it is.</summary>
    Add = 0,

    /// <summary>Adds it, or starts the timeout of one that exists anew.</summary>
    Update = 1,

    /// <summary>Removes it.</summary>
    Delete = 2,
}
