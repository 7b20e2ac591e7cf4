using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Answers;

/// <summary>The path of a client's packets to one frontend.</summary>
public sealed record ExplainedPathAnswer
{
    /// <summary>The service port.</summary>
    public required string Service { get; init; }

    /// <summary>The protocol.</summary>
    public required IpProtocol Protocol { get; init; }

    /// <summary>"172.30.5.207:443", or "*:30031" for a node port on all addresses.</summary>
    public required string Frontend { get; init; }

    /// <summary>Which kind of address the frontend is.</summary>
    public required ProgrammedKind Kind { get; init; }

    /// <summary>Where the client is.</summary>
    public required ClientPlace From { get; init; }

    /// <summary>The client's address that was traced.</summary>
    public required InetAddress Source { get; init; }

    /// <summary>The rules that match, in order.</summary>
    public required ImmutableArray<ExplainedStepAnswer> Steps { get; init; }

    /// <summary>The endpoints to choose from; empty when there is no choice on this path.</summary>
    public required ImmutableArray<ExplainedChoiceAnswer> Choice { get; init; }

    /// <summary>How it ends, and why.</summary>
    public required ImmutableArray<string> Conclusions { get; init; }

    /// <summary>What the input does not show of this path.</summary>
    public required ImmutableArray<string> Unknown { get; init; }

    /// <summary>What the path is about: "from a pod to the cluster IP 172.30.5.207:443".</summary>
    [JsonIgnore]
    public string Title { get; init; } = string.Empty;

    /// <summary>How the endpoint is chosen; null when there is no choice.</summary>
    [JsonIgnore]
    public EndpointChoice? Chooser { get; init; }

    /// <summary>The answer for one path.</summary>
    public static ExplainedPathAnswer Of(ProgrammedService service, ExplainedPath path)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(path);
        return new ExplainedPathAnswer
        {
            Service = service.DisplayName,
            Protocol = service.Protocol,
            Frontend = path.Frontend.Text,
            Kind = path.Frontend.Kind,
            From = path.Client,
            Source = path.Packet.Source,
            Steps = [.. path.Steps.Select(ExplainedStepAnswer.Of)],
            Choice = [.. (path.Choice?.Endpoints ?? []).Select(endpoint =>
                new ExplainedChoiceAnswer(endpoint.Text, endpoint.Share, endpoint.Printed))],
            Conclusions = path.Conclusions,
            Unknown = path.Unknowns,
            Title = path.Title,
            Chooser = path.Choice,
        };
    }
}
