using System.Collections.Immutable;
using Portolan.Netlink.Ipvs;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>
/// How a virtual server spreads connections, as ipvs.scheduler and the annotation write it: "wlc", "mh,mh-port,mh-fallback".
/// </summary>
/// <param name="Name">The kernel's name of it.</param>
/// <param name="Flags">Its flags; schedulers other than sh and mh have none.</param>
internal readonly record struct Scheduler(string Name, VirtualServerFlags Flags)
{
    /// <summary>All of them (net/netfilter/ipvs/ip_vs_*.c, ipvsadm(8)).</summary>
    internal static ImmutableArray<string> Names { get; } =
        ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "fo", "ovf", "mh"];

    /// <summary>The one that kube-proxy uses where none is configured.</summary>
    internal static Scheduler Default { get; } = new("rr", VirtualServerFlags.None);

    /// <summary>Reads a scheduler.</summary>
    /// <param name="text">The text.</param>
    /// <param name="scheduler">The scheduler; the default one for an empty text.</param>
    /// <returns>What is wrong with the text, for the operator; null if nothing.</returns>
    internal static string? Parse(string text, out Scheduler scheduler)
    {
        scheduler = Default;
        if (text.Length == 0)
            return null;
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        string name = parts[0];
        if (!Names.Contains(name))
            return $"'{name}' is no scheduler of IPVS: use one of {string.Join(", ", Names)}";
        VirtualServerFlags flags = VirtualServerFlags.None;
        foreach (string part in parts.AsSpan(1))
        {
            if (name is not ("sh" or "mh") || (part != $"{name}-port" && part != $"{name}-fallback"))
                return $"'{part}' is no flag of scheduler {name}; sh and mh have NAME-port and NAME-fallback";
            flags |= part.EndsWith("-port", StringComparison.Ordinal)
                ? VirtualServerFlags.SchedulerPort : VirtualServerFlags.SchedulerFallback;
        }
        scheduler = new Scheduler(name, flags);
        return null;
    }
}
