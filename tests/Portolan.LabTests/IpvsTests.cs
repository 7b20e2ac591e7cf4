using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>
/// What goes wrong with IPVS elsewhere, and how mode ipvs heals. On kernels without IPVS these are skipped; tests/vm has others.
/// </summary>
public sealed class IpvsTests
{
    private static readonly IPEndPoint s_webV4 = ServiceInABox.Tcp(IpFamily.IPv4);

    public static TheoryData<IpFamily> Families { get; } = [IpFamily.IPv4, IpFamily.IPv6];

    /// <summary>kubernetes#65158: with the service's address on an interface, that is the source.</summary>
    [Theory(DisableParallelization = true)]
    [MemberData(nameof(Families))]
    public async Task A_process_of_the_node_asks_with_the_nodes_address(IpFamily family)
    {
        using ServiceInABox service = await StartAsync();
        using NamedClient connection =
            await NamedClient.ConnectAsync(service.Box.NodeSockets, ServiceInABox.Tcp(family), ServiceInABox.Patience);
        InetAddress node = family == IpFamily.IPv4 ? NodeInABox.NodeAddressV4 : NodeInABox.NodeAddressV6;
        Assert.Equal(node.ToIPAddress(), connection.Local.Address);
        Assert.StartsWith("pod-", await connection.AskAsync(ServiceInABox.Patience), StringComparison.Ordinal);
    }

    /// <summary>kubernetes#72236: a process that listens on all addresses answers at services' as well.</summary>
    [Theory(DisableParallelization = true)]
    [MemberData(nameof(Families))]
    public async Task A_port_of_a_process_of_the_node_does_not_answer_at_a_services_address(IpFamily family)
    {
        using ServiceInABox service = await StartAsync();
        const int port = 8443;
        using NamedServer server = service.Box.Node.Run(static () => new NamedServer("node", port));
        InetAddress node = family == IpFamily.IPv4 ? NodeInABox.NodeAddressV4 : NodeInABox.NodeAddressV6;
        Assert.Equal("node",
            await NamedClient.AskOnceAsync(service.Box.ClientSockets, new(node.ToIPAddress(), port), ServiceInABox.Patience));
        foreach (NamedClient.SocketSource sockets in
            (NamedClient.SocketSource[])[service.Box.ClientSockets, service.Box.NodeSockets, service.Box.PodSockets("pod-1")])
        {
            await Assert.ThrowsAnyAsync<SocketException>(() =>
                NamedClient.AskOnceAsync(sockets, new(ServiceInABox.Tcp(family).Address, port), ServiceInABox.Patience));
        }
    }

    /// <summary>kubernetes#81775, kube-router#544: a client that reuses a port is sent to a pod that is gone, or waits a second.</summary>
    [Fact(DisableParallelization = true)]
    public async Task A_client_that_reuses_a_port_after_its_pod_went_is_served_by_another()
    {
        using ServiceInABox service = await StartAsync();
        const int ports = 20;
        var answers = new Dictionary<int, string>();
        for (int port = 40000; port < 40000 + ports; port++)
            answers[port] = await AskFromAsync(service, port);
        string gone = answers.Values.First();
        var others = service.Box.Pods.Where(pod => pod.Name != gone).ToList();
        service.ServeFrom(others);
        await service.ServedOnlyByAsync([.. others.Select(static pod => pod.Name)]);
        foreach (int port in answers.Keys)
            Assert.NotEqual(gone, await AskFromAsync(service, port));
    }

