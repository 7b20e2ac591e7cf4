using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>portolan watch shows what the kernel does with real packets, and leaves nothing behind, however it ends.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    // Each of these runs two programs beside its pods: many at once only wait for each other.
    private static readonly SemaphoreSlim s_atWork = new(initialCount: 2);

    private const ushort NodePort = 30080;
    private const string LoadBalancer = "203.0.113.80";
    private const string LoadBalancerV6 = "2001:db8:1b::80";

    private static readonly string s_nftables = ProxyVariant.NfTables.ToString(), s_iptables = ProxyVariant.IpTables.ToString();

    public static TheoryData<string, IpFamily> ModesAndFamilies =>
        new MatrixTheoryData<string, IpFamily>([s_nftables, s_iptables], [IpFamily.IPv4, IpFamily.IPv6]);

    public static TheoryData<string> Modes => [s_nftables, s_iptables];

    public async ValueTask InitializeAsync() => await s_atWork.WaitAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync()
    {
        s_atWork.Release();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [MemberData(nameof(ModesAndFamilies))]
    public async Task A_request_through_a_service_is_shown_with_its_rules_and_where_it_went(string variant, IpFamily family)
    {
        using ServiceInABox box = await StartAsync(variant);
        (string destination, _) = Split(ServiceInABox.Tcp(family));
        using var watch = new NodeProgram(box.Box.Node, "watch", "--dst", destination, "--dport", "80", "--count", "1", "--seconds", "50");
        await watch.UntilAsync(() => watch.Errors.Contains("watching packets", StringComparison.Ordinal), "the start");

        string pod = await box.AskAsync(family);

        Assert.Equal(0, watch.WaitForExit());
        InetAddress endpoint = box.Box.Pods.Where(item => item.Name == pod)
            .Select(item => family == IpFamily.IPv4 ? item.V4 : item.V6).Single();
        string[] lines = watch.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Matches(@"^packet 1: tcp \S+ -> \S+:80  \[shop/web:main\]$", lines[0]);
        // The client is outside the cluster and this node, so its packets are masqueraded: with the address of the bridge they leave by.
        Assert.StartsWith($"  => to {new InetEndpoint(endpoint, NodeInABox.PodPort)}, masqueraded: the source becomes ", lines[^1],
            StringComparison.Ordinal);
        Assert.Contains("  PREROUTING", lines);
        Assert.Contains("  POSTROUTING", lines);
        Assert.DoesNotContain("handle", watch.Output, StringComparison.Ordinal);
        if (variant == s_iptables)
        {
            // The step that translates is shown with the number and the words that iptables-save has for it.
            string save = box.Box.Node.Run(() => Tool.Run(family == IpFamily.IPv4 ? "iptables-save" : "ip6tables-save", ["-t", "nat"]));
            string translation = lines.Single(line => line.Contains(" nat KUBE-SEP-", StringComparison.Ordinal)
                && line.Contains(": tcp", StringComparison.Ordinal));
            string[] words = translation.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string rule = save.Split('\n').Where(line => line.StartsWith($"-A {words[2]} ", StringComparison.Ordinal))
                .ElementAt(int.Parse(words[4].TrimEnd(':'), CultureInfo.InvariantCulture) - 1);
            Assert.Contains("-j DNAT", rule, StringComparison.Ordinal);
            Assert.Contains(endpoint.ToString(), rule, StringComparison.Ordinal);
            Assert.Contains($"      translates the destination to {new InetEndpoint(endpoint, NodeInABox.PodPort)}", lines);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Node_ports_and_load_balancers_of_both_families_can_be_watched(string variant)
    {
        using ServiceInABox box = await StartAsync(variant);
        (string Address, ushort Port)[] frontends =
        [
            (NodeInABox.NodeAddressV4.ToString(), NodePort), (NodeInABox.NodeAddressV6.ToString(), NodePort), (LoadBalancer, 80),
                (LoadBalancerV6, 80),
        ];
        foreach ((string address, ushort port) in frontends)
        {
            using var watch = new NodeProgram(box.Box.Node, "watch", "--dst", address, "--dport",
                port.ToString(CultureInfo.InvariantCulture), "--syn", "--count", "1", "--seconds", "50", "--json");
            await watch.UntilAsync(() => watch.Errors.Contains("watching packets", StringComparison.Ordinal), "the start");
            string pod = await NamedClient.AskOnceAsync(box.Box.ClientSockets, new IPEndPoint(IPAddress.Parse(address), port),
                ServiceInABox.Patience);
            Assert.Equal(0, watch.WaitForExit());
            JsonElement end = JsonDocument.Parse(watch.Output.TrimEnd().Split('\n')[^1]).RootElement;
            Assert.Equal("end", end.GetProperty("kind").GetString());
            Assert.Equal("forward", end.GetProperty("verdict").GetString());
            Assert.Equal("shop/web:main", end.GetProperty("service").GetString());
            InetAddress endpoint = box.Box.Pods.Where(item => item.Name == pod)
                .Select(item => address.Contains(':', StringComparison.Ordinal) ? item.V6 : item.V4).Single();
            Assert.Equal(new InetEndpoint(endpoint, NodeInABox.PodPort).ToString(), end.GetProperty("destination").GetString());
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_refused_connection_is_shown_with_the_rule_that_refuses_it(string variant)
    {
        using ServiceInABox box = await StartAsync(variant);
        box.ServeFrom([]);
        IPEndPoint service = ServiceInABox.Tcp(IpFamily.IPv4);
        await box.UntilAsync(async () =>
        {
            try
            {
                return await box.AskAsync(IpFamily.IPv4);
            }
            catch (SocketException failure)
            {
                return failure.SocketErrorCode.ToString();
            }
        }, TimeSpan.FromSeconds(20), what => what == nameof(SocketError.ConnectionRefused));
        using var watch = new NodeProgram(box.Box.Node, "watch", "--dst", Split(service).Address, "--count", "1", "--seconds", "50");
        await watch.UntilAsync(() => watch.Errors.Contains("watching packets", StringComparison.Ordinal), "the start");

        await Assert.ThrowsAsync<SocketException>(() => box.AskAsync(IpFamily.IPv4));

        Assert.Equal(0, watch.WaitForExit());
        Assert.Matches(@"\n  => rejected by (portolan no-endpoints|filter KUBE-SERVICES) rule \d+\n$", watch.Output);
    }

    [Fact]
    public async Task The_trace_table_is_gone_however_the_watch_ends()
    {
        using ServiceInABox box = await StartAsync(s_nftables);
        string Tables() => box.Box.Node.Run(() => Tool.Run("nft", ["list", "tables"]));
        foreach (string signal in (string[])["INT", "TERM", "KILL"])
        {
            using var watch = new NodeProgram(box.Box.Node, "watch", "--dst", "172.30.0.80");
            await watch.UntilAsync(() => watch.Errors.Contains("watching packets", StringComparison.Ordinal), "the start");
            Assert.Contains("portolan-watch-", Tables(), StringComparison.Ordinal);
            watch.Signal(signal);
            int status = watch.WaitForExit();
            Assert.Equal(signal == "KILL", status != 0);
            // The kernel closes a killed process' socket a moment after the process is gone.
            await watch.UntilAsync(() => !Tables().Contains("portolan-watch-", StringComparison.Ordinal),
                $"the end of the table after {signal}");
        }
        // The guard: nobody ends it, and it ends.
        using var guarded = new NodeProgram(box.Box.Node, "watch", "--dst", "172.30.0.80", "--seconds", "1");
        Assert.Equal(0, guarded.WaitForExit());
        Assert.Contains("0 packets traced; the trace rule is removed", guarded.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("portolan-watch-", Tables(), StringComparison.Ordinal);
        await box.AskAsync(IpFamily.IPv4);
    }

    [Fact]
    public async Task A_flood_is_traced_within_the_limit_and_served_meanwhile()
    {
        using ServiceInABox box = await StartAsync(s_nftables);
        using var watch = new NodeProgram(box.Box.Node, "watch", "--dst", Split(ServiceInABox.Udp(IpFamily.IPv4)).Address, "--rate", "5");
        await watch.UntilAsync(() => watch.Errors.Contains("watching packets", StringComparison.Ordinal), "the start");
        IPEndPoint service = ServiceInABox.Udp(IpFamily.IPv4);
        using Socket socket = box.Box.ClientSockets(AddressFamily.InterNetwork, SocketType.Dgram);
        await socket.ConnectAsync(service, TestContext.Current.CancellationToken);
        byte[] payload = new byte[64];
        long started = Stopwatch.GetTimestamp();
        int sent = 0;
        for (; Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(3); sent++)
        {
            try
            {
                await socket.SendAsync(payload, TestContext.Current.CancellationToken);
            }
            catch (SocketException)
            {
                // A refusal of an earlier datagram; the flood goes on.
            }
        }
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        await box.AskAsync(IpFamily.IPv4);
        watch.Signal("INT");
        Assert.Equal(0, watch.WaitForExit());
        int traced = watch.Output.Split("\npacket ").Length - 1;
        Assert.True(sent > 1000, $"{sent} datagrams are no flood");
        Assert.InRange(traced, 5, (int)(5 * (seconds + 2)));
    }

    [Fact]
    public async Task Rules_that_change_meanwhile_are_never_shown_in_the_words_of_others()
    {
        using ServiceInABox box = await StartAsync(s_iptables);
        using var watch = new NodeProgram(box.Box.Node, "watch", "--dst", "172.30.0.80", "--syn", "--json", "--rate", "100");
        await watch.UntilAsync(() => watch.Errors.Contains("watching packets", StringComparison.Ordinal), "the start");
        foreach (var pods in (ReadOnlyMemory<int>[])[new[] { 0 }, new[] { 1 }, new[] { 0, 1 }])
        {
            var wanted = pods.ToArray().Select(index => box.Box.Pods[index]).ToList();
            box.ServeFrom(wanted);
            await box.ServedOnlyByAsync([.. wanted.Select(pod => pod.Name)]);
        }
        watch.Signal("INT");
        Assert.Equal(0, watch.WaitForExit());
        var steps = watch.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement).ToList();
        int compared = 0;
        foreach (IGrouping<int, JsonElement> packet in steps.GroupBy(step => step.GetProperty("packet").GetInt32()))
        {
            string? translated = packet.Where(step => step.TryGetProperty("text", out JsonElement text)
                && step.GetProperty("kind").GetString() == "rule" && text.GetString()!.Contains("-j DNAT", StringComparison.Ordinal))
                .Select(step => step.GetProperty("text").GetString()).FirstOrDefault();
            string? destination = packet.Last().GetProperty("destination").GetString();
            if (translated is null || destination is null)
                continue;
            compared++;
            Assert.Contains($"--to-destination {destination}", translated, StringComparison.Ordinal);
        }
        Assert.True(compared > 10, $"only {compared} packets could be compared:\n{watch.Output}\n{watch.Errors}");
    }

    [Fact]
    public void Rules_of_iptables_legacy_are_said_not_to_be_watchable()
    {
        Lab.SkipWithout("iptables-legacy-restore");
        using var box = new ServiceInABox(1);
        box.Box.Node.Run(() =>
            Tool.Run("iptables-legacy-restore", [], "*nat\n:KUBE-SERVICES - [0:0]\n-A PREROUTING -j KUBE-SERVICES\n-A KUBE-SERVICES -d " +
            "172.30.0.80/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.180.0.101:8080\nCOMMIT\n"));
        (int status, string output, string errors) = NodeProgram.Run(box.Box.Node, "watch", "--dst", "172.30.0.80");
        Assert.Equal((2, ""), (status, output));
        Assert.Contains("in iptables-legacy, which cannot be watched", errors, StringComparison.Ordinal);
        Assert.Contains("portolan trace", errors, StringComparison.Ordinal);
    }

    private static async Task<ServiceInABox> StartAsync(string variant)
    {
        Lab.SkipWithoutNamespaces();
        var box = new ServiceInABox(pods: 2, variant);
        try
        {
            JsonObject service = KubernetesObjects.Service("shop", "web",
                [InetAddress.Parse("172.30.0.80"), InetAddress.Parse("fd00:172:30::80")], 80);
            service["spec"]!["type"] = "LoadBalancer";
            service["spec"]!["ports"]![0]!["nodePort"] = NodePort;
            service["status"] = new JsonObject
            {
                ["loadBalancer"]
                = new JsonObject
                {
                    ["ingress"] = new JsonArray(new JsonObject { ["ip"] = LoadBalancer },
                    new JsonObject { ["ip"] = LoadBalancerV6 })
                },
            };
            box.Apply(service);
            await box.StartAsync();
            return box;
        }
        catch
        {
            box.Dispose();
            throw;
        }
    }

    private static (string Address, int Port) Split(IPEndPoint endpoint) => (endpoint.Address.ToString(), endpoint.Port);
}
