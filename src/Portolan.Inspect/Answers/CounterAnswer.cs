using Portolan.Inet;

namespace Portolan.Inspect.Answers;

/// <summary>What was counted at one frontend since the proxy created its counter.</summary>
public sealed record CounterAnswer
{
    /// <summary>The service port: "namespace/name:port".</summary>
    public required string Service { get; init; }

    /// <summary>Where clients reach it; the unspecified address for a node port.</summary>
    public required InetEndpoint Frontend { get; init; }

    /// <summary>The protocol.</summary>
    public required IpProtocol Protocol { get; init; }

    /// <summary>New connections.</summary>
    public required ulong Connections { get; init; }

    /// <summary>Connections that were rejected because the service has no endpoints.</summary>
    public required ulong Rejected { get; init; }

    /// <summary>Connections that were dropped because this node has no endpoint of the service.</summary>
    public required ulong Dropped { get; init; }

    /// <summary>Connections that were dropped because of the client's address (loadBalancerSourceRanges).</summary>
    public required ulong Denied { get; init; }
}
