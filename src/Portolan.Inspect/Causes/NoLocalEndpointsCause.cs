using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Causes;

/// <summary>A policy is Local, and this node has no endpoint.</summary>
internal sealed class NoLocalEndpointsCause : Cause
{
    /// <summary>Its name in answers.</summary>
    internal const string Name = "no-local-endpoint";

    internal override CauseFound? Find(WhyCase question)
    {
        bool isRefused = question.Refusal is { Cause: UnservedCause.NoLocalEndpoints };
        if (!isRefused && !question.IsRefusedAs(ProgrammedState.Dropped))
            return null;
        string policy = question.Frontend.Kind == ProgrammedKind.ClusterIP ? "internalTrafficPolicy" : "externalTrafficPolicy";
        return new CauseFound(Name, question.VerdictText,
            $"{policy} is Local, and {question.Service.DisplayName} has no endpoint on this node",
            $"send to a node that has one (the load balancer's health check tells which), run one here, or set {policy} to Cluster")
            .At(isRefused ? question.Refusal!.Value.Place : question.Frontend.Place);
    }
}
