namespace Portolan.Netlink.NfTables;

/// <summary>What happens to a packet next (linux/netfilter/nf_tables.h, enum nft_verdicts, and linux/netfilter.h, NF_*).</summary>
public enum NfVerdictCode
{
    /// <summary>The packet is dropped.</summary>
    Drop = 0,

    /// <summary>The packet is accepted by this base chain; later base chains of the hook still see it.</summary>
    Accept = 1,

    /// <summary>The packet is queued to user space.</summary>
    Queue = 3,

    /// <summary>The next expression of the rule.</summary>
    Continue = -1,

    /// <summary>The next rule.</summary>
    Break = -2,

    /// <summary>Another chain, which returns here.</summary>
    Jump = -3,

    /// <summary>Another chain, which returns to the chain that jumped here.</summary>
    Goto = -4,

    /// <summary>Back to the chain that jumped here; in a base chain, its policy.</summary>
    Return = -5,
}
