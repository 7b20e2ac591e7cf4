using System.Globalization;
using Portolan.Services.Cluster;

namespace Portolan.Bench;

/// <summary>The generated cluster as a folder of manifests, for a proxy that runs as a process.</summary>
internal static class ManifestWriter
{
    internal static void Write(string folder, int services, int endpoints)
    {
        Directory.CreateDirectory(folder);
        const int perFile = 1000;
        for (int first = 0; first < services; first += perFile)
        {
            using var file =
                new StreamWriter(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"services-{first:d6}.yaml")));
            for (int i = first; i < Math.Min(services, first + perFile); i++)
            {
                var service = ClusterGenerator.Service(i);
                var slice = ClusterGenerator.Slice(i, endpoints);
                file.Write(string.Create(CultureInfo.InvariantCulture, $$$"""
                    ---
                    apiVersion: v1
                    kind: Service
                    metadata: {namespace: bench, name: {{{service.Name.Name}}}}
                    spec: {clusterIP: {{{service.ClusterIPs[0]}}}, ports: [{name: http, port: 80, protocol: TCP}]}
                    ---
                    apiVersion: discovery.k8s.io/v1
                    kind: EndpointSlice
                    metadata: {namespace: bench, name: {{{slice.Name.Name}}}, labels: {kubernetes.io/service-name: {{{service.Name.Name}}}}}
                    addressType: IPv4
                    ports: [{name: http, port: 8080, protocol: TCP}]
                    endpoints: [{{{Endpoints(slice)}}}]

                    """));
            }
        }
    }

    /// <summary>The services of <see cref="KubeProxyLayout.Specials"/>, the node and the range of cluster IPs.</summary>
    internal static void WriteSpecials(string folder, string nodeAddress)
    {
        using var file = new StreamWriter(Path.Combine(folder, "specials.yaml"));
        file.Write($$"""
            apiVersion: v1
            kind: Node
            metadata: {name: node-b}
            status: {addresses: [{type: InternalIP, address: {{nodeAddress}}}]}
            ---
            apiVersion: networking.k8s.io/v1
            kind: ServiceCIDR
            metadata: {name: kubernetes}
            spec: {cidrs: [172.16.0.0/12]}

            """);
        foreach (SpecialService special in KubeProxyLayout.Specials)
        {
            string addresses =
                string.Join(", ", special.Addresses.Select(static address => $"{{addresses: [{address}], nodeName: node-z}}"));
            file.Write(string.Create(CultureInfo.InvariantCulture, $$$"""
                ---
                apiVersion: v1
                kind: Service
                metadata: {namespace: bench, name: {{{special.Name}}}}
                spec:
                  type: {{{(special.NodePort == 0 ? "ClusterIP" : "NodePort")}}}
                  clusterIP: {{{special.ClusterIP}}}
                  sessionAffinity: {{{(special.HasAffinity ? "ClientIP" : "None")}}}
                  ports: [{name: http, port: 80, protocol: TCP, nodePort: {{{special.NodePort}}}}]
                ---
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {namespace: bench, name: {{{special.Name}}}, labels: {kubernetes.io/service-name: {{{special.Name}}}}}
                addressType: IPv4
                ports: [{name: http, port: 8080, protocol: TCP}]
                endpoints: [{{{addresses}}}]

                """));
        }
    }

    private static string Endpoints(EndpointSliceObject slice) =>
        string.Join(", ", slice.Endpoints.Select(endpoint => $"{{addresses: [{endpoint.Address}], nodeName: {endpoint.NodeName}}}"));
}
