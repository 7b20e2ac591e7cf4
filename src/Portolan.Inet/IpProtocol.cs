namespace Portolan.Inet;

/// <summary>Transport protocols, with their numbers in the IP header (IANA protocol numbers).</summary>
public enum IpProtocol : byte
{
    /// <summary>No protocol: the value of a default-initialised field.</summary>
    None = 0,

    /// <summary>ICMP for IPv4.</summary>
    Icmp = 1,

    /// <summary>Transmission Control Protocol.</summary>
    Tcp = 6,

    /// <summary>User Datagram Protocol.</summary>
    Udp = 17,

    /// <summary>ICMP for IPv6.</summary>
    IcmpV6 = 58,

    /// <summary>Stream Control Transmission Protocol.</summary>
    Sctp = 132,
}

/// <summary>Names of <see cref="IpProtocol"/> values as used in rules and in Kubernetes objects.</summary>
public static class IpProtocols
{
    /// <summary>The lower-case name used in rules and service port names ("tcp"); the number for an unnamed protocol.</summary>
    public static string ToRuleText(this IpProtocol protocol) => protocol switch
    {
        IpProtocol.Tcp => "tcp",
        IpProtocol.Udp => "udp",
        IpProtocol.Sctp => "sctp",
        IpProtocol.Icmp => "icmp",
        IpProtocol.IcmpV6 => "icmpv6",
        _ => ((byte)protocol).ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <summary>Reads a protocol name in any case ("TCP", "ipv6-icmp") or a decimal protocol number from 1 to 255.</summary>
    /// <returns>False if the text is neither.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out IpProtocol protocol)
    {
        protocol = text switch
        {
            _ when text.Equals("tcp", StringComparison.OrdinalIgnoreCase) => IpProtocol.Tcp,
            _ when text.Equals("udp", StringComparison.OrdinalIgnoreCase) => IpProtocol.Udp,
            _ when text.Equals("sctp", StringComparison.OrdinalIgnoreCase) => IpProtocol.Sctp,
            _ when text.Equals("icmp", StringComparison.OrdinalIgnoreCase) => IpProtocol.Icmp,
            _ when text.Equals("icmpv6", StringComparison.OrdinalIgnoreCase) => IpProtocol.IcmpV6,
            _ when text.Equals("ipv6-icmp", StringComparison.OrdinalIgnoreCase) => IpProtocol.IcmpV6,
            _ => IpProtocol.None,
        };
        if (protocol != IpProtocol.None)
            return true;
        if (!byte.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture,
            out byte number))
            return false;
        protocol = (IpProtocol)number;
        return number != 0;
    }
}
