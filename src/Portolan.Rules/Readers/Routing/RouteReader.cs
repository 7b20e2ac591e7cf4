using System.Text.Json;
using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Routing;

/// <summary>Reads the output of "ip route", as text and as JSON. Lists of neighbours look alike and are left out.</summary>
internal sealed class RouteReader(ReadContext context) : ISectionReader
{
    // With the family of each, as far as it is shown: that of a default route without a next hop is that of the others in its list.
    private readonly List<(NodeRoute Route, IpFamily Family)> _section = [];

    public bool Take(LineCursor line)
    {
        if (JsonText.BeginsWith(context.Source, line, '[', "\"dst\""u8) && !JsonText.BeginsWith(context.Source, line, '[', "\"ifname\""u8))
        {
            End();
            bool isNeighbours = false;
            JsonText.ReadObjects(context, line, default, (item, _, _) => isNeighbours |= !TakeRoute(item));
            if (isNeighbours)
                context.Problems.Note(line.Number, "the list of neighbours (ip neigh) is left out: the chart asks for it on a live node");
            return true;
        }
        ReadOnlySpan<char> text = line.Line.Trim();
        if (text.StartsWith("nexthop ") && _section.Count > 0)
        {
            _section[^1] = (_section[^1].Route with { Device = null, HasGateway = true }, _section[^1].Family);
            return true;
        }
        return TakeText(text);
    }

    public void End()
    {
        IpFamily others = _section.Select(static entry => entry.Family).FirstOrDefault(static family => family != IpFamily.None);
        foreach ((NodeRoute route, IpFamily family) in _section)
        {
            bool isIPv6 = (family == IpFamily.None ? others : family) == IpFamily.IPv6;
            context.Routes.Add(route.To.Length == 0 && isIPv6 ? route with { To = InetPrefix.Parse("::/0") } : route);
        }
        _section.Clear();
    }

    private bool TakeText(ReadOnlySpan<char> text)
    {
        var words = new WordReader(text);
        if (!words.TryReadPlain(out ReadOnlySpan<char> first))
            return false;
        string type = "unicast";
        if (IsType(first))
        {
            type = first.ToString();
            if (!words.TryReadPlain(out first))
                return false;
        }
        if (!TryDestination(first, out InetPrefix to, out bool isDefault))
            return false;
        string? device = null, table = null;
        IpFamily family = isDefault ? IpFamily.None : to.Family;
        bool hasGateway = false, hasAny = false;
        long metric = 0;
        while (words.TryReadPlain(out ReadOnlySpan<char> word))
        {
            // "ip neigh": 10.0.0.1 dev eth0 lladdr 00:00:5e:00:53:01 REACHABLE
            if (word is "lladdr" or "REACHABLE" or "STALE" or "DELAY" or "PROBE" or "FAILED" or "INCOMPLETE" or "PERMANENT" or "NOARP")
                return false;
            if (word is not ("via" or "dev" or "metric" or "table" or "proto" or "scope" or "src" or "nhid"))
                continue;
            hasAny = true;
            if (!words.TryReadPlain(out ReadOnlySpan<char> value))
                break;
            if (word is "via")
            {
                hasGateway = true;
                // Of "via inet6 ADDRESS", a next hop of the other family, this reads the word.
                if (isDefault && InetAddress.TryParse(value, out InetAddress gateway))
                    family = gateway.Family;
            }
            else if (word is "dev")
            {
                device = context.Pool.Get(value);
            }
            else if (word is "metric" && Scalar.TryUInt32(value, out uint number))
            {
                metric = number;
            }
            else if (word is "table")
            {
                table = context.Pool.Get(value);
            }
        }
        // A destination alone is any line with an address in it.
        if (!hasAny && type == "unicast")
            return false;
        Add(to, family, type, device, hasGateway, metric, table);
        return true;
    }

    private bool TakeRoute(JsonElement item)
    {
        // A neighbour has a state, a route has none.
        if (item.ValueKind == JsonValueKind.Object && item.TryGetProperty("state", out _))
            return false;
        if (item.Text("dst") is not { } text || !TryDestination(text, out InetPrefix to, out bool isDefault))
            return true;
        // Only routes of IPv6 have a preference.
        IpFamily family = !isDefault ? to.Family : item.Text("pref") is not null ? IpFamily.IPv6
            : InetAddress.TryParse(item.Text("gateway"), out InetAddress gateway) ? gateway.Family : IpFamily.None;
        bool hasGateway = item.TryGetProperty("gateway", out _) || item.TryGetProperty("via", out _);
        Add(to, family, item.Text("type") ?? "unicast", item.Text("dev") is { } device ? context.Pool.Get(device) : null, hasGateway,
            item.Number("metric") ?? 0, item.Text("table"));
        return true;
    }

    private void Add(InetPrefix to, IpFamily family, string type, string? device, bool hasGateway, long metric, string? table)
    {
        // "ip route show table local" does not name the table, but only that one has such types.
        table ??= type is "local" or "broadcast" or "anycast" or "multicast" ? "local" : "main";
        _section.Add((new NodeRoute(to, type, type is "unicast" or "local" ? device : null, hasGateway, metric, table), family));
    }

    private static bool IsType(ReadOnlySpan<char> word) => word is "unicast" or "local" or "broadcast" or "multicast" or "anycast"
        or "blackhole" or "unreachable" or "prohibit" or "throw" or "nat";

    private static bool TryDestination(ReadOnlySpan<char> text, out InetPrefix to, out bool isDefault)
    {
        isDefault = text is "default";
        if (isDefault)
        {
            to = InetPrefix.Parse("0.0.0.0/0");
            return true;
        }
        if (InetAddress.TryParse(text, out InetAddress address))
        {
            to = InetPrefix.Host(address);
            return true;
        }
        return InetPrefix.TryParse(text, out to);
    }
}
