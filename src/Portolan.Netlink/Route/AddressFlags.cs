namespace Portolan.Netlink.Route;

/// <summary>State of an address (linux/if_addr.h, IFA_F_*).</summary>
[Flags]
public enum AddressFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>IPv4: not the first of its network on the interface; IPv6: a temporary privacy address.</summary>
    Secondary = 0x01,

    /// <summary>Duplicate address detection is skipped.</summary>
    NoDuplicateDetection = 0x02,

    /// <summary>May be used before duplicate address detection has finished.</summary>
    Optimistic = 0x04,

    /// <summary>Duplicate address detection failed: the address is not in use.</summary>
    DuplicateDetected = 0x08,

    /// <summary>The home address of Mobile IPv6.</summary>
    Home = 0x10,

    /// <summary>Its preferred lifetime has expired: not used for new connections.</summary>
    Deprecated = 0x20,

    /// <summary>Duplicate address detection is in progress: not in use yet.</summary>
    Tentative = 0x40,

    /// <summary>Without a limited lifetime.</summary>
    Permanent = 0x80,

    /// <summary>Temporary addresses are derived from it.</summary>
    ManageTemporary = 0x100,

    /// <summary>Without a route for its prefix.</summary>
    NoPrefixRoute = 0x200,

    /// <summary>The multicast group is joined automatically.</summary>
    AutoJoin = 0x400,

    /// <summary>Its interface identifier is stable and opaque (RFC 7217).</summary>
    StablePrivacy = 0x800,
}
