using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>
/// A client outside is sent to an endpoint with its own address as the source: the endpoint's answer goes straight to the client, which
/// knows nothing of it, unless it happens to come by this node.
/// </summary>
internal sealed class NotMasqueradedCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        if (question.Walk.Client != ClientPlace.Outside || question.Frontend.Kind == ProgrammedKind.ClusterIP
            || question.Service.IsExternalLocal != false)
            return null;
        Outcome? plain = question.Served.FirstOrDefault(end => end is { IsMasqueraded: false, IsSourceTranslated: false }
            && end.Verdict != OutcomeVerdict.Local);
        if (plain is null)
            return null;
        RuleRef? exempting = Masquerading.ExemptedBy(plain);
        const string astray = "an endpoint on another node answers the client directly, which drops that";
        string stays = $"the source stays {plain.Source} on the way to {plain.DestinationText}";
        return exempting is null
            ? new CauseFound("not-masqueraded", "unanswered", $"{stays}: {astray}",
                "the rule that masquerades marked packets is missing or is not reached: restart the proxy")
            : new CauseFound("not-masqueraded", "unanswered",
                $"{stays}, as {CauseFound.NameOf(exempting)} accepts it before it is masqueraded: {astray}",
                "let what the proxy has marked pass that rule: put it behind the jump to the proxy's chain").At(exempting);
    }
}
