using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Reads the arguments of --to-destination, --to-source and --to-ports; listings print the same after "to:" and "ports".</summary>
internal static class NatArguments
{
    /// <summary>"10.0.0.1", "10.0.0.1-10.0.0.9:80-90", ":53", "[fd00::1]:80", "[fd00::1-fd00::9]:80", "10.0.0.1:80-90/9000".</summary>
    public static bool TryAddresses(ReadOnlySpan<char> text, out NatRange range)
    {
        range = new(default, default);
        ReadOnlySpan<char> addresses = text;
        ReadOnlySpan<char> ports = default;
        bool hasPorts = false;
        if (text is ['[', ..])
        {
            int close = text.IndexOf(']');
            if (close < 0)
                return false;
            addresses = text[1..close];
            ReadOnlySpan<char> after = text[(close + 1)..];
            hasPorts = after is [':', ..];
            if (hasPorts)
                ports = after[1..];
            else if (!after.IsEmpty)
                return false;
        }
        else if (text.Count(':') == 1)
        {
            int colon = text.IndexOf(':');
            addresses = text[..colon];
            ports = text[(colon + 1)..];
            hasPorts = true;
        }
        if (!addresses.IsEmpty)
        {
            // iptables rejects a range that ends before it begins.
            if (!Scalar.TryAddressRange(addresses, out InetAddress first, out InetAddress last) || last < first)
                return false;
            range = range with { First = first, Last = last };
        }
        return hasPorts ? TryPorts(ports, range, out range) : range.HasAddress;
    }

    /// <summary>"80", "80-90" or "80-90/9000", added to a range.</summary>
    public static bool TryPorts(ReadOnlySpan<char> text, NatRange addresses, out NatRange range)
    {
        range = addresses;
        ushort basePort = 0;
        int slash = text.IndexOf('/');
        if (slash >= 0)
        {
            if (!Scalar.TryUInt16(text[(slash + 1)..], out basePort))
                return false;
            text = text[..slash];
        }
        if (!Scalar.TryRange(text, '-', out uint first, out uint last) || last > ushort.MaxValue || last < first)
            return false;
        range = addresses with { FirstPort = (ushort)first, LastPort = (ushort)last, BasePort = basePort };
        return true;
    }

    /// <summary>The flags as listings print them; saved rules have them with "--".</summary>
    public static NatFlags Flag(ReadOnlySpan<char> word) => word switch
    {
        "random" or "--random" => NatFlags.Random,
        "random-fully" or "--random-fully" => NatFlags.FullyRandom,
        "persistent" or "--persistent" => NatFlags.Persistent,
        _ => NatFlags.None,
    };
}
