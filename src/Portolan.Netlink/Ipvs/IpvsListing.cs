using System.Collections.ObjectModel;
using System.Globalization;
using System.Text;
using Portolan.Inet;

namespace Portolan.Netlink.Ipvs;

/// <summary>
/// The real servers of all virtual servers, from the kernel's own listing, /proc/net/ip_vs: over netlink each virtual server's have to be
/// asked for by themselves, which takes hundreds of times as long with thousands of them.
/// </summary>
/// <remarks>Source of the format: net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show.</remarks>
public static class IpvsListing
{
    /// <summary>Where the listing of the calling thread's network namespace is.</summary>
    public const string Path = "/proc/thread-self/net/ip_vs";

    private const string RealPrefix = "  -> ";
    private const int BufferSize = 1 << 16;

    /// <summary>Reads the listing of the calling thread's network namespace.</summary>
    /// <returns>As <see cref="Read"/>; empty where the kernel has no such listing.</returns>
    public static IReadOnlyDictionary<VirtualServerKey, List<RealServer>> ReadAll()
    {
        try
        {
            using var listing = new StreamReader(Path, Encoding.ASCII, false, BufferSize);
            return Read(listing);
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return ReadOnlyDictionary<VirtualServerKey, List<RealServer>>.Empty;
        }
    }

    /// <summary>Reads a listing. Virtual servers of a firewall mark, and lines that are not understood, are left out.</summary>
    /// <param name="listing">Its text.</param>
    /// <returns>The real servers by virtual server, those without any included.</returns>
    public static Dictionary<VirtualServerKey, List<RealServer>> Read(TextReader listing)
    {
        ArgumentNullException.ThrowIfNull(listing);
        Dictionary<VirtualServerKey, List<RealServer>> servers = [];
        List<RealServer>? reals = null;
        // Two lines of headings, and one that looks like a real server.
        for (int heading = 0; heading < 3; heading++)
            listing.ReadLine();
        while (listing.ReadLine() is { } line)
        {
            if (line.StartsWith(RealPrefix, StringComparison.Ordinal))
            {
                if (reals is not null && TryReadReal(line.AsSpan(RealPrefix.Length), out RealServer real))
                    reals.Add(real);
                continue;
            }
            reals = TryReadKey(line, out VirtualServerKey key) ? servers[key] = [] : null;
        }
        return servers;
    }

    // "TCP  0A600001:0050 rr persistent 10800 FFFFFFFF", "UDP  [fd00:0096:0000:0000:0000:0000:0000:0001]:0035 rr".
    private static bool TryReadKey(ReadOnlySpan<char> line, out VirtualServerKey key)
    {
        key = default;
        ReadOnlySpan<char> name = TakeWord(ref line);
        IpProtocol protocol = name switch
        {
            "TCP" => IpProtocol.Tcp,
            "UDP" => IpProtocol.Udp,
            "SCTP" => IpProtocol.Sctp,
            _ => IpProtocol.None,
        };
        if (protocol == IpProtocol.None || !TryReadEndpoint(TakeWord(ref line), out InetEndpoint endpoint))
            return false;
        key = new VirtualServerKey(endpoint.Address, protocol, endpoint.Port);
        return true;
    }

    // "0AF4010A:1F90      Masq    1      0          0": weight, active and inactive connections.
    private static bool TryReadReal(ReadOnlySpan<char> line, out RealServer real)
    {
        real = default;
        if (!TryReadEndpoint(TakeWord(ref line), out InetEndpoint endpoint))
            return false;
        ReadOnlySpan<char> name = TakeWord(ref line);
        ForwardingMethod? forwarding = name switch
        {
            "Masq" => ForwardingMethod.Nat,
            "Local" => ForwardingMethod.Local,
            "Tunnel" => ForwardingMethod.Tunnel,
            "Route" => ForwardingMethod.Route,
            _ => null,
        };
        if (forwarding is null || !TryReadNumber(ref line, out uint weight) || !TryReadNumber(ref line, out uint active)
            || !TryReadNumber(ref line, out uint inactive))
            return false;
        real = new RealServer(endpoint, weight)
        {
            Forwarding = forwarding.Value,
            ActiveConnections = active,
            InactiveConnections = inactive,
        };
        return true;
    }

    private static bool TryReadNumber(ref ReadOnlySpan<char> line, out uint number) =>
        uint.TryParse(TakeWord(ref line), NumberStyles.None, CultureInfo.InvariantCulture, out number);

    // Both in hexadecimal and in the order that people read.
    private static bool TryReadEndpoint(ReadOnlySpan<char> text, out InetEndpoint endpoint)
    {
        endpoint = default;
        int colon = text.LastIndexOf(':');
        if (colon < 0
            || !ushort.TryParse(text[(colon + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort port))
            return false;
        ReadOnlySpan<char> host = text[..colon];
        InetAddress address;
        if (host is ['[', .., ']'])
        {
            if (!InetAddress.TryParse(host[1..^1], out address))
                return false;
        }
        else
        {
            if (!uint.TryParse(host, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint number))
                return false;
            address = InetAddress.FromIPv4(number);
        }
        endpoint = new InetEndpoint(address, port);
        return true;
    }

    private static ReadOnlySpan<char> TakeWord(ref ReadOnlySpan<char> line)
    {
        line = line.TrimStart(' ');
        int end = line.IndexOf(' ');
        ReadOnlySpan<char> word = end < 0 ? line : line[..end];
        line = end < 0 ? [] : line[end..];
        return word;
    }
}
