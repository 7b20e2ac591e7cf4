namespace Portolan.DataPlanes.Host;

/// <summary>What one clean-up of the connection table removed.</summary>
/// <param name="Stale">UDP flows to endpoints, or by frontends, that are gone.</param>
/// <param name="Stuck">Connections without an answer that began while rules were missing.</param>
public readonly record struct CleanedConnections(int Stale, int Stuck)
{
    /// <summary>How many of them were IPv6.</summary>
    public int IPv6 { get; init; }

    /// <summary>Both together.</summary>
    public int Total => Stale + Stuck;
}
