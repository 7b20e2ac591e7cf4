namespace Portolan.Inspect.Causes;

/// <summary>What keeps a packet from a service's endpoints, other than the service's own rules.</summary>
public enum ObstacleKind : byte
{
    /// <summary>A rule or policy drops it.</summary>
    Dropped,

    /// <summary>A rule rejects it.</summary>
    Rejected,

    /// <summary>A rule of somebody else translates it before the service's rules are asked, or a stale back-end does.</summary>
    Taken,

    /// <summary>A rule of somebody else lets it pass before the service's rules are asked.</summary>
    Passed,

    /// <summary>A rule says notrack: the nat table, where services are translated, is never asked.</summary>
    Untracked,
}
