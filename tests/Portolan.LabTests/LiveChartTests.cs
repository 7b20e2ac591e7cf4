using System.Text.Json;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>The chart on a live node: what our data planes write is clean and read right, in every layout.</summary>
public sealed class LiveChartTests : IAsyncLifetime
{
    // Each of these runs two programs beside its pods: many at once only wait for each other.
    private static readonly SemaphoreSlim s_atWork = new(initialCount: 2);

    public static TheoryData<string, string> Planes => new()
    {
        { "nftables", "" },
        { "nftables", "--counters" },
        { "iptables nft modern linear", "" },
        { "iptables nft classic linear", "" },
        { "iptables nft modern tree", "" },
        { "iptables legacy classic tree", "" },
    };

    public async ValueTask InitializeAsync() => await s_atWork.WaitAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync()
    {
        s_atWork.Release();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [MemberData(nameof(Planes))]
    public async Task What_our_planes_write_is_clean_and_agrees_with_the_cluster(string variant, string flags)
    {
        Lab.SkipWithoutNamespaces();
        using var box = new ServiceInABox(2, variant, configuration: null, [.. flags.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        // Enough services that a tree has branches, of every kind that rules differ by.
        for (int number = 1; number <= 40; number++)
        {
            JsonObject service = KubernetesObjects.Service("shop", $"s{number}",
                [InetAddress.Parse($"172.30.1.{number}"), InetAddress.Parse($"fd00:172:30::1:{number}")], 8000 + number);
            JsonObject spec = service["spec"]!.AsObject();
            spec["type"] = number % 4 == 0 ? "LoadBalancer" : "ClusterIP";
            if (number % 4 == 0)
            {
                spec["ports"]![0]!["nodePort"] = 31000 + number;
                service["status"] = new JsonObject
                {
                    ["loadBalancer"] =
                    new JsonObject { ["ingress"] = new JsonArray(new JsonObject { ["ip"] = $"203.0.113.{number}" }) }
                };
            }
            if (number % 8 == 0)
                spec["externalTrafficPolicy"] = "Local";
            if (number % 5 == 0)
                spec["sessionAffinity"] = "ClientIP";
            if (number % 16 == 0)
                spec["loadBalancerSourceRanges"] = new JsonArray("198.51.100.0/24");
            box.Apply(service);
            if (number % 10 != 3)
                box.Apply(KubernetesObjects.Slice("shop", $"s{number}", IpFamily.IPv4, box.Box.Pods.Select(pod => pod.V4), 8080, "node-a"));
        }
        await box.StartAsync();

        (int status, string output, string errors) = NodeProgram.Run(box.Box.Node, "check");
        Assert.True(status == 0, output + errors);
        (status, output, errors) = NodeProgram.Run(box.Box.Node, "check", "--manifests", box.Manifests, "--node", "node-a");
        Assert.True(status == 0, output + errors);

        (status, output, errors) = NodeProgram.Run(box.Box.Node, "services", "--json");
        Assert.Equal((0, ""), (status, errors));
        var services = JsonDocument.Parse(output).RootElement.GetProperty("services").EnumerateArray().ToList();
        JsonElement one = services.Single(item => item.GetProperty("service").GetString() == "shop/s8"
            && item.GetProperty("family").GetString() == "IPv4");
        Assert.True(one.GetProperty("externalTrafficPolicyLocal").GetBoolean());
        Assert.Equal(box.Box.Pods.Select(pod => (new InetEndpoint(pod.V4, 8080).ToString(), 0.5)),
            one.GetProperty("endpoints").EnumerateArray()
            .Select(endpoint => (endpoint.GetProperty("address").GetString()!, endpoint.GetProperty("share").GetDouble())).Order());
    }

    [Theory]
    [InlineData("nftables", "error: services: no-entry", "flush table ip portolan")]
    [InlineData("nftables", "error: shop/web:main: service-without-rules", "flush ruleset")]
    [InlineData("iptables nft modern linear", "error: shop/web:main: service-without-rules", "flush chain ip nat KUBE-SERVICES")]
    public async Task Rules_that_somebody_flushed_are_the_worst_finding(string variant, string finding, string flush)
    {
        Lab.SkipWithoutNamespaces();
        using var box = new ServiceInABox(1, variant);
        await box.StartAsync();
        // The proxy would repair it before the check looks.
        box.Stop(kill: true);
        box.Box.Node.Run(() => Tool.Run("nft", flush.Split(' ')));
        (int status, string output, string errors) = NodeProgram.Run(box.Box.Node, "check", "--manifests", box.Manifests,
            "--node", "node-a");
        Assert.True(status == 1, output + errors);
        Assert.Contains(finding, output, StringComparison.Ordinal);
    }
}
