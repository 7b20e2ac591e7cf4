using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Causes;

/// <summary>The client is in none of the load balancer's source ranges.</summary>
internal sealed class SourceNotAllowedCause : Cause
{
    /// <summary>Its name in answers.</summary>
    internal const string Name = "source-not-allowed";

    internal override CauseFound? Find(WhyCase question) =>
        question.Refusal is { Cause: UnservedCause.SourceNotAllowed } refusal
            ? new CauseFound(Name, "dropped",
                $"{question.Walk.Trace.Packet.Source} is in none of the service's loadBalancerSourceRanges " +
                $"({string.Join(", ", question.Service.SourceRanges)})",
                "add the client's range to loadBalancerSourceRanges").At(refusal.Place)
            : null;
}
