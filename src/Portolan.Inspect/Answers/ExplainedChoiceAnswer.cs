using System.Text.Json.Serialization;

namespace Portolan.Inspect.Answers;

/// <summary>One of the endpoints that a path may lead to.</summary>
/// <param name="Endpoint">"10.244.2.50:80", or the chain's name when the address is not in the input.</param>
/// <param name="Share">The effective share of new connections, from 0 to 1.</param>
/// <param name="Printed">The probability as its rule shows it; empty when it shows none.</param>
public sealed record ExplainedChoiceAnswer(string Endpoint, [property: JsonConverter(typeof(ShareConverter))] double Share, string Printed);
