using System.Text.Json;

namespace Portolan.LabTests.Why;

/// <summary>
/// `portolan why` on nodes that are broken in one place each: real packets show that the service fails, and the first two lines of the
/// answer name the cause.
/// </summary>
public sealed class WhyOnBrokenNodesTests : IAsyncLifetime
{
    // Each of these runs several programs beside its pods: many at once only wait for each other.
    private static readonly SemaphoreSlim s_atWork = new(initialCount: 2);

    public static TheoryData<string> Names => [.. WhyCases.All.Select(item => item.Name)];

    public async ValueTask InitializeAsync() => await s_atWork.WaitAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync()
    {
        s_atWork.Release();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_cause_is_named_in_two_lines(string name)
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithout("nft", "iptables-nft", "iptables-legacy", "ip", "conntrack");
        WhyCase damage = WhyCases.All.Single(item => item.Name == name);
        using var node = new BrokenNode(damage.Variant, damage.Configuration);
        damage.Cluster?.Invoke(node);
        if (damage.HasProxy)
            await node.StartAsync();
        if (damage.Break is { } breakIt)
        {
            if (damage.HealthyAnswer is { } healthy)
                Assert.Equal(healthy, await node.AskAsync(damage.Client, damage.Dials, ServiceInABox.Patience));
            await breakIt(node);
        }
        await node.UntilAsync(damage.Client, damage.Dials, damage.Gets);

        (int status, string output, string errors) = NodeProgram.Run(node.Box.Node, ["why", .. damage.Ask.Replace("MANIFESTS",
            $"--manifests {node.Manifests}", StringComparison.Ordinal).Split(' ')]);

        string[] lines = output.Split('\n');
        Assert.True(status == 1 && lines.Length >= 2, $"status {status}\n{output}{errors}{node.Describe()}");
        Assert.True(lines[0] == damage.Verdict, $"expected {damage.Verdict}\n{output}");
        Assert.True(lines[1].StartsWith($"  cause: {damage.Cause}: ", StringComparison.Ordinal), $"expected {damage.Cause}\n{output}");
        Assert.All(damage.Says, says => Assert.True(lines[1].Contains(says, StringComparison.Ordinal), $"expected {says}\n{output}"));

        // Who does not know yet which service is broken sees it in the list of all, with the same cause.
        (_, string list, errors) = NodeProgram.Run(node.Box.Node, "services", "--why", "--json", "--manifests", node.Manifests,
            "--node", "node-a");
        string asked = damage.Ask.Contains("shop/late", StringComparison.Ordinal) ? "shop/late" : "shop/cart";
        string?[] causes = [.. JsonDocument.Parse(list).RootElement.GetProperty("services").EnumerateArray()
            .Where(service => service.GetProperty("service").GetString() == asked).Select(service => service.GetProperty("why"))
            .Where(why => why.GetProperty("state").GetString() == "fails").Select(why => why.GetProperty("code").GetString())];
        Assert.True(damage.ListedAs is null ? causes.Length == 0 : causes.Contains(damage.ListedAs), $"{list}{errors}");
    }

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables nft modern linear")]
    [InlineData("iptables legacy modern linear")]
    public async Task A_healthy_node_has_no_cause(string variant)
    {
        Lab.SkipWithoutNamespaces();
        using var node = new BrokenNode(variant, []);
        await node.StartAsync();
        foreach (string dials in (string[])[$"{BrokenNode.ClusterIP}:80", $"192.168.0.2:{BrokenNode.NodePort}",
            $"{BrokenNode.LoadBalancer}:80"])
            await node.UntilAsync("outside", dials, "pod-1");
        foreach (string client in (string[])["pod", "pod-1", "node"])
            await node.UntilAsync(client, $"{BrokenNode.ClusterIP}:80", "pod-1");

        (int status, string output, string errors) = NodeProgram.Run(node.Box.Node, "why", "shop/cart", "--manifests", node.Manifests);

        Assert.True(status == 0, output + errors);
        Assert.DoesNotContain("cause:", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trace_follows_the_answer_to_where_it_is_dropped()
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithout("iptables-nft");
        using var node = new BrokenNode("nftables", []);
        await node.StartAsync();
        string[] trace = ["trace", "--src", "outside", "--dst", "shop/cart", "--reply"];
        await node.UntilAsync("outside", $"{BrokenNode.ClusterIP}:80", "pod-1");

        (int _, string healthy, string errors) = NodeProgram.Run(node.Box.Node, trace);
        node.Run("iptables-nft-restore", "--noflush", "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -o cni0 -j ACCEPT\nCOMMIT\n");
        await node.UntilAsync("outside", $"{BrokenNode.ClusterIP}:80", "no answer");
        (int _, string broken, string _) = NodeProgram.Run(node.Box.Node, trace);

        Assert.StartsWith("tcp 203.0.113.9 -> 172.30.0.90:80, new, in via eth0\n", healthy, StringComparison.Ordinal);
        Assert.True(healthy.Contains("The reply of 10.180.0.101:8080\n", StringComparison.Ordinal)
            && healthy.Contains("forwarded to 203.0.113.9, its source becomes 172.30.0.90", StringComparison.Ordinal), healthy + errors);
        Assert.True(broken.Contains("100 %  forwarded to 10.180.0.101:8080", StringComparison.Ordinal)
            && broken.Contains("100 %  dropped on the way to 203.0.113.9, by the policy of filter FORWARD", StringComparison.Ordinal),
            broken);
    }

    [Fact]
    public async Task Pods_outside_clusterCIDR_are_seen_as_the_node()
    {
        Lab.SkipWithoutNamespaces();
        using var node = new BrokenNode("nftables", new() { ["clusterCIDR"] = "10.99.0.0/16" });
        node.ServeFrom("10.180.0.101", 7777);
        await node.StartAsync();
        Assert.Equal("10.180.0.1", await node.SourceSeenAsync("pod-2"));

        (int status, string output, string errors) = NodeProgram.Run(node.Box.Node, "why", "shop/cart", "--from", "10.180.0.102",
            "--manifests", node.Manifests, "--node", "node-a");

        string[] lines = output.Split('\n');
        Assert.True(status == 1, output + errors);
        Assert.Equal("shop/cart:main at 172.30.0.90:80 from 10.180.0.102: served with a foreign source", lines[0]);
        Assert.StartsWith("  cause: pod-range: the rules take 10.99.0.0/16 for the addresses of pods, and 10.180.0.102 is in none of them",
            lines[1], StringComparison.Ordinal);
    }
}
