using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Answers;

/// <summary>An endpoint and how often it is chosen.</summary>
public sealed record EndpointAnswer
{
    /// <summary>"10.244.2.50:80"; null when the chain that names it is not in the input.</summary>
    public required string? Address { get; init; }

    /// <summary>The effective share of new connections, from 0 to 1; not a number (null in JSON) when the input does not show it.</summary>
    [JsonConverter(typeof(ShareConverter))]
    public required double Share { get; init; }

    /// <summary>The probability as its rule shows it, which is that of the rule alone; null when it shows none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Printed { get; init; }

    /// <summary>The endpoint's own chain; null where there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Chain { get; init; }

    /// <summary>The answer for one endpoint.</summary>
    public static EndpointAnswer Of(ProgrammedEndpoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return new EndpointAnswer
        {
            Address = endpoint.Address.Family == IpFamily.None ? null : endpoint.Text,
            Share = endpoint.Share,
            Printed = endpoint.Printed.Length == 0 ? null : endpoint.Printed,
            Chain = endpoint.Chain.Length == 0 ? null : endpoint.Chain,
        };
    }
}
