namespace Portolan.Sources.Nodes;

/// <summary>How a command in a pod ended.</summary>
/// <param name="Status">Its exit status; null when it has none.</param>
/// <param name="Failure">Why it has none: it could not be started, or the connection was lost. Null when it ended by itself.</param>
/// <param name="WasStarted">False when the container could not start it.</param>
public sealed record ExecResult(int? Status, string? Failure, bool WasStarted);
