namespace Portolan.Testing.FakeApiServer;

/// <summary>The collections a fake API server offers.</summary>
public sealed record FakeResource(string ApiVersion, string Kind, string Plural, string Path)
{
    public static FakeResource Services { get; } = new("v1", "Service", "services", "/api/v1/services");

    public static FakeResource EndpointSlices { get; } =
        new("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", "/apis/discovery.k8s.io/v1/endpointslices");

    public static FakeResource Nodes { get; } = new("v1", "Node", "nodes", "/api/v1/nodes");

    public static FakeResource ServiceCidrs { get; } =
        new("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs", "/apis/networking.k8s.io/v1/servicecidrs");

    public static IReadOnlyList<FakeResource> All { get; } = [Services, EndpointSlices, Nodes, ServiceCidrs];

    public static FakeResource? OfKind(string? kind) => All.FirstOrDefault(resource => resource.Kind == kind);
}
