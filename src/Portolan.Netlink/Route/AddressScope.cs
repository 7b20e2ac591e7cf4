namespace Portolan.Netlink.Route;

/// <summary>The scope of an address (linux/rtnetlink.h, enum rt_scope_t). Numbers in between are user-defined.</summary>
public enum AddressScope : byte
{
    /// <summary>Everywhere.</summary>
    Universe = 0,

    /// <summary>In this site.</summary>
    Site = 200,

    /// <summary>On this link.</summary>
    Link = 253,

    /// <summary>On this host.</summary>
    Host = 254,

    /// <summary>Nowhere.</summary>
    Nowhere = 255,
}
