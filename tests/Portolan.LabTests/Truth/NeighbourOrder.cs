namespace Portolan.LabTests.Truth;

/// <summary>When a neighbour writes its rules.</summary>
internal enum NeighbourOrder
{
    /// <summary>Before the proxy.</summary>
    Before,

    /// <summary>After it, at the end of chains that are there.</summary>
    After,

    /// <summary>After it, at the top of chains that are there.</summary>
    AfterAtTop,
}
