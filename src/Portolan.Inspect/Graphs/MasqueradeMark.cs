namespace Portolan.Inspect.Graphs;

/// <summary>Whether the source of packets on an arrow becomes an address of this node.</summary>
public enum MasqueradeMark : byte
{
    /// <summary>Not on this arrow.</summary>
    No,

    /// <summary>It does.</summary>
    Yes,

    /// <summary>They are marked for it, and the input does not show the rule that does it.</summary>
    Unknown,
}
