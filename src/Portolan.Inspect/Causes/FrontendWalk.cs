using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>What became of a packet to a frontend of a service, from one kind of client.</summary>
/// <param name="Service">The service port.</param>
/// <param name="Frontend">The frontend.</param>
/// <param name="Client">Where the client is.</param>
/// <param name="Who">The client in words: "from a pod (10.244.255.254)".</param>
/// <param name="Trace">All that becomes of the packet.</param>
/// <param name="Obstacles">What keeps it from the service's endpoints, each once; empty when nothing does.</param>
public sealed record FrontendWalk(ProgrammedService Service, ProgrammedFrontend Frontend, ClientPlace Client, string Who, TraceResult Trace,
    ImmutableArray<Obstacle> Obstacles)
{
    /// <summary>True when the input does not show how the packet ends, not even as one of several ends.</summary>
    public bool IsUnknown => Obstacles.IsEmpty
        && Trace.Outcomes.Any(outcome => outcome is { Verdict: OutcomeVerdict.Unknown, Candidates.IsEmpty: true });
}
