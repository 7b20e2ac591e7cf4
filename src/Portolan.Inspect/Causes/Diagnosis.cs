using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;

namespace Portolan.Inspect.Causes;

/// <summary>Why one client does or does not get an answer at one frontend.</summary>
/// <param name="Walk">The client, the frontend, and what becomes of the packet; null when no rule knows the service.</param>
/// <param name="Subject">"shop/web:http at 172.30.10.1:80".</param>
/// <param name="Who">The client in words: "from a pod (10.244.255.254)".</param>
/// <param name="State">Whether it works.</param>
/// <param name="Verdict">What the client sees.</param>
/// <param name="Cause">Why; null when it works as far as the input shows, or when that is unknown.</param>
/// <param name="Notes">What the answer rests on.</param>
public sealed record Diagnosis(FrontendWalk? Walk, string Subject, string Who, DiagnosisState State, string Verdict, CauseFound? Cause,
    ImmutableArray<string> Notes)
{
    /// <summary>Where the client is.</summary>
    public ClientPlace Client => Walk?.Client ?? ClientPlace.Outside;
}
