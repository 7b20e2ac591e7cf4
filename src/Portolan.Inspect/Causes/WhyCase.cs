using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Services.Cluster;

namespace Portolan.Inspect.Causes;

/// <summary>One client and one frontend, with all that is known of them.</summary>
/// <param name="Rules">The rules.</param>
/// <param name="Node">What is known of the node's addresses.</param>
/// <param name="Walk">What becomes of the client's packet.</param>
/// <param name="Cluster">What the cluster says; null when it was not asked.</param>
/// <param name="Live">What the running node knows of endpoints.</param>
/// <param name="RulesPodRanges">The ranges by which the rules tell pods.</param>
/// <param name="PodRanges">The ranges of pods the cluster uses; empty when they were not given.</param>
internal sealed record WhyCase(Ruleset Rules, NodeAddresses Node, FrontendWalk Walk, ClusterFacts? Cluster, LiveFacts Live,
    ImmutableArray<InetPrefix> RulesPodRanges, ImmutableArray<InetPrefix> PodRanges)
{
    internal ProgrammedService Service => Walk.Service;

    internal ProgrammedFrontend Frontend => Walk.Frontend;

    /// <summary>Follows answers on their way back.</summary>
    internal required ReplyWalks Replies { get; init; }

    /// <summary>The same service as rules of other back-ends have it.</summary>
    internal ImmutableArray<ProgrammedService> Rivals { get; init; } = [];

    /// <summary>The packet's ends; those that hold on a condition each for themselves.</summary>
    internal ImmutableArray<Outcome> Ends { get; } = [.. Walk.Trace.Outcomes.SelectMany(Obstacles.Ends)];

    /// <summary>The ends at one of the service's endpoints.</summary>
    internal IEnumerable<Outcome> Served => Ends.Where(end => end.IsTranslated
        && (end.Verdict is OutcomeVerdict.Forward or OutcomeVerdict.Local || OutcomeText.IsOnlyPlaceUnknown(end)));

    /// <summary>True when every end is at one of the service's endpoints.</summary>
    internal bool IsServed => Walk.Obstacles.IsEmpty && Ends.Length == Served.Count();

    internal ServiceObject? ServiceObject => Service.Service is { } name ? Cluster?.Find(name) : null;

    /// <summary>"kubectl ... -n shop web" and the like need the two parts of a service's name.</summary>
    internal (string Namespace, string Name) Names
    {
        get
        {
            string[] parts = (Service.Service ?? "NAMESPACE/NAME").Split('/', 2);
            return parts.Length == 2 ? (parts[0], parts[1]) : ("default", parts[0]);
        }
    }

    /// <summary>The service's own refusal on the packet's path, with the rule that makes it; null when there is none.</summary>
    internal (UnservedCause Cause, RuleRef Place)? Refusal
    {
        get
        {
            foreach (Outcome end in Ends)
            {
                foreach (RuleRef place in end.Path.Select(step => step.Place).OfType<RuleRef>())
                {
                    if (UnservedCauses.Of(place, end.Verdict) is { } cause && !Served.Contains(end))
                        return (cause, place);
                }
            }
            return null;
        }
    }

    /// <summary>
    /// True when clients outside are refused at the frontend, and this client is too: to one inside other rules may apply, so its own
    /// packet has to show it.
    /// </summary>
    /// <param name="state">How they are refused.</param>
    internal bool IsRefusedAs(ProgrammedState state) => Frontend.State == state && (Walk.Client == ClientPlace.Outside ? !IsServed
        : !Served.Any() && Ends.All(static end => end.Verdict != OutcomeVerdict.Unknown));

    internal string VerdictText => Ends.FirstOrDefault(end => !Served.Contains(end))?.Verdict switch
    {
        OutcomeVerdict.Reject => "rejected",
        OutcomeVerdict.Drop => "dropped",
        OutcomeVerdict.Unknown when Refusal is not null => "dropped",
        OutcomeVerdict.Forward or OutcomeVerdict.Local => "not translated",
        _ => "unknown",
    };
}
