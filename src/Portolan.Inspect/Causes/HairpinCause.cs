using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>A pod that is sent to itself sees its own address as the sender and answers itself, unless the source is masqueraded.</summary>
internal sealed class HairpinCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        // A program of the node itself that serves in its network answers its own address as well.
        Outcome? self = question.Served.FirstOrDefault(end => end.Destination == question.Walk.Trace.Packet.Source
            && end.Verdict != OutcomeVerdict.Local && end is { IsMasqueraded: false, IsSourceTranslated: false });
        if (self is null)
            return null;
        RuleRef? exempting = Masquerading.ExemptedBy(self);
        string text = $"the pod is sent to itself ({self.DestinationText}) with its own address as the source: it answers itself and not " +
            "the service";
        return exempting is null
            ? new CauseFound("hairpin", "unanswered", text,
                "the rule that masquerades marked packets is missing or does not match: restart the proxy")
            : new CauseFound("hairpin", "unanswered", $"{text}; {CauseFound.NameOf(exempting)} accepts it before it is masqueraded",
                "let what the proxy has marked pass that rule: put it behind the jump to the proxy's chain").At(exempting);
    }
}
