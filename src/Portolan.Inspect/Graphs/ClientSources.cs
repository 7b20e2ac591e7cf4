using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Graphs;

/// <summary>Sources that the rules may tell apart, each with an address to trace from.</summary>
/// <param name="Place">Where they are.</param>
/// <param name="Ranges">
/// Their addresses, except those in a narrower range of another; empty for the node and for all others outside.
/// </param>
/// <param name="IsRest">True for those of the place that are in no other's ranges.</param>
/// <param name="Example">The address.</param>
internal sealed record ClientSource(ClientPlace Place, ImmutableArray<InetPrefix> Ranges, bool IsRest, InetAddress Example)
{
    /// <summary>The one among several that an address belongs to; null when none covers it.</summary>
    internal static ClientSource? Of(InetAddress address, IReadOnlyList<ClientSource> sources)
    {
        ClientSource? best = sources.FirstOrDefault(static source => source is { Place: ClientPlace.Outside, IsRest: true });
        int length = -1;
        foreach (ClientSource source in sources)
        {
            foreach (InetPrefix range in source.Ranges)
            {
                if (range.Length > length && range.Contains(address))
                    (best, length) = (source, range.Length);
            }
        }
        return best;
    }
}

/// <summary>Divides all sources of a family into those that the rules may tell apart.</summary>
internal sealed class ClientSources(FrontendWalker walker)
{
    /// <summary>More ranges than this are not looked at, the narrowest first.</summary>
    internal const int MostRanges = 64;

    // Documentation ranges (RFC 5737, RFC 3849), then addresses that are as good as any.
    private static readonly ImmutableArray<InetAddress> s_outsiders =
    [
        .. ((string[])["203.0.113.9", "198.51.100.9", "192.0.2.9", "8.8.8.8", "1.1.1.1", "151.101.1.1", "20.1.2.3", "95.1.2.3", "180.1.2.3",
            "2001:db8:ffff::9", "2001:db8:eeee::9", "2a00::9", "2600::9"]).Select(static text => InetAddress.Parse(text)),
    ];

    /// <summary>The sources for service ports of one family.</summary>
    /// <param name="family">The family.</param>
    /// <param name="asked">The ranges that rules ask for.</param>
    /// <param name="endpoints">Addresses of endpoints: they are clients of their own.</param>
    internal IReadOnlyList<ClientSource> Of(IpFamily family, IEnumerable<InetPrefix> asked, IReadOnlySet<InetAddress> endpoints)
    {
        InetPrefix[] pods = [.. walker.PodRanges.Where(range => range.Family == family)];
        InetPrefix[] local = [.. pods.SelectMany(walker.Routes.OnLink)];
        InetPrefix[] ranges =
        [
            .. pods.Concat(asked.Concat(local).Where(range => !IsHost(range) || !(endpoints.Contains(range.Address)
                || walker.IsLocal(range.Address))).Take(MostRanges)).Distinct(),
        ];
        var sources = new List<ClientSource>();
        // Pods in a range of their own may be this node's: the first is the one that stands for all.
        bool hasPods = false;
        foreach (InetPrefix range in ranges.OrderBy(range => Array.IndexOf(local, range) < 0)
            .ThenBy(range => Array.IndexOf(pods, range) < 0))
        {
            if (Inside(range, ranges, endpoints) is not { Family: not IpFamily.None } example)
                continue;
            bool isPod = pods.Any(pod => pod.Length <= range.Length && pod.Contains(range.Address));
            bool isRest = isPod && !hasPods && (pods.Contains(range) || local.Contains(range));
            hasPods |= isRest;
            sources.Add(new ClientSource(isPod ? ClientPlace.Pod : ClientPlace.Outside, [range], isRest, example));
        }
        if (walker.NodeAddress(family) is { Family: not IpFamily.None } node)
            sources.Add(new ClientSource(ClientPlace.Node, [], true, node));
        InetAddress outsider = s_outsiders.FirstOrDefault(address => address.Family == family
            && !Array.Exists(ranges, range => range.Contains(address)) && !endpoints.Contains(address) && !walker.IsLocal(address));
        if (outsider.Family != IpFamily.None)
            sources.Add(new ClientSource(ClientPlace.Outside, [], true, outsider));
        return [.. sources.OrderBy(static source => source.Place switch { ClientPlace.Pod => 0, ClientPlace.Node => 1, _ => 2 })
            .ThenBy(static source => !source.IsRest)];
    }

    private static bool IsHost(InetPrefix range) => range.Length == range.Address.Length * 8;

    /// <summary>An address of the range that is in no narrower one, nor an endpoint's; the default value when there is none.</summary>
    private InetAddress Inside(InetPrefix range, InetPrefix[] all, IReadOnlySet<InetAddress> endpoints)
    {
        InetPrefix[] narrower = [.. all.Where(other => other.Length > range.Length && range.Contains(other.Address))];
        UInt128 first = range.Address.ToNumber(), last = range.Last.ToNumber();
        // The last addresses are the least likely to be an endpoint's; the very last of a network is its broadcast address.
        UInt128 number = last - first < 2 ? last : last - 1;
        for (int tries = 0; tries < 4 * MostRanges && number >= first; tries++)
        {
            InetAddress candidate = range.Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)number) : InetAddress.FromIPv6(number);
            InetPrefix hole = narrower.Where(other => other.Contains(candidate)).OrderBy(static other => other.Length).FirstOrDefault();
            if (hole.Family == IpFamily.None && !endpoints.Contains(candidate) && !walker.IsLocal(candidate))
                return candidate;
            UInt128 below = hole.Family == IpFamily.None ? number : hole.Address.ToNumber();
            if (below == 0)
                break;
            number = below - 1;
        }
        return default;
    }
}
