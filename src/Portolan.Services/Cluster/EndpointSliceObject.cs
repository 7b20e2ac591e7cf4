using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Services.Cluster;

/// <summary>
/// A Kubernetes EndpointSlice (discovery.k8s.io/v1), reduced and typed like <see cref="ServiceObject"/>. Slices of address type FQDN and
/// slices with the label service.kubernetes.io/headless or service.kubernetes.io/service-proxy-name are not passed on by the sources (FQDN
/// ones are reported).
/// </summary>
public sealed record EndpointSliceObject
{
    /// <summary>Namespace and name of the slice itself.</summary>
    public required ObjectName Name { get; init; }

    /// <summary>
    /// Name of the service it belongs to, in the same namespace (label kubernetes.io/service-name); empty if it has none.
    /// </summary>
    public required string ServiceName { get; init; }

    /// <summary>addressType.</summary>
    public required IpFamily Family { get; init; }

    /// <summary>Ports with a name (maybe empty) and a number; entries with a nil number are left out.</summary>
    public ImmutableArray<SlicePortObject> Ports { get; init; } = [];

    /// <summary>The endpoints with a usable address, in the slice's order.</summary>
    public ImmutableArray<EndpointObject> Endpoints { get; init; } = [];

    /// <summary>
    /// When the change of a pod or service happened that this slice was last written for (annotation
    /// endpoints.kubernetes.io/last-change-trigger-time), UTC; the default for unknown. Says nothing about what is served.
    /// </summary>
    public DateTime LastChangeTrigger { get; init; }

    /// <summary>Problems the reader found in the object.</summary>
    public ImmutableArray<Problem> Problems { get; init; } = [];
}

/// <summary>One entry of an EndpointSlice's ports.</summary>
/// <param name="Name">Matches the service's port of the same name and protocol; empty if unset.</param>
/// <param name="Protocol">TCP (default), UDP or SCTP.</param>
/// <param name="Port">The port at the endpoint, 1 to 65535.</param>
public readonly record struct SlicePortObject(string Name, IpProtocol Protocol, ushort Port);

/// <summary>
/// Conditions of an endpoint with the API's defaults applied: unset ready and serving mean true, unset terminating false.
/// </summary>
[Flags]
public enum EndpointConditions : byte
{
    /// <summary>Neither ready, serving nor terminating.</summary>
    None = 0,

    /// <summary>conditions.ready.</summary>
    Ready = 1,

    /// <summary>conditions.serving.</summary>
    Serving = 2,

    /// <summary>conditions.terminating.</summary>
    Terminating = 4,
}

/// <summary>One endpoint (discovery/v1 Endpoint). Only addresses[0] is used, as kube-proxy does.</summary>
/// <param name="Address">The endpoint's address, of the slice's family.</param>
/// <param name="Conditions">Conditions, defaults applied.</param>
/// <param name="NodeName">nodeName, or null: then the endpoint counts as remote.</param>
/// <param name="ForZones">hints.forZones names; empty if there are none.</param>
/// <param name="ForNodes">hints.forNodes names; empty if there are none.</param>
public readonly record struct EndpointObject(
    InetAddress Address,
    EndpointConditions Conditions,
    string? NodeName,
    ImmutableArray<string> ForZones,
    ImmutableArray<string> ForNodes);
