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
            if (end.DestinationPort is { } port && question.Live.Unanswered(new InetEndpoint(end.Destination, port)) is > 0 and var count)
            {
                return new CauseFound("endpoint-silent", "unanswered",
                    $"endpoint {end.DestinationText} answers nothing: conntrack has {count.ToString(CultureInfo.InvariantCulture)} of its "
                        + $"connections UNREPLIED and none answered{share}",
                    "look whether the pod listens on that port and whether a NetworkPolicy or the path between the nodes drops it");
            }
        }
        return null;
    }
}
