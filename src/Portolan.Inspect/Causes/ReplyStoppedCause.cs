using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>The request arrives, but a rule drops the answer on its way back: established connections are not accepted.</summary>
internal sealed class ReplyStoppedCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        if (question.Served.FirstOrDefault() is not { DestinationPort: { } port } end || end.Verdict == OutcomeVerdict.Local)
            return null;
        PacketSpec request = question.Walk.Trace.Packet;
        // The answer of a masqueraded connection comes to the node's address, but gets the client's before it is routed: it is forwarded.
        if (request.IsFromNode && question.Node.IsLocal(request.Source) != true)
            return null;
        TraceResult back = new PacketSimulator(question.Rules, question.Node).Trace(request with
        {
            Source = end.Destination,
            SourcePort = port,
            Destination = request.Source,
            DestinationPort = request.SourcePort,
            IsFromNode = false,
            InInterface = request.Routes.DeviceTo(end.Destination),
            State = Rules.Model.ConntrackStates.Established,
            TcpFlags = Rules.Model.TcpFlags.Syn | Rules.Model.TcpFlags.Ack,
        });
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
