namespace Portolan.Netlink.NfTables;

/// <summary>
/// Type and length of a set's key or data. The number is nft's (its source, include/datatype.h, enum datatypes): the kernel stores it and
/// does not interpret it, except that 0xffffff00 means a verdict.
/// </summary>
/// <param name="Number">The type's number; a concatenation has six bits per field, the first field in the highest.</param>
/// <param name="Length">Bytes in the register; each field of a concatenation is padded to a multiple of 4.</param>
public readonly record struct NfDataType(uint Number, int Length)
{
    private const int BitsPerField = 6;
    private const uint VerdictNumber = 0xffffff00;
    private const int VerdictLength = 16;

    /// <summary>A verdict, as the data of a verdict map.</summary>
    public static NfDataType Verdict => new(VerdictNumber, VerdictLength);

    /// <summary>"ipv4_addr", 4 bytes in network byte order.</summary>
    public static NfDataType IPv4Address => new(7, 4);

    /// <summary>"ipv6_addr", 16 bytes in network byte order.</summary>
    public static NfDataType IPv6Address => new(8, 16);

    /// <summary>"ether_addr", 6 bytes.</summary>
    public static NfDataType EtherAddress => new(9, 6);

    /// <summary>"inet_proto", 1 byte.</summary>
    public static NfDataType InetProtocol => new(12, 1);

    /// <summary>"inet_service", a port: 2 bytes in network byte order.</summary>
    public static NfDataType InetService => new(13, 2);

    /// <summary>"mark", 4 bytes in host byte order.</summary>
    public static NfDataType Mark => new(19, 4);

    /// <summary>"iface_index", 4 bytes in host byte order.</summary>
    public static NfDataType InterfaceIndex => new(20, 4);

    /// <summary>"ifname", 16 bytes, padded with zeros.</summary>
    public static NfDataType InterfaceName => new(41, 16);

    /// <summary>"fib_addrtype", 4 bytes in host byte order.</summary>
    public static NfDataType AddressType => new(38, 4);

    /// <summary>True for <see cref="Verdict"/>.</summary>
    public bool IsVerdict => Number == VerdictNumber;

    /// <summary>"integer" of some bytes; the byte order is that of the expressions that produce it.</summary>
    public static NfDataType Integer(int length) => new(4, length);

    /// <summary>The address type of a family: "ipv4_addr" or "ipv6_addr".</summary>
    public static NfDataType Address(Inet.IpFamily family) => family == Inet.IpFamily.IPv4 ? IPv4Address : IPv6Address;

    /// <summary>Fields one after the other, each padded to a multiple of 4 bytes.</summary>
    public static NfDataType Concatenation(params ReadOnlySpan<NfDataType> fields)
    {
        uint number = 0;
        int length = 0;
        foreach (NfDataType field in fields)
        {
            number = (number << BitsPerField) | field.Number;
            length += (field.Length + 3) & -4;
        }
        return new NfDataType(number, length);
    }
}