    /// <summary>kubernetes#57841, #99162: a removed server lives until somebody looks once a minute.</summary>
    [Fact(DisableParallelization = true)]
    public async Task An_endpoint_that_went_is_gone_from_the_kernel_seconds_after_its_last_connection()
    {
        Lab.SkipWithout("ipvsadm");
        using ServiceInABox service = await StartAsync();
        NamedClient connection = await NamedClient.ConnectAsync(service.Box.ClientSockets, s_webV4, ServiceInABox.Patience);
        string pod = await connection.AskAsync(ServiceInABox.Patience);
        string address = $"{service.Box.Pods.Single(one => one.Name == pod).V4}:{NodeInABox.PodPort}";
        var others = service.Box.Pods.Where(one => one.Name != pod).ToList();
        service.ServeFrom(others);
        await service.ServedOnlyByAsync([.. others.Select(static one => one.Name)]);
        Assert.Contains(Servers(service), line => line.Contains($"-r {address} -m -w 0", StringComparison.Ordinal));
        connection.Dispose();
        await service.UntilAsync(() => Task.FromResult(string.Join('\n', Servers(service))), TimeSpan.FromSeconds(30),
            servers => !servers.Contains(address, StringComparison.Ordinal));
    }

    [Theory(DisableParallelization = true)]
    [InlineData("ipvsadm -C")]
    [InlineData("ip route flush table local proto 112")]
    [InlineData("nft flush ruleset")]
    public async Task What_others_take_away_is_put_back(string command)
    {
        Lab.SkipWithout("ipvsadm", "nft");
        using ServiceInABox service = await StartAsync();
        string before = Describe(service);
        string[] words = command.Split(' ');
        service.Box.Node.Run(() => Tool.Run(words[0], words[1..]));
        await service.UntilAsync(() => Task.FromResult(Describe(service)), TimeSpan.FromSeconds(30), now => now == before);
        Assert.StartsWith("pod-", await service.AskAsync(IpFamily.IPv4), StringComparison.Ordinal);
    }

    [Fact(DisableParallelization = true)]
    public async Task Clean_up_takes_away_what_is_ours_and_leaves_the_servers_of_others()
    {
        Lab.SkipWithout("ipvsadm", "nft");
        using ServiceInABox service = await StartAsync();
        service.Box.Node.Run(static () => Tool.Run("ipvsadm", ["-A", "-t", "192.0.2.77:80", "-s", "wlc"]));
        service.Stop(kill: false);
        string[] command = [.. Lab.RequirePortolan(), "proxy", "--cleanup"];
        service.Box.Node.Run(() => Tool.Run(command[0], command[1..]));
        Assert.Equal(["-A -t 192.0.2.77:80 -s wlc"], Servers(service));
        Assert.Equal("", service.Box.Node.Run(static () => Tool.Run("ip", ["route", "show", "table", "local", "proto", "112"])));
        Assert.DoesNotContain("portolan", service.Box.Node.Run(static () => Tool.Run("nft", ["list", "tables"])), StringComparison.Ordinal);
    }

    private static async Task<ServiceInABox> StartAsync()
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithoutKernelFor("ipvs");
        var service = new ServiceInABox(pods: 3, "ipvs", new() { ["ipvs"] = new JsonObject { ["syncPeriod"] = "1s" } });
        try
        {
            await service.StartAsync();
            return service;
        }
        catch
        {
            service.Dispose();
            throw;
        }
    }

    // The server ends the connection first, so that the client's port is free again at once.
    private static Task<string> AskFromAsync(ServiceInABox service, int port) => NamedClient.AskOnceAsync((family, type) =>
    {
        Socket socket = service.Box.ClientSockets(family, type);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(IPAddress.Any, port));
        return socket;
    }, s_webV4, ServiceInABox.Patience);

    private static string[] Servers(ServiceInABox service) =>
    [
        .. service.Box.Node.Run(static () => Tool.Run("ipvsadm", ["-Sn"])).Split('\n', StringSplitOptions.TrimEntries)
            .Where(static line => line.Length > 0).Order(StringComparer.Ordinal),
    ];

    private static string Describe(ServiceInABox service) => string.Join('\n',
    [
        .. Servers(service), service.Box.Node.Run(static () => Tool.Run("ip", ["route", "show", "table", "local", "proto", "112"])),
        .. service.Box.Node.Run(static () => Tool.Run("nft", ["list", "ruleset"])).Split('\n').Order(StringComparer.Ordinal),
    ]);
}
