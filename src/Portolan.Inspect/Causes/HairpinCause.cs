using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>A pod that is sent to itself sees its own address as the sender and answers itself, unless the source is masqueraded.</summary>
internal sealed class HairpinCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        Outcome? self = question.Served.FirstOrDefault(end => end.Destination == question.Walk.Trace.Packet.Source
            && end is { IsMasqueraded: false, IsSourceTranslated: false });
        return self is null ? null : new CauseFound("hairpin", "unanswered",
            $"the pod is sent to itself ({self.DestinationText}) with its own address as the source: it answers itself and not the service",
            "the rule that masquerades marked packets is missing or does not match: restart the proxy, and look for rules of others " +
                "before it");
    }
}
