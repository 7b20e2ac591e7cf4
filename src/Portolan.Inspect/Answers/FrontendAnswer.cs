using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Answers;

/// <summary>A place where clients reach a service.</summary>
public sealed record FrontendAnswer
{
    /// <summary>Which kind of address it is.</summary>
    public required ProgrammedKind Kind { get; init; }

    /// <summary>The address; null for a node port that is open on all addresses of the node.</summary>
    public required InetAddress? Address { get; init; }

    /// <summary>The port.</summary>
    public required ushort Port { get; init; }

    /// <summary>What clients from outside the cluster get.</summary>
    public required ProgrammedState Outside { get; init; }

    /// <summary>
    /// What keeps clients' packets from the service's rules, or from its endpoints behind them; null when the input shows no
    /// such thing.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Obstacle { get; init; }

    /// <summary>
    /// How many rules a new packet from outside is checked against before the one that leads to the service; null outside table nat.
    /// </summary>
    public required int? RulesBefore { get; init; }

    /// <summary>The endpoints for clients from outside.</summary>
    public required ImmutableArray<EndpointAnswer> Endpoints { get; init; }

    /// <summary>"172.30.5.207:443", or "*:30031" for a node port on all addresses.</summary>
    [JsonIgnore]
    public string Text => Address is { } address
        ? new InetEndpoint(address, Port).ToString()
        : $"*:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The answer for one frontend.</summary>
    public static FrontendAnswer Of(ProgrammedFrontend frontend)
    {
        ArgumentNullException.ThrowIfNull(frontend);
        return new FrontendAnswer
        {
            Kind = frontend.Kind,
            Address = frontend.Address.Family == IpFamily.None ? null : frontend.Address,
            Port = frontend.Port,
            Outside = frontend.State,
            Obstacle = frontend.Obstacle,
            RulesBefore = frontend.RulesBefore,
            Endpoints = [.. frontend.Endpoints.Select(EndpointAnswer.Of)],
        };
    }
}
