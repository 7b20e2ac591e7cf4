namespace Portolan.Services.Cluster;

/// <summary>Namespace and name of a Kubernetes object. Both come from the cluster and are untrusted text.</summary>
/// <param name="Namespace">The namespace; empty for objects that have none (Node, ServiceCIDR).</param>
/// <param name="Name">The name.</param>
public readonly record struct ObjectName(string Namespace, string Name) : IComparable<ObjectName>
{
    /// <summary>Orders by namespace, then by name, byte by byte.</summary>
    public int CompareTo(ObjectName other)
    {
        int byNamespace = string.CompareOrdinal(Namespace, other.Namespace);
        return byNamespace != 0 ? byNamespace : string.CompareOrdinal(Name, other.Name);
    }

    /// <summary>"namespace/name", or the name alone.</summary>
    public override string ToString() => string.IsNullOrEmpty(Namespace) ? Name : $"{Namespace}/{Name}";

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator <(ObjectName left, ObjectName right) => left.CompareTo(right) < 0;

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator >(ObjectName left, ObjectName right) => left.CompareTo(right) > 0;

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator <=(ObjectName left, ObjectName right) => left.CompareTo(right) <= 0;

    /// <summary>See <see cref="CompareTo"/>.</summary>
    public static bool operator >=(ObjectName left, ObjectName right) => left.CompareTo(right) >= 0;
}
