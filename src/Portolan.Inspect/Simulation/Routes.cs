using System.Collections.Immutable;
using System.Text.Json;
using Portolan.Inet;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Which interface a node's packets leave by: the main routing table, where nothing else decides. With policy routing (an `ip rule` beside
/// the kernel's own three) nothing is known, nor of a route with several next hops.
/// </summary>
public sealed class Routes
{
    private readonly ImmutableArray<Route> _routes;

    private Routes(ImmutableArray<Route> routes) => _routes = routes;

    /// <summary>Nothing is known.</summary>
    public static Routes Unknown { get; } = new([]);

    /// <summary>Reads what `ip -j` prints; what is not understood is left out.</summary>
    /// <param name="ofIPv4">The output of "ip -j route".</param>
    /// <param name="ofIPv6">The output of "ip -6 -j route".</param>
    /// <param name="rules">The outputs of "ip -j rule" and "ip -6 -j rule".</param>
    public static Routes Read(ReadOnlyMemory<byte> ofIPv4, ReadOnlyMemory<byte> ofIPv6, params IEnumerable<ReadOnlyMemory<byte>> rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        var tables = rules.Select(text => Entries(text, static entry => Text(entry, "table"))).ToArray();
        bool isPlain = Array.TrueForAll(tables, static names => names.Length > 0 && names.All(static name => name is "local" or "main"
            or "default"));
        if (!isPlain)
            return Unknown;
        IEnumerable<Route> all = Entries(ofIPv4, static entry => ReadRoute(entry, "0.0.0.0/0"))
            .Concat(Entries(ofIPv6, static entry => ReadRoute(entry, "::/0"))).OfType<Route>();
        return new Routes([.. all.GroupBy(route => (route.To, route.Metric))
            // Of several equal routes the kernel chooses by a hash.
            .Select(same => same.All(route => route.Device == same.First().Device) ? same.First() : same.First() with { Device = null })
            .OrderByDescending(route => route.To.Length).ThenBy(route => route.Metric)]);
    }

    /// <summary>The interface a packet for an address leaves by; null when that is not known.</summary>
    public string? DeviceTo(InetAddress address) => Find(address)?.Device;

    /// <summary>True for an address that only the default route leads to, or no route that is known.</summary>
    internal bool IsElsewhere(InetAddress address) => Find(address) is not { To.Length: > 0 };

    /// <summary>The ranges that an interface of the node leads to without another router, inside a range: its own pods, for one.</summary>
    internal IEnumerable<InetPrefix> OnLink(InetPrefix range) => _routes.Where(route => route is { HasGateway: false, Device: not null }
        && route.To.Length >= range.Length && range.Contains(route.To.Address)).Select(route => route.To);

    private Route? Find(InetAddress address)
    {
        foreach (Route route in _routes)
        {
            if (route.To.Family == address.Family && route.To.Contains(address))
                return route;
        }
        return null;
    }

    private static Route? ReadRoute(JsonElement entry, string everything)
    {
        string? to = Text(entry, "dst");
        if (to == "default")
            to = everything;
        InetPrefix prefix;
        if (InetAddress.TryParse(to, out InetAddress address))
            prefix = InetPrefix.Host(address);
        else if (!InetPrefix.TryParse(to, out prefix))
            return null;
        bool isPlain = Text(entry, "type") is null or "unicast";
        bool hasGateway = entry.TryGetProperty("gateway", out _) || entry.TryGetProperty("via", out _);
        return new Route(prefix, isPlain ? Text(entry, "dev") : null, hasGateway,
            entry.TryGetProperty("metric", out JsonElement metric) && metric.TryGetInt64(out long number) ? number : 0);
    }

    private static string? Text(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out JsonElement value) ? value.ToString() : null;

    private static ImmutableArray<T> Entries<T>(ReadOnlyMemory<byte> json, Func<JsonElement, T> read)
    {
        if (json.IsEmpty)
            return [];
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind != JsonValueKind.Array ? []
                : [.. document.RootElement.EnumerateArray().Where(static entry => entry.ValueKind == JsonValueKind.Object).Select(read)];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    private sealed record Route(InetPrefix To, string? Device, bool HasGateway, long Metric);
}
