namespace Portolan.Services.Cluster;

/// <summary>Something wrong with one object, reported to the operator; the rest of the object and all other objects stay in use.</summary>
/// <param name="Kind">Kubernetes kind, for example "Service".</param>
/// <param name="Object">"namespace/name" of the object.</param>
/// <param name="Field">Path of the field at fault, for example "spec.ports[1].port"; empty for the object as a whole.</param>
/// <param name="Message">What is wrong and what is done about it, without the object's name.</param>
public sealed record Problem(string Kind, string Object, string Field, string Message)
{
    /// <summary>The Service whose NodePort, or port for health checks, cannot be used; null for any other problem.</summary>
    public ObjectName? NodePortOf { get; init; }

    /// <summary>One line: kind, object, field, message.</summary>
    public override string ToString() => Field.Length == 0 ? $"{Kind} {Object}: {Message}" : $"{Kind} {Object}, {Field}: {Message}";
}
