using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Answers;

/// <summary>The paths of a service's packets in words: the answer of explain.</summary>
/// <param name="Paths">One for each service port, frontend and place of the client.</param>
public sealed record ExplainAnswer(ImmutableArray<PathAnswer> Paths)
{
    /// <summary>The answer for explained service ports.</summary>
    public static ExplainAnswer Of(IEnumerable<(ProgrammedService Service, ImmutableArray<ExplainedPath> Paths)> explained) =>
        new([.. explained.SelectMany(item => item.Paths.Select(path => PathAnswer.Of(item.Service, path)))]);
}

/// <summary>The path to one frontend from one place.</summary>
/// <param name="Service">"namespace/name:port", or the chain's name.</param>
/// <param name="Protocol">"tcp", "udp", "sctp".</param>
/// <param name="Frontend">"address:port", or "*:port" for a node port on all addresses.</param>
/// <param name="Kind">As in <see cref="FrontendAnswer"/>.</param>
/// <param name="From">Where the client is: "outside", "pod" or "node".</param>
/// <param name="Source">The source address of the packet that was simulated.</param>
/// <param name="Steps">The rules that matched, in order.</param>
/// <param name="Choice">The endpoints to choose from; empty when there is no choice.</param>
/// <param name="Conclusions">How the path ends, and why.</param>
/// <param name="Unknown">What the input does not show of this path.</param>
public sealed record PathAnswer(
    string Service,
    string Protocol,
    string Frontend,
    string Kind,
    string From,
    string Source,
    ImmutableArray<PathStepAnswer> Steps,
    ImmutableArray<ChoiceAnswer> Choice,
    ImmutableArray<string> Conclusions,
    ImmutableArray<string> Unknown)
{
    internal static PathAnswer Of(ProgrammedService service, ExplainedPath path) => new(
        service.DisplayName,
        service.Protocol.ToRuleText(),
        path.Frontend.Text,
        path.Frontend.Kind.ToString(),
        path.Client.ToString().ToLowerInvariant(),
        path.Packet.Source.ToString(),
        [.. path.Steps.Select(PathStepAnswer.Of)],
        path.Choice is { } choice ? [.. choice.Endpoints.Select(endpoint => new ChoiceAnswer(endpoint.Text, Math.Round(endpoint.Share, 6), endpoint.Printed))] : [],
        path.Conclusions,
        path.Unknowns);
}

/// <summary>A rule of a path.</summary>
/// <param name="Hook">At which hook, in lower case.</param>
/// <param name="Table">The table's name.</param>
/// <param name="Chain">The chain's name.</param>
/// <param name="Rule">The rule's number in its chain, from 1.</param>
/// <param name="Why">What the rule requires of the packet; empty when it takes every packet.</param>
/// <param name="What">What it does.</param>
/// <param name="Destination">The destination when the packet came to the rule.</param>
public sealed record PathStepAnswer(string Hook, string Table, string Chain, int Rule, string Why, string What, string Destination)
{
    internal static PathStepAnswer Of(ExplainedStep step) => new(
        step.Hook.ToLowerInvariant(), step.Place.Table.Name, step.Place.Chain.Name, step.Place.Index + 1, step.Why, step.What, step.Destination);
}

/// <summary>An endpoint that may be chosen.</summary>
/// <param name="Endpoint">"address:port", or the chain's name when the address is not in the input.</param>
/// <param name="Share">The effective share, from 0 to 1, rounded to six digits.</param>
/// <param name="Printed">The probability that its rule shows; empty when it shows none.</param>
public sealed record ChoiceAnswer(string Endpoint, double Share, string Printed);
