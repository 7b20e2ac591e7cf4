using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>
/// Packets that connection tracking cannot place: they would pass untranslated and reset the connection they belong to
/// (kubernetes/kubernetes#74839).
/// </summary>
public sealed class InvalidSegmentTests
{
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(0.5);

    [Theory]
    [InlineData("nft", "modern")]
    [InlineData("nft", "classic")]
    [InlineData("legacy", "modern")]
    [InlineData("legacy", "classic")]
    public async Task Invalid_segments_of_an_endpoint_do_not_reach_the_client_untranslated(string backend, string layout)
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(pods: 2, $"iptables {backend} {layout} linear");
        (NamedClient connection, StraySegments seen) = await ConnectAsync(service);
        using NamedClient client = connection;
        using StraySegments arrived = seen;

        Send(service, client);

        // What is behind the window counts as sent again and is translated; at least one of them is ahead of it.
        IReadOnlyList<InetEndpoint> sources = arrived.Take(StraySegments.Count, s_quiet);
        Assert.All(sources, static source => Assert.Equal(Service, source));
        Assert.InRange(sources.Count, 0, StraySegments.Count - 1);
        Assert.Equal("pod-2", await client.AskAsync(ServiceInABox.Patience));

        // A running proxy would put the rule back before the segments come.
        service.Stop(kill: true);
        service.Box.Node.Run(() => Tool.Run($"iptables-{backend}", ["-w", "-D", "KUBE-FORWARD", "1"]));
        Send(service, client);

        Assert.Contains(Endpoint(service), arrived.Take(StraySegments.Count, ServiceInABox.Patience));
    }

    /// <summary>Mode nftables has no rule for them (docs/decisions/0009): this is what it has instead.</summary>
    [Fact]
    public async Task With_tcpBeLiberal_mode_nftables_translates_them()
    {
        Lab.SkipWithoutNamespaces();
        var liberal = new JsonObject { ["conntrack"] = new JsonObject { ["tcpBeLiberal"] = true } };
        using var service = new ServiceInABox(pods: 2, "nftables", liberal);
        (NamedClient connection, StraySegments seen) = await ConnectAsync(service);
        using NamedClient client = connection;
        using StraySegments arrived = seen;

        Send(service, client);

        Assert.Equal(Enumerable.Repeat(Service, StraySegments.Count), arrived.Take(StraySegments.Count, ServiceInABox.Patience));
        Assert.Equal("pod-2", await client.AskAsync(ServiceInABox.Patience));
    }

    [Theory]
    [InlineData("nft", "modern")]
    [InlineData("legacy", "classic")]
    public async Task With_tcpBeLiberal_no_rule_drops_them_and_they_are_translated(string backend, string layout)
    {
        Lab.SkipWithoutNamespaces();
        var liberal = new JsonObject { ["conntrack"] = new JsonObject { ["tcpBeLiberal"] = true } };
        using var service = new ServiceInABox(pods: 2, $"iptables {backend} {layout} linear", liberal);
        (NamedClient connection, StraySegments seen) = await ConnectAsync(service);
        using NamedClient client = connection;
        using StraySegments arrived = seen;

        Send(service, client);

        Assert.Equal(Enumerable.Repeat(Service, StraySegments.Count), arrived.Take(StraySegments.Count, ServiceInABox.Patience));
        Assert.Equal("pod-2", await client.AskAsync(ServiceInABox.Patience));
        Assert.DoesNotContain("INVALID", service.Box.Node.Run(() => Tool.Run($"iptables-{backend}-save", [])), StringComparison.Ordinal);
    }

    private static InetEndpoint Service { get; } = new(InetAddress.From(ServiceInABox.Tcp(IpFamily.IPv4).Address),
        (ushort)ServiceInABox.Tcp(IpFamily.IPv4).Port);

    private static InetEndpoint Endpoint(ServiceInABox service) => new(service.Box.Pods[1].V4, NodeInABox.PodPort);

    // From one pod to the other, which both send all they have through the node.
    private static async Task<(NamedClient, StraySegments)> ConnectAsync(ServiceInABox service)
    {
        service.ServeFrom([service.Box.Pods[1]]);
        await service.StartAsync();
        NamedClient client = await NamedClient.ConnectAsync(service.Box.PodSockets("pod-1"), ServiceInABox.Tcp(IpFamily.IPv4),
            ServiceInABox.Patience);
        Assert.Equal("pod-2", await client.AskAsync(ServiceInABox.Patience));
        return (client, service.Box.Pod("pod-1").Run(static () => new StraySegments()));
    }

    private static void Send(ServiceInABox service, NamedClient client) => service.Box.Pod("pod-2").Run(() =>
        StraySegments.Send(Endpoint(service), new InetEndpoint(InetAddress.From(client.Local.Address), (ushort)client.Local.Port)));
}
