using System.Collections.Immutable;
using Portolan.Testing.Lab;

namespace Portolan.LabTests.Truth;

/// <summary>Some neighbours of a service proxy, and when each writes its rules.</summary>
/// <param name="Backend">iptables' back-end of those that write iptables' rules: "nft" or "legacy".</param>
/// <param name="All">The neighbours.</param>
internal sealed record Neighbourhood(string Backend, ImmutableArray<(Neighbour Who, NeighbourOrder Order)> All)
{
    internal string Name => $"among {string.Join(", ", All.Select(static one => $"{one.Who.Name} ({one.Order})"))} by iptables-{Backend}";

    /// <summary>One to three of them, always the same for a number.</summary>
    internal static Neighbourhood Random(int seed)
    {
        var random = new Random(seed);
        Neighbour[] some = [.. Neighbour.All.OrderBy(_ => random.Next()).Take(random.Next(1, 4))];
        // Both of firewalld's have the same table.
        if (some.Count(static one => one.Name.StartsWith("firewalld", StringComparison.Ordinal)) == 2)
            some = [.. some.Where(static one => one.Name != "firewalld")];
        return new Neighbourhood(random.Next(2) == 0 ? "nft" : "legacy", [.. some.Select(one => (one, (NeighbourOrder)random.Next(3)))]);
    }

    /// <summary>Loads the rules of all around those of the proxy; runs on the lab's thread.</summary>
    /// <param name="lab">The node.</param>
    /// <param name="writeOwn">Writes the proxy's rules.</param>
    /// <param name="flushes">True when the proxy's rules replace all others of their tables.</param>
    /// <param name="adapt">Makes a dump fit the node.</param>
    internal void Load(NodeLab lab, Action writeOwn, bool flushes, Func<string, string> adapt)
    {
        foreach ((Neighbour who, _) in All.Where(one => one.Order == NeighbourOrder.Before && !flushes))
            who.Load(lab, Backend, atTop: false, adapt);
        writeOwn();
        foreach ((Neighbour who, NeighbourOrder order) in All.Where(one => one.Order != NeighbourOrder.Before || flushes))
            who.Load(lab, Backend, atTop: order != NeighbourOrder.After, adapt);
    }
}
