using System.Globalization;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Reading;

/// <summary>Numbers and addresses as iptables, nft, ipset and ip print them.</summary>
internal static class Scalar
{
    /// <summary>A decimal or 0x number.</summary>
    public static bool TryNumber(ReadOnlySpan<char> text, out ulong value) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    /// <inheritdoc cref="TryNumber(ReadOnlySpan{char}, out ulong)"/>
    public static bool TryUInt32(ReadOnlySpan<char> text, out uint value)
    {
        bool good = TryNumber(text, out ulong number) && number <= uint.MaxValue;
        value = good ? (uint)number : 0;
        return good;
    }

    /// <summary>A decimal number of at most 16 bits.</summary>
    public static bool TryUInt16(ReadOnlySpan<char> text, out ushort value) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    /// <summary>"value" or "value/mask".</summary>
    public static bool TryMasked(ReadOnlySpan<char> text, out uint value, out uint mask)
    {
        mask = uint.MaxValue;
        int slash = text.IndexOf('/');
        return slash < 0
            ? TryUInt32(text, out value)
            : TryUInt32(text[..slash], out value) & TryUInt32(text[(slash + 1)..], out mask);
    }

    /// <summary>"low" or "low-high" (any separator).</summary>
    public static bool TryRange(ReadOnlySpan<char> text, char separator, out uint first, out uint last)
    {
        int dash = text.IndexOf(separator);
        if (dash < 0)
        {
            bool good = TryUInt32(text, out first);
            last = first;
            return good;
        }
        last = 0;
        return TryUInt32(text[..dash], out first) && TryUInt32(text[(dash + 1)..], out last);
    }

    /// <summary>"80", "80:90", ":90" or "80:"; names of well-known services too.</summary>
    public static bool TryPorts(ReadOnlySpan<char> text, out PortRange ports)
    {
        ports = default;
        int colon = text.IndexOf(':');
        if (colon < 0)
        {
            if (!TryPort(text, out ushort port))
                return false;
            ports = new(port, port);
            return true;
        }
        ushort first = 0, last = ushort.MaxValue;
        if ((colon > 0 && !TryPort(text[..colon], out first)) || (colon < text.Length - 1 && !TryPort(text[(colon + 1)..], out last)))
            return false;
        ports = new(first, last);
        return text.Length > 1;
    }

    /// <summary>A port as a number or by the most common names that listings without -n print.</summary>
    public static bool TryPort(ReadOnlySpan<char> text, out ushort port)
    {
        if (TryUInt16(text, out port))
            return true;
        port = text switch
        {
            "ftp" => 21,
            "ssh" => 22,
            "telnet" => 23,
            "smtp" => 25,
            "domain" => 53,
            "bootps" => 67,
            "bootpc" => 68,
            "http" => 80,
            "kerberos" => 88,
            "pop3" => 110,
            "sunrpc" => 111,
            "ntp" => 123,
            "imap2" => 143,
            "snmp" => 161,
            "bgp" => 179,
            "ldap" => 389,
            "https" => 443,
            "submission" => 587,
            "ldaps" => 636,
            "imaps" => 993,
            "pop3s" => 995,
            "nfs" => 2049,
            "mysql" => 3306,
            "postgresql" => 5432,
            "mdns" => 5353,
            "http-alt" => 8080,
            _ => 0,
        };
        return port != 0;
    }

    /// <summary>Protocol numbers and the names of /etc/protocols that iptables and nft print.</summary>
    public static bool TryProtocol(ReadOnlySpan<char> text, out IpProtocol protocol)
    {
        if (IpProtocols.TryParse(text, out protocol))
            return true;
        byte number = text switch
        {
            "igmp" => 2,
            "ipencap" or "ipip" => 4,
            "dccp" => 33,
            "ipv6" => 41,
            "gre" => 47,
            "esp" => 50,
            "ah" => 51,
            "ospf" => 89,
            "pim" => 103,
            "vrrp" => 112,
            "comp" => 108,
            "udplite" => 136,
            "mh" or "ipv6-mh" or "mobility-header" => 135,
            "ipv6-route" => 43,
            "ipv6-frag" => 44,
            "ipv6-nonxt" => 59,
            "ipv6-opts" => 60,
            _ => 0,
        };
        protocol = (IpProtocol)number;
        return number != 0;
    }

    /// <summary>An address without prefix length, or with one.</summary>
    public static bool TryPrefix(ReadOnlySpan<char> text, out InetPrefix prefix)
    {
        if (text.Contains('/'))
            return InetPrefix.TryParse(text, out prefix);
        bool good = InetAddress.TryParse(text, out InetAddress address);
        prefix = good ? InetPrefix.Host(address) : default;
        return good;
    }

    /// <summary>"first-last".</summary>
    public static bool TryAddressRange(ReadOnlySpan<char> text, out InetAddress first, out InetAddress last)
    {
        int dash = text.IndexOf('-');
        if (dash < 0)
        {
            bool good = InetAddress.TryParse(text, out first);
            last = first;
            return good;
        }
        last = default;
        return InetAddress.TryParse(text[..dash], out first) && InetAddress.TryParse(text[(dash + 1)..], out last)
            && first.Family == last.Family;
    }

    /// <summary>"02:00:00:00:00:01" as a number of 48 bits.</summary>
    public static bool TryMac(ReadOnlySpan<char> text, out ulong value)
    {
        value = 0;
        if (text.Length != 17)
            return false;
        for (int i = 0; i < 17; i += 3)
        {
            if (!byte.TryParse(text.Slice(i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte octet)
                || (i < 15 && text[i + 2] != ':'))
                return false;
            value = (value << 8) | octet;
        }
        return true;
    }

    /// <summary>Counters of listings, which may be rounded: "12", "34K", "5M", "6G", "7T".</summary>
    public static bool TryCount(ReadOnlySpan<char> text, out ulong value)
    {
        ulong unit = text.IsEmpty ? 0ul : text[^1] switch
        {
            'K' => 1_000,
            'M' => 1_000_000,
            'G' => 1_000_000_000,
            'T' => 1_000_000_000_000,
            'P' => 1_000_000_000_000_000,
            _ => 1,
        };
        if (unit > 1)
            text = text[..^1];
        if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) || value > ulong.MaxValue / Math.Max(unit, 1))
            return false;
        value *= unit;
        return true;
    }

    /// <summary>A duration of nft: "3h", "1d2h3m4s", "984ms", or a number of seconds ("60s", "60").</summary>
    public static bool TryDuration(ReadOnlySpan<char> text, out TimeSpan value)
    {
        value = default;
        double milliseconds = 0;
        int i = 0;
        while (i < text.Length)
        {
            int start = i;
            while (i < text.Length && char.IsAsciiDigit(text[i]))
                i++;
            if (!ulong.TryParse(text[start..i], NumberStyles.None, CultureInfo.InvariantCulture, out ulong number))
                return false;
            ReadOnlySpan<char> rest = text[i..];
            (double unit, int length) = rest switch
            {
                ['m', 's', ..] => (1d, 2),
                ['w', ..] => (604_800_000d, 1),
                ['d', ..] => (86_400_000d, 1),
                ['h', ..] => (3_600_000d, 1),
                ['m', ..] => (60_000d, 1),
                ['s', ..] => (1_000d, 1),
                [] => (1_000d, 0),
                _ => (0d, 0),
            };
            if (unit == 0)
                return false;
            milliseconds += number * unit;
            i += length;
        }
        if (text.IsEmpty || milliseconds > TimeSpan.MaxValue.TotalMilliseconds / 2)
            return false;
        value = TimeSpan.FromMilliseconds(milliseconds);
        return true;
    }
}
