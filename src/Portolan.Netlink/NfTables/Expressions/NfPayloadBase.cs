namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>The header an offset counts from (enum nft_payload_bases).</summary>
public enum NfPayloadBase : uint
{
    /// <summary>The link layer header.</summary>
    Link = 0,

    /// <summary>The IP header.</summary>
    Network = 1,

    /// <summary>The TCP, UDP, SCTP, ... header.</summary>
    Transport = 2,

    /// <summary>What follows the transport header.</summary>
    Inner = 3,

    /// <summary>The header of a tunnel.</summary>
    Tunnel = 4,
}
