using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Portolan.Inet;

/// <summary>
/// An IPv4 or IPv6 address as a value: 24 bytes, no allocation. The default value has no family and is not an address.
/// </summary>
/// <remarks>
/// Inside Portolan this replaces <see cref="IPAddress"/>, which allocates 40 to 80 bytes each and reads "010.0.0.1" as 8.0.0.1
/// where Kubernetes (netutils.ParseIPSloppy) reads 10.0.0.1. An IPv4-mapped IPv6 address stays IPv6. There are no scope ids.
/// </remarks>
public readonly struct InetAddress : IEquatable<InetAddress>, IComparable<InetAddress>, ISpanFormattable
{
    // The address as a big-endian number: IPv4 in the low 32 bits of _low, IPv6 in both words.
    private readonly ulong _high;
    private readonly ulong _low;

    private InetAddress(ulong high, ulong low, IpFamily family)
    {
        _high = high;
        _low = low;
        Family = family;
    }

    /// <summary>The address's family; <see cref="IpFamily.None"/> for the default value.</summary>
    public IpFamily Family { get; }

    /// <summary>Length in bytes: 4, 16, or 0 for the default value.</summary>
    public int Length => LengthOf(Family);

    /// <summary>True for the addresses 0.0.0.0 and ::.</summary>
    public bool IsUnspecified => Family != IpFamily.None && _high == 0 && _low == 0;

    /// <summary>True for 127.0.0.0/8 and ::1.</summary>
    public bool IsLoopback => Family == IpFamily.IPv4 ? _low >> 24 == 127 : Family == IpFamily.IPv6 && _high == 0 && _low == 1;

    /// <summary>True for 169.254.0.0/16 and fe80::/10.</summary>
    public bool IsLinkLocal => Family == IpFamily.IPv4 ? _low >> 16 == 0xa9fe : Family == IpFamily.IPv6 && _high >> 54 == 0xfe80 >> 6;

    /// <summary>True for 224.0.0.0/4 and ff00::/8.</summary>
    public bool IsMulticast => Family == IpFamily.IPv4 ? _low >> 28 == 0xe : Family == IpFamily.IPv6 && _high >> 56 == 0xff;

    /// <summary>The unspecified address of a family: 0.0.0.0 or ::.</summary>
    public static InetAddress Unspecified(IpFamily family) => new(0, 0, family);

    /// <summary>An IPv4 address from its number in host byte order (10.0.0.1 is 0x0a000001).</summary>
    public static InetAddress FromIPv4(uint hostOrder) => new(0, hostOrder, IpFamily.IPv4);

    /// <summary>An IPv6 address from its number in host byte order.</summary>
    public static InetAddress FromIPv6(UInt128 hostOrder) => new((ulong)(hostOrder >> 64), (ulong)hostOrder, IpFamily.IPv6);

    /// <summary>Reads an address in network byte order.</summary>
    /// <returns>False if <paramref name="bytes"/> has neither 4 nor 16 bytes.</returns>
    public static bool TryFromBytes(ReadOnlySpan<byte> bytes, out InetAddress address)
    {
        address = bytes.Length switch
        {
            4 => new(0, BinaryPrimitives.ReadUInt32BigEndian(bytes), IpFamily.IPv4),
            16 => new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]), IpFamily.IPv6),
            _ => default,
        };
        return address.Family != IpFamily.None;
    }

    /// <summary>The address of a <see cref="IPAddress"/>; its scope id is lost.</summary>
    public static InetAddress From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int written);
        TryFromBytes(bytes[..written], out InetAddress result);
        return result;
    }

    /// <summary>The number of bytes of an address of a family: 4, 16, or 0.</summary>
    public static int LengthOf(IpFamily family) => family switch { IpFamily.IPv4 => 4, IpFamily.IPv6 => 16, _ => 0 };

    /// <summary>
    /// Parses an address as Kubernetes does (netutils.ParseIPSloppy): IPv4 as four decimal numbers, leading zeros allowed and ignored;
    /// IPv6 as RFC 4291, without a scope id. White space is not accepted.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out InetAddress address)
    {
        if (!text.Contains(':'))
            return TryParseIPv4(text, out address);
        address = default;
        // IPAddress accepts brackets, ports and scope ids; none of them belongs to an address here.
        if (text.ContainsAny('%', '[', ']') || !IPAddress.TryParse(text, out IPAddress? parsed)
            || parsed.AddressFamily != AddressFamily.InterNetworkV6)
            return false;
        address = From(parsed);
        return true;
    }

    /// <summary>Parses an address known to be valid, for constants and tests.</summary>
    /// <exception cref="FormatException">The text is not an address.</exception>
    public static InetAddress Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out InetAddress address) ? address : throw new FormatException($"'{text}' is not an IP address.");

    /// <summary>Writes the address in network byte order; returns the number of bytes, 4 or 16.</summary>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    public int WriteBytes(Span<byte> destination)
    {
        if (destination.Length < Length)
            throw new ArgumentException("The destination is shorter than the address.", nameof(destination));
        if (Family == IpFamily.IPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
        }
        else if (Family == IpFamily.IPv6)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
            BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
        }
        return Length;
    }

    /// <summary>The address as a number in host byte order; an IPv4 address is below 2^32.</summary>
    public UInt128 ToNumber() => new(_high, _low);

    /// <summary>The same address as <see cref="IPAddress"/>.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        return new IPAddress(bytes[..WriteBytes(bytes)]);
    }

    /// <inheritdoc/>
    public bool Equals(InetAddress other) => _low == other._low && _high == other._high && Family == other.Family;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is InetAddress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_high, _low, (byte)Family);

    /// <summary>Orders IPv4 before IPv6, and by number within a family.</summary>
    public int CompareTo(InetAddress other)
    {
        int byFamily = ((byte)Family).CompareTo((byte)other.Family); // Enum.CompareTo boxes.
        if (byFamily != 0)
            return byFamily;
        int byHigh = _high.CompareTo(other._high);
        return byHigh != 0 ? byHigh : _low.CompareTo(other._low);
    }

    /// <summary>The canonical text: dotted decimal, or RFC 5952; empty for the default value.</summary>
    public override string ToString()
    {
        Span<char> text = stackalloc char[64];
        return TryFormat(text, out int written) ? new string(text[..written]) : string.Empty;
    }

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToString();

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format = default,
        IFormatProvider? provider = null)
    {
        charsWritten = 0;
        return Family switch
        {
            IpFamily.IPv4 => destination.TryWrite(CultureInfo.InvariantCulture,
                $"{(byte)(_low >> 24)}.{(byte)(_low >> 16)}.{(byte)(_low >> 8)}.{(byte)_low}", out charsWritten),
            IpFamily.IPv6 => ToIPAddress().TryFormat(destination, out charsWritten),
            _ => true,
        };
    }

    /// <summary>Equality of family and bits.</summary>
    public static bool operator ==(InetAddress left, InetAddress right) => left.Equals(right);

    /// <summary>Inequality of family or bits.</summary>
    public static bool operator !=(InetAddress left, InetAddress right) => !left.Equals(right);

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator <(InetAddress left, InetAddress right) => left.CompareTo(right) < 0;

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator >(InetAddress left, InetAddress right) => left.CompareTo(right) > 0;

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator <=(InetAddress left, InetAddress right) => left.CompareTo(right) <= 0;

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator >=(InetAddress left, InetAddress right) => left.CompareTo(right) >= 0;

    private static bool TryParseIPv4(ReadOnlySpan<char> text, out InetAddress address)
    {
        address = default;
        uint value = 0;
        int octets = 0;
        foreach (Range part in text.Split('.'))
        {
            ReadOnlySpan<char> digits = text[part];
            if (++octets > 4 || digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')
                || !byte.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out byte octet))
                return false;
            value = (value << 8) | octet;
        }
        if (octets != 4)
            return false;
        address = FromIPv4(value);
        return true;
    }
}
