namespace Portolan.Inspect.Causes;

/// <summary>What became of a TCP connection to an endpoint.</summary>
public enum ProbeResult : byte
{
    /// <summary>Nobody tried.</summary>
    None,

    /// <summary>The endpoint accepted it.</summary>
    Accepted,

    /// <summary>It was refused: a RST, or an ICMP error of the endpoint's host, came back.</summary>
    Refused,

    /// <summary>Nothing came back in time.</summary>
    Silent,
}
