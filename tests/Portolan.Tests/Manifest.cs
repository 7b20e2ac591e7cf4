namespace Portolan.Tests;

/// <summary>Manifests that tests have in common.</summary>
internal static class Manifest
{
    public const string GoodService = """
        apiVersion: v1
        kind: Service
        metadata: {name: good, namespace: shop}
        spec:
          clusterIPs: [172.30.0.80]
          ports: [{name: http, port: 80}]
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: good-1, namespace: shop, labels: {kubernetes.io/service-name: good}}
        addressType: IPv4
        ports: [{name: http, port: 8080}]
        endpoints: [{addresses: [10.244.1.10], nodeName: node-a}]
        """;

    public const string Node = """
        apiVersion: v1
        kind: Node
        metadata: {name: node-a}
        status: {addresses: [{type: InternalIP, address: 192.168.10.11}]}
        """;

    public static string Service(string name, string spec) => $$"""
        apiVersion: v1
        kind: Service
        metadata: {name: {{name}}, namespace: shop}
        spec: {{spec}}
        """;

    public static string Slice(string name, string service, string type, string endpoints) => $$$"""
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: {{{name}}}, namespace: shop, labels: {kubernetes.io/service-name: {{{service}}}}}
        addressType: {{{type}}}
        ports: [{name: http, port: 8080}]
        endpoints: [{{{endpoints}}}]
        """;
}
