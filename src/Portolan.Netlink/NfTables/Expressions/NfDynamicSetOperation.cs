namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>What a rule does to an element of a set (enum nft_dynset_ops).</summary>
public enum NfDynamicSetOperation : uint
{
    /// <summary>Adds it; an existing one is not changed.</summary>
    Add = 0,

    /// <summary>Adds it, or restarts the timeout of an existing one.</summary>
    Update = 1,

    /// <summary>Removes it.</summary>
    Delete = 2,
}
