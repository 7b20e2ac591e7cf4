using System.Globalization;
using System.Text;

namespace Portolan.Testing.FakeApiServer;

/// <summary>Fills a cluster for measurements: services of a real one's size, managed fields included.</summary>
public static class FakePopulation
{
    // Half the size of a real object, and skipped by its readers.
    private const string ManagedFields =
        """
        "managedFields":[{"manager":"helm","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1",
        "fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:app":{},"f:team":{}}},"f:spec":{"f:internalTrafficPolicy":{},
        "f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:protocol":{},"f:targetPort":{}}},
        "f:selector":{},"f:sessionAffinity":{},"f:type":{}}}}]
        """;

    /// <summary>Adds a node, a ServiceCIDR and services svc-0 ... with one slice each.</summary>
    /// <param name="cluster">Where to.</param>
    /// <param name="services">How many, at most 1,000,000.</param>
    /// <param name="endpoints">Endpoints of each service.</param>
    /// <param name="nodes">Nodes over which the endpoints are spread; the first is node-0.</param>
    public static void Populate(FakeCluster cluster, int services, int endpoints, int nodes = 100)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        cluster.Apply("""
            {"apiVersion":"v1","kind":"Node","metadata":{"name":"node-0","labels":{"topology.kubernetes.io/zone":"zone-0"}},
             "spec":{"podCIDR":"10.128.0.0/24","podCIDRs":["10.128.0.0/24"]},"status":{"addresses":[{"type":"InternalIP","address":"192.168.0.2"}]}}
            """);
        cluster.Apply("""{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{"name":"kubernetes"},"spec":{"cidrs":["172.16.0.0/12"]}}""");
        for (int i = 0; i < services; i++)
        {
            cluster.Apply(Service(i));
            cluster.Apply(Slice(i, endpoints, nodes, shift: 0));
        }
    }

    /// <summary>Service number <paramref name="index"/>.</summary>
    public static string Service(int index) => string.Create(CultureInfo.InvariantCulture,
        $$"""
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"svc-{{index}}","namespace":"ns-{{index % 50}}","creationTimestamp":"2026-01-01T00:00:00Z",
        "labels":{"app":"app-{{index}}","team":"team-{{index % 20}}"},"annotations":{"meta.helm.sh/release-name":"app-{{index}}"},
        {{ManagedFields}} },
        "spec":{"ports":[{"name":"http","protocol":"TCP","port":80,"targetPort":8080}],"selector":{"app":"app-{{index}}"},"clusterIP":"{{ClusterIP(index)}}","clusterIPs":["{{ClusterIP(index)}}"],"type":"ClusterIP","sessionAffinity":"None","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","internalTrafficPolicy":"Cluster"},"status":{"loadBalancer":{} } }
        """);

    /// <summary>The slice of service number <paramref name="index"/>; another <paramref name="shift"/> gives it other endpoints.</summary>
    public static string Slice(int index, int endpoints, int nodes, int shift)
    {
        var list = new StringBuilder();
        for (int e = 0; e < endpoints; e++)
        {
            int pod = index * endpoints + e + shift * 7_919;
            list.Append(e == 0 ? "" : ",").Append(CultureInfo.InvariantCulture,
                $$"""{"addresses":["10.{{128 + (pod >> 16) % 100}}.{{(pod >> 8) & 255}}.{{pod & 255}}"],"conditions":{"ready":true,"serving":true,"terminating":false},"targetRef":{"kind":"Pod","namespace":"ns-{{index % 50}}","name":"app-{{index}}-{{e}}","uid":"00000000-0000-0000-0000-{{pod:D12}}"},"nodeName":"node-{{pod % nodes}}","zone":"zone-{{pod % 3}}"}""");
        }
        return string.Create(CultureInfo.InvariantCulture,
            $$"""
            {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"svc-{{index}}-abcde","generateName":"svc-{{index}}-","namespace":"ns-{{index % 50}}","creationTimestamp":"2026-01-01T00:00:00Z",
            "labels":{"app":"app-{{index}}","endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io","kubernetes.io/service-name":"svc-{{index}}"},"annotations":{"endpoints.kubernetes.io/last-change-trigger-time":"2026-01-01T00:00:00Z"},"ownerReferences":[{"apiVersion":"v1","kind":"Service","name":"svc-{{index}}","uid":"00000000-0000-0000-0000-{{index:D12}}","controller":true,"blockOwnerDeletion":true}]},
            "addressType":"IPv4","endpoints":[{{list}}],"ports":[{"name":"http","protocol":"TCP","port":8080}]}
            """);
    }

    private static string ClusterIP(int index) =>
        string.Create(CultureInfo.InvariantCulture, $"172.{16 + ((index >> 16) & 15)}.{(index >> 8) & 255}.{index & 255}");
}
