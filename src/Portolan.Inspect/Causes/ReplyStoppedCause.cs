using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>The request arrives, but a rule drops the answer on its way back: established connections are not accepted.</summary>
internal sealed class ReplyStoppedCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        PacketSpec request = question.Walk.Trace.Packet;
        if (question.Served.FirstOrDefault() is not { DestinationPort: not null } end || end.Verdict == OutcomeVerdict.Local
            // What comes to the node's own programs can be walked only if it is known to be the node's.
            || (request.IsFromNode && question.Node.IsLocal(request.Source) != true)
            || ReplyTranslation.Answer(request, end, question.Node) is not { } answer)
            return null;
        TraceResult back = question.Replies.Of(request, answer);
        Obstacle? stop = Obstacles.Of(back, question.Service).FirstOrDefault(item => item.Kind
            is ObstacleKind.Dropped or ObstacleKind.Rejected);
        if (stop is null)
            return null;
        var found = new CauseFound("reply-stopped", "unanswered",
            $"the request arrives at {end.DestinationText}, but {stop.PlaceText} " +
                $"{(stop.Kind == ObstacleKind.Dropped ? "drops" : "rejects")} the "
                + "answer on its way back",
            $"accept RELATED,ESTABLISHED in {stop.Chain.Name}: iptables -I {stop.Chain.Name} -m conntrack --ctstate " +
                "RELATED,ESTABLISHED -j ACCEPT");
        return (stop.Place is { } place ? found.At(place) : found with { PlaceText = stop.PlaceText, Writer = stop.Owner }) with
        {
            When = string.Join(" or ", stop.When),
        };
    }
}
