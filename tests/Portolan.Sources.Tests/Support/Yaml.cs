using System.Text;
using Portolan.Services.Cluster;
using Portolan.Sources.Manifests;

namespace Portolan.Sources.Tests.Support;

/// <summary>Kubernetes objects written as YAML in tests.</summary>
internal static class Yaml
{
    public static ManifestFile Read(string yaml) => Read("test.yaml", Encoding.UTF8.GetBytes(yaml));

    public static ManifestFile Read(string fileName, byte[] bytes) => new ManifestReader().Read(fileName, bytes);

    public static ServiceObject Service(string spec, string metadata = "name: web, namespace: shop", string status = "{}") =>
        ((ClusterEvent.ServiceSet)Read($"{{apiVersion: v1, kind: Service, metadata: {{{metadata}}}, spec: {{{spec}}}, status: {status}}}")
            .Objects.Values.Single().Set).Service;

    public static EndpointSliceObject Slice(
        string endpoints, string ports = "[{port: 80}]", string addressType = "IPv4",
        string metadata = "name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}") =>
        ((ClusterEvent.SliceSet)Read(SliceText(endpoints, ports, addressType, metadata)).Objects.Values.Single().Set).Slice;

    public static string SliceText(
        string endpoints, string ports = "[{port: 80}]", string addressType = "IPv4",
        string metadata = "name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}") =>
        $"{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{{metadata}}}, addressType: {addressType}, ports: {ports}, " +
            $"endpoints: {endpoints}}}";

    public static NodeObject Node(string yaml) =>
        ((ClusterEvent.NodeSet)Read($"{{apiVersion: v1, kind: Node, {yaml}}}").Objects.Values.Single().Set).Node!;

    public static string TextOf(IEnumerable<Problem> problems) => string.Join('\n', problems);
}
