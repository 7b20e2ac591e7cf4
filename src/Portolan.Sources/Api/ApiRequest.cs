using System.Net;

namespace Portolan.Sources.Api;

/// <summary>A request to the API server, for whoever counts them.</summary>
/// <param name="Host">The server's name or address, and port.</param>
/// <param name="Status">What it answered with; null when no answer came.</param>
/// <param name="Elapsed">Time until its answer began.</param>
/// <param name="WatchedResource">What it asked to be told about ("services"), if it was a watch; else null.</param>
public sealed record ApiRequest(string Host, HttpStatusCode? Status, TimeSpan Elapsed, string? WatchedResource);
