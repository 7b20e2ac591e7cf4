namespace Portolan.Inspect.Causes;

/// <summary>Whether a client gets an answer.</summary>
public enum DiagnosisState : byte
{
    /// <summary>It does not, or not always.</summary>
    Fails,

    /// <summary>The input does not show it.</summary>
    Unknown,

    /// <summary>The packet comes to an endpoint, as far as the input shows.</summary>
    Works,
}
