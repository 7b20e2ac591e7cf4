namespace Portolan.Inet;

/// <summary>The IP version of an address, a table or a service port.</summary>
public enum IpFamily : byte
{
    /// <summary>No family: the value of a default-initialised address.</summary>
    None = 0,

    /// <summary>IPv4, 4-byte addresses.</summary>
    IPv4 = 4,

    /// <summary>IPv6, 16-byte addresses.</summary>
    IPv6 = 6,
}
