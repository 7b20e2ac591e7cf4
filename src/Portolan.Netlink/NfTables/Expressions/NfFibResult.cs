namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>The result of a routing table look-up (enum nft_fib_result).</summary>
public enum NfFibResult : uint
{
    /// <summary>Index of the output interface, host byte order.</summary>
    OutputInterface = 1,

    /// <summary>Name of the output interface, 16 bytes.</summary>
    OutputInterfaceName = 2,

    /// <summary>Type of the address (RTN_*, linux/rtnetlink.h), host byte order: 1 unicast, 2 local.</summary>
    AddressType = 3,
}
