using Portolan.Inet;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>
/// The rules do their work, and the endpoint refuses connections. Conntrack forgets a connection that a RST answers at once
/// (nf_conntrack_proto_tcp.c), so that only a connection of this node's own shows it.
/// </summary>
internal sealed class RefusingEndpointCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        Outcome[] served = [.. question.Served.DistinctBy(end => end.DestinationText)];
        foreach (Outcome end in served)
        {
            if (end.DestinationPort is not { } port
                || question.Live.Probes.GetValueOrDefault(new InetEndpoint(end.Destination, port)) != ProbeResult.Refused
                || IsStoppedHere(question, end.Destination, port))
                continue;
            string share = served.Length == 1 ? string.Empty : $"; it gets {OutcomeText.Percent(end.Probability)} of the connections";
            return new CauseFound("endpoint-refuses", "refused by the endpoint",
                $"endpoint {end.DestinationText} refused a connection of this node: nothing listens there, or something in the pod " +
                    $"rejects it{share}",
                "look at which port the pod listens (kubectl exec POD -- ss -ltn) and compare it with the service's targetPort");
        }
        return null;
    }

    // A rule of this node can reject the node's own packets and let those of others pass.
    private static bool IsStoppedHere(WhyCase question, InetAddress endpoint, ushort port)
    {
        TraceResult own = new PacketSimulator(question.Rules, question.Node).Trace(question.Walk.Trace.Packet with
        {
            Source = question.Node.OnlySource(endpoint) is { Family: not IpFamily.None } only ? only
                : question.Node.Known.FirstOrDefault(address => address.Family == endpoint.Family && !address.IsLoopback),
            Destination = endpoint,
            DestinationPort = port,
            IsFromNode = true,
            InInterface = null,
        });
        return own.Outcomes.SelectMany(Obstacles.Ends).Any(end => end.Verdict is not (OutcomeVerdict.Forward or OutcomeVerdict.Local)
            && !OutcomeText.IsOnlyPlaceUnknown(end));
    }
}
