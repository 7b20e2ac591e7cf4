using System.Text;
using CsCheck;
using Portolan.Sources.Manifests;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Tests.Objects;

public class HostileInputTests
{
    private static readonly string[] s_samples =
    [
        """{"apiVersion":"v1","kind":"Service","metadata":{"name":"web","labels":{"a":"b"}},"spec":{"type":"LoadBalancer","clusterIPs":["10.0.0.1"],"ports":[{"name":"http","port":80,"nodePort":30080}],"externalIPs":["192.0.2.1"],"loadBalancerSourceRanges":["10.0.0.0/8"],"sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":5}}},"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.1","ipMode":"VIP"}]}}}""",
        """{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"web-1","labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4","ports":[{"name":"http","port":80}],"endpoints":[{"addresses":["10.1.0.1"],"conditions":{"ready":true},"nodeName":"n","hints":{"forZones":[{"name":"z"}],"forNodes":[{"name":"n"}]}}]}""",
        """{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"spec":{"podCIDRs":["10.0.0.0/24"],"taints":[{"key":"x"}]},"status":{"addresses":[{"type":"InternalIP","address":"192.168.0.2"}]}}""",
        """{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{"name":"k"},"spec":{"cidrs":["10.96.0.0/12"]}}""",
        """{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"clusterIP":"10.0.0.1","ports":[{"port":80}]}}]}""",
    ];

    // Whole tokens put in other places reach further into the reader than random bytes do.
    private static readonly string[] s_tokens =
        ["null", "1", "-1", "1e99", "true", "\"x\"", "\"\\ud800\"", "[]", "{}", "[1]", "{\"a\":1}", "\"\"", ",", ":", "}", "]",
        "\"name\":", "\0", "é"];

    private static readonly Gen<string> s_spoiled = Gen.Select(
        Gen.Int[0, s_samples.Length - 1], Gen.Select(Gen.Double[0, 1], Gen.Int[0, 12], Gen.Int[0, s_tokens.Length - 1]).Array[1, 4])
            .Select((sample, edits) =>
        {
            string json = s_samples[sample];
            foreach ((double at, int cut, int token) in edits)
            {
                int start = (int)(at * json.Length);
                json = json[..start] + s_tokens[token] + json[Math.Min(json.Length, start + cut)..];
            }
            return json;
        });

    [Fact]
    public void Spoiled_objects_make_problems_and_never_exceptions()
    {
        var reader = new ObjectReader();
        s_spoiled.Sample(
            json =>
            {
                byte[] bytes = Encoding.UTF8.GetBytes(json);
                foreach (ObjectKind kind in (ObjectKind[])[ObjectKind.Service, ObjectKind.EndpointSlice, ObjectKind.Node,
                    ObjectKind.ServiceCidr])
                {
                    ObjectReading reading = reader.Read(kind, bytes);
                    Assert.True(reading.Key is not null || !reading.Problems.IsEmpty);
                    Assert.All(reading.Problems, problem => Assert.DoesNotContain(problem.ToString(), char.IsControl));
                }
            },
            iter: 20_000, threads: 1);
    }

    [Fact]
    public void Spoiled_manifests_make_problems_and_never_exceptions()
    {
        var reader = new ManifestReader();
        s_spoiled.Sample(
            json =>
            {
                byte[] bytes = Encoding.UTF8.GetBytes(json);
                foreach (string name in (string[])["a.json", "a.yaml"])
                {
                    ManifestFile file = reader.Read(name, bytes);
                    Assert.True(file.IsSound || !file.Problems.IsEmpty);
                }
            },
            iter: 5_000, threads: 1);
    }

    [Fact]
    public void Any_bytes_make_problems_and_never_exceptions() => Gen.Byte.Array[0, 60].Sample(
        bytes =>
        {
            new ManifestReader().Read("a.yaml", bytes);
            new ManifestReader().Read("a.json", bytes);
            new ObjectReader().Read(ObjectKind.Service, bytes);
        },
        iter: 5_000, threads: 1);
}
