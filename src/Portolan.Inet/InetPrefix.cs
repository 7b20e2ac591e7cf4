using System.Globalization;

namespace Portolan.Inet;

/// <summary>A range of addresses that share their first <paramref name="Length"/> bits (CIDR).</summary>
/// <param name="Address">The first address: bits after the prefix are zero if created by <see cref="TryParse"/> or <see
/// cref="Of"/>.</param>
/// <param name="Length">Number of fixed leading bits: 0 to 32 for IPv4, 0 to 128 for IPv6.</param>
public readonly record struct InetPrefix(InetAddress Address, byte Length)
{
    /// <summary>The family of the addresses in the range.</summary>
    public IpFamily Family => Address.Family;

    /// <summary>The last address of the range.</summary>
    public InetAddress Last
    {
        get
        {
            UInt128 number = Address.ToNumber() | HostMask(Family, Length);
            return Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)number) : InetAddress.FromIPv6(number);
        }
    }

    /// <summary>The range of one address: /32 or /128.</summary>
    public static InetPrefix Host(InetAddress address) => new(address, (byte)(address.Length * 8));

    /// <summary>The range of the given length that contains the address.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length does not fit the family.</exception>
    public static InetPrefix Of(InetAddress address, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, address.Length * 8);
        UInt128 number = address.ToNumber() & ~HostMask(address.Family, length);
        return new(address.Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)number) : InetAddress.FromIPv6(number), (byte)length);
    }

    /// <summary>
    /// Parses "10.0.0.0/8" as Kubernetes does (netutils.ParseCIDRSloppy): the address as <see cref="InetAddress.TryParse"/>, bits after the
    /// prefix are cleared. A missing length is an error.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out InetPrefix prefix)
    {
        prefix = default;
        int slash = text.IndexOf('/');
        if (slash < 0 || !InetAddress.TryParse(text[..slash], out InetAddress address)
            || !byte.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out byte length)
            || length > address.Length * 8)
            return false;
        prefix = Of(address, length);
        return true;
    }

    /// <summary>Parses a prefix known to be valid, for constants and tests.</summary>
    /// <exception cref="FormatException">The text is not a prefix.</exception>
    public static InetPrefix Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out InetPrefix prefix) ? prefix : throw new FormatException($"'{text}' is not an address range in CIDR notation.");

    /// <summary>True when the address is of the same family and inside the range.</summary>
    public bool Contains(InetAddress address) =>
        address.Family == Family && ((address.ToNumber() ^ Address.ToNumber()) & ~HostMask(Family, Length)) == 0;

    /// <summary>CIDR notation.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}/{Length}");

    private static UInt128 HostMask(IpFamily family, int length)
    {
        int hostBits = InetAddress.LengthOf(family) * 8 - length;
        return hostBits == 128 ? UInt128.MaxValue : (UInt128.One << hostBits) - 1;
    }
}
