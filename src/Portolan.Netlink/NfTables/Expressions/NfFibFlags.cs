namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>The fields a routing table look-up uses (enum nft_fib_flags).</summary>
[Flags]
public enum NfFibFlags : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The source address.</summary>
    Source = 1,

    /// <summary>The destination address.</summary>
    Destination = 2,

    /// <summary>The packet mark.</summary>
    Mark = 4,

    /// <summary>The input interface.</summary>
    InputInterface = 8,

    /// <summary>The output interface.</summary>
    OutputInterface = 16,

    /// <summary>Only whether there is a result: 1 byte, 1 or 0.</summary>
    Present = 32,
}
