namespace Portolan.Inspect.Graphs;

/// <summary>What a box represents.</summary>
public enum GraphNodeKind : byte
{
    /// <summary>A hook, where packets enter.</summary>
    Hook,

    /// <summary>A chain.</summary>
    Chain,

    /// <summary>A chain that only marks: drawn beside the path.</summary>
    Mark,

    /// <summary>An endpoint.</summary>
    Endpoint,

    /// <summary>A dead end: dropped or rejected.</summary>
    DeadEnd,

    /// <summary>A chain or address that the input does not show.</summary>
    Missing,

    /// <summary>Clients of a kind: pods, this node, outside.</summary>
    Client,

    /// <summary>Addresses at which a service is reached.</summary>
    Frontend,

    /// <summary>Something the service itself decides: source ranges, a policy, affinity, which endpoint.</summary>
    Decision,

    /// <summary>A rule of somebody else that comes before the service's own.</summary>
    Foreign,

    /// <summary>Where a rule of somebody else sends the packet: no endpoint of the service.</summary>
    Elsewhere,

    /// <summary>The packet goes on to the address it was sent to: no rule translates it.</summary>
    Untranslated,

    /// <summary>The input does not show what happens here.</summary>
    Unknown,
}
