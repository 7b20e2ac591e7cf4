using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>The rules do their work, and the endpoint does not answer.</summary>
internal sealed class SilentEndpointCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        foreach (Outcome end in question.Served)
        {
            string share = question.Served.Count() == 1 ? string.Empty
                : $"; it gets {OutcomeText.Percent(end.Probability)} of the connections";
            if (question.Live.IsSilentNeighbour(end.Destination))
            {
                return new CauseFound("endpoint-silent", "unanswered",
                    $"endpoint {end.DestinationText} does not answer: the node cannot resolve its link-layer address (neighbour " +
                        $"FAILED){share}",
                    "the pod is gone or its interface is down: kubectl get pods -o wide, and delete the pod if its node does not know it");
            }
            if (end.DestinationPort is not { } port)
                continue;
            var endpoint = new InetEndpoint(end.Destination, port);
            if (question.Live.Unanswered(endpoint) is > 0 and var count)
            {
                string unreplied = $"conntrack has {Number(count)} of its connections UNREPLIED";
                string others = question.Live.Answered(endpoint) is > 0 and var answered
                    ? $" and {Number(answered)} answered before, and it did not answer this node just now" : " and none answered";
                return new CauseFound("endpoint-silent", "unanswered",
                    $"endpoint {end.DestinationText} answers nothing: {unreplied}{others}{share}",
                    question.Live.Probes.GetValueOrDefault(endpoint) == ProbeResult.Accepted
                        ? "it accepts connections of this node: look for a NetworkPolicy that lets only some clients in"
                        : "look whether the pod listens on that port and whether a NetworkPolicy or the path between the nodes drops it");
            }
        }
        return null;
    }

    private static string Number(int count) => count.ToString(CultureInfo.InvariantCulture);
}
