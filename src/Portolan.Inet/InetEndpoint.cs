using System.Globalization;

namespace Portolan.Inet;

/// <summary>An address and a transport port.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">The port in host byte order, 0 to 65535.</param>
public readonly record struct InetEndpoint(InetAddress Address, ushort Port) : IComparable<InetEndpoint>
{
    /// <summary>Reads "10.0.0.1:80" or "[fd00::1]:80".</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out InetEndpoint endpoint)
    {
        endpoint = default;
        int colon = text.LastIndexOf(':');
        if (colon < 0)
            return false;
        ReadOnlySpan<char> host = text[..colon];
        bool bracketed = host is ['[', .., ']'];
        if (bracketed)
            host = host[1..^1];
        if (!InetAddress.TryParse(host, out InetAddress address) || bracketed != (address.Family == IpFamily.IPv6)
            || !ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
            return false;
        endpoint = new(address, port);
        return true;
    }

    /// <summary>Orders by address, then by port.</summary>
    public int CompareTo(InetEndpoint other)
    {
        int byAddress = Address.CompareTo(other.Address);
        return byAddress != 0 ? byAddress : Port.CompareTo(other.Port);
    }

    /// <summary>"10.0.0.1:80" or "[fd00::1]:80".</summary>
    public override string ToString() => Address.Family == IpFamily.IPv6
        ? string.Create(CultureInfo.InvariantCulture, $"[{Address}]:{Port}")
        : string.Create(CultureInfo.InvariantCulture, $"{Address}:{Port}");

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator <(InetEndpoint left, InetEndpoint right) => left.CompareTo(right) < 0;

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator >(InetEndpoint left, InetEndpoint right) => left.CompareTo(right) > 0;

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator <=(InetEndpoint left, InetEndpoint right) => left.CompareTo(right) <= 0;

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator >=(InetEndpoint left, InetEndpoint right) => left.CompareTo(right) >= 0;
}
