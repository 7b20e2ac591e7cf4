using System.Collections.Immutable;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Objects;

/// <summary>The kinds of Kubernetes objects a service proxy reads.</summary>
internal enum ObjectKind : byte
{
    /// <summary>Any other kind: ignored.</summary>
    Other,

    /// <summary>core/v1 Service.</summary>
    Service,

    /// <summary>discovery.k8s.io/v1 EndpointSlice.</summary>
    EndpointSlice,

    /// <summary>core/v1 Node.</summary>
    Node,

    /// <summary>networking.k8s.io/v1 ServiceCIDR.</summary>
    ServiceCidr,
}

/// <summary>What names one object among all.</summary>
internal readonly record struct ObjectKey(ObjectKind Kind, ObjectName Name)
{
    public override string ToString() => $"{ObjectKinds.NameOf(Kind)} {Text.Printable(Name.ToString())}";
}

/// <summary>What became of one object's JSON.</summary>
/// <param name="Key">Kind and name; null when the object has no name that can be used, and so is not used at all.</param>
/// <param name="ResourceVersion">metadata.resourceVersion; empty when it has none.</param>
/// <param name="Set">The event that hands the object on; null when it is none of ours (another proxy's, headless, FQDN) or
/// unusable.</param>
/// <param name="Problems">What could not be used. Where there is an event, its object carries the same list.</param>
internal readonly record struct ObjectReading(ObjectKey? Key, string ResourceVersion, ClusterEvent? Set, ImmutableArray<Problem> Problems);

/// <summary>Names of the kinds.</summary>
internal static class ObjectKinds
{
    public static string NameOf(ObjectKind kind) => kind switch
    {
        ObjectKind.Service => "Service",
        ObjectKind.EndpointSlice => "EndpointSlice",
        ObjectKind.Node => "Node",
        ObjectKind.ServiceCidr => "ServiceCIDR",
        _ => "object",
    };

    /// <summary>
    /// The kind that apiVersion and kind name. Only the group counts: v1 and the betas of these kinds have the same fields.
    /// </summary>
    public static ObjectKind Of(string? apiVersion, string? kind)
    {
        string group = apiVersion?.Split('/') is [string before, _] ? before : "";
        return (group, kind) switch
        {
            ("", "Service") => ObjectKind.Service,
            ("discovery.k8s.io", "EndpointSlice") => ObjectKind.EndpointSlice,
            ("", "Node") => ObjectKind.Node,
            ("networking.k8s.io", "ServiceCIDR") => ObjectKind.ServiceCidr,
            _ => ObjectKind.Other,
        };
    }

    /// <summary>The event that takes an object of this kind and name back.</summary>
    public static ClusterEvent Gone(ObjectKey key) => key.Kind switch
    {
        ObjectKind.Service => new ClusterEvent.ServiceGone(key.Name),
        ObjectKind.EndpointSlice => new ClusterEvent.SliceGone(key.Name),
        ObjectKind.Node => new ClusterEvent.NodeSet(null),
        ObjectKind.ServiceCidr => new ClusterEvent.ServiceCidrGone(key.Name.Name),
        _ => throw new ArgumentOutOfRangeException(nameof(key), key.Kind, "not a kind that is handed on"),
    };
}
