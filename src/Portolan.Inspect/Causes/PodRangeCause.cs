using Portolan.Inet;

namespace Portolan.Inspect.Causes;

/// <summary>The rules take another range for that of pods than the cluster uses: pods are masqueraded as if they were outside.</summary>
internal sealed class PodRangeCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        InetAddress source = question.Walk.Trace.Packet.Source;
        InetPrefix[] known = [.. question.RulesPodRanges.Where(range => range.Family == source.Family)];
        bool isPod = question.PodRanges.Any(range => range.Contains(source));
        if (known.Length == 0 || !isPod || known.Any(range => range.Contains(source))
            || question.Served.FirstOrDefault(end => end.IsMasqueraded) is not { } end)
            return null;
        return new CauseFound("pod-range", "served with a foreign source",
            $"the rules take {string.Join(", ", known)} for the addresses of pods, and {source} is in none of them: its source becomes " +
                "the node's",
            "set clusterCIDR in the proxy's configuration to the cluster's range of pods and restart it")
            .At(end.Path.LastOrDefault(step => step.Place is not null)?.Place);
    }
}
