using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Which shares of new connections the real servers of a virtual server get.</summary>
internal static class IpvsShares
{
    // Schedulers that give each real server its turn: one after the other, or by weight.
    private const string RoundRobin = "rr";
    private const string WeightedRoundRobin = "wrr";

    /// <summary>
    /// The share of each real server that has a weight; null where that depends on more than the weights. They add up to 1 in the long
    /// run: of one connection nothing tells whose turn it is.
    /// </summary>
    internal static IReadOnlyDictionary<RealServer, double>? Of(VirtualServer server)
    {
        RealServer[] usable = [.. server.Servers.Where(static real => real.Weight > 0).Distinct()];
        if (usable.Length == 1 ? MayFindNone(server) : server.Scheduler is not (RoundRobin or WeightedRoundRobin))
            return null;
        double all = usable.Sum(real => WeightOf(real, server));
        return usable.ToDictionary(static real => real, real => WeightOf(real, server) / all);
    }

    /// <summary>
    /// True for schedulers that may give up though there is a real server with a weight: hashes where one without weight has a place, and
    /// overflow when all are full.
    /// </summary>
    internal static bool MayFindNone(VirtualServer server) => server.Scheduler == "ovf"
        || (server.Scheduler is "sh" or "dh" && server.Servers.Any(static real => real.Weight == 0)
            && !server.SchedulerFlags.Contains("sh-fallback") && !server.SchedulerFlags.Contains("flag-1"));

    /// <summary>What a scheduler without known shares goes by, in words that follow "goes by".</summary>
    internal static string Criterion(VirtualServer server) => server.Scheduler switch
    {
        "lc" or "wlc" or "sed" or "nq" or "lblc" or "lblcr" or "fo" or "ovf" => "the connections that they have",
        "sh" or "dh" or "mh" => "a hash of addresses",
        _ => "what the chart does not know",
    };

    private static double WeightOf(RealServer real, VirtualServer server) => server.Scheduler == WeightedRoundRobin ? real.Weight : 1;
}
