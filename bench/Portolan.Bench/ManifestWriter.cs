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

    private static string Endpoints(EndpointSliceObject slice) =>
        string.Join(", ", slice.Endpoints.Select(endpoint => $"{{addresses: [{endpoint.Address}], nodeName: {endpoint.NodeName}}}"));
}
