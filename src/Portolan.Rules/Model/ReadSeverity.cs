namespace Portolan.Rules.Model;

/// <summary>Whether a problem loses information.</summary>
public enum ReadSeverity : byte
{
    /// <summary>Nothing was lost; something was assumed or is worth knowing.</summary>
    Note,

    /// <summary>Something in the input could not be read or used: the ruleset is partial.</summary>
    Partial,
}
