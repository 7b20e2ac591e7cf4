namespace Portolan.Tests;

/// <summary>Objects of an API server that tests have in common.</summary>
internal static class Objects
{
    public const string Service = """
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"good","namespace":"shop"},
         "spec":{"type":"LoadBalancer","clusterIP":"172.30.0.80","clusterIPs":["172.30.0.80"],"externalTrafficPolicy":"Local",
         "healthCheckNodePort":32001,"ports":[{"name":"http","port":80,"nodePort":30080}]}}
        """;

    public const string Slice = """
        {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv4","ports":[{"name":"http","port":8080}],
         "metadata":{"name":"good-1","namespace":"shop","labels":{"kubernetes.io/service-name":"good"}},
         "endpoints":[{"addresses":["10.244.1.10"],"nodeName":"node-a"}]}
        """;

    public const string Node = """
        {"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a"},
         "status":{"addresses":[{"type":"InternalIP","address":"192.168.10.11"}]}}
        """;
}
