using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Portolan.Tests;

/// <summary>What monitoring and load balancers see.</summary>
public sealed class HealthTests
{
    private const string LocalService = """
        apiVersion: v1
        kind: Service
        metadata: {name: front, namespace: shop}
        spec:
          type: LoadBalancer
          clusterIPs: [172.30.0.81]
          externalTrafficPolicy: Local
          healthCheckNodePort: 32001
          ports: [{name: http, port: 80, nodePort: 30080}]
        status: {loadBalancer: {ingress: [{ip: 172.6.6.6}]}}
        """;

    [Fact]
    public async Task From_kube_proxys_configuration_healthz_answers_everywhere_and_metrics_on_loopback_alone()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);

        string healthz = run.Get("http://127.0.0.1:10256/healthz") ?? "";
        Assert.StartsWith("HTTP/1.1 200", healthz, StringComparison.Ordinal);
        const string Time = """
            "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
            """;
        Assert.Matches($$"""
            ^\{"lastUpdated":{{Time}},"currentTime":{{Time}},"nodeEligible":true,"healthy":true,"status":\{"IPv4":\{"lastUpdated":{{Time}},"healthy":true\},"IPv6":\{"lastUpdated":{{Time}},"healthy":true\}\}\}$
            """, Body(healthz));
        Assert.DoesNotContain("nodeEligible", run.Get("http://127.0.0.1:10256/livez"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", run.Get("http://127.0.0.1:10256/livez"), StringComparison.Ordinal);
        Assert.EndsWith("nftables", run.Get("http://127.0.0.1:10249/proxyMode"), StringComparison.Ordinal);
        string metrics = run.Get("http://127.0.0.1:10249/metrics") ?? "";
        Assert.Contains("kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 1", metrics, StringComparison.Ordinal);
        Assert.Contains("portolan_services 1", metrics, StringComparison.Ordinal);
        Assert.Contains("healthzBindAddress: answering on 0.0.0.0:10256, all addresses of both families", run.Log,
            StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", run.Get("http://192.168.10.11:10256/healthz"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", run.Get("http://[fd00:10::11]:10256/healthz"), StringComparison.Ordinal);
        Assert.Null(run.Get("http://192.168.10.11:10249/metrics"));
    }

    [Fact]
    public async Task Without_kube_proxys_configuration_nothing_is_open_to_the_network()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxyWithoutFile("--conntrack-max-per-core=0", "--hostname-override=node-a");
        await run.UntilSyncedAsync(1);

        Assert.Contains("healthzBindAddress: answering on 127.0.0.1:10256, this address alone", run.Log, StringComparison.Ordinal);
        Assert.Null(run.Get("http://192.168.10.11:10256/healthz"));
        Assert.Null(run.Get("http://192.168.10.11:10249/metrics"));
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("[::]")]
    public async Task All_addresses_are_those_of_both_families(string all)
    {
        using var run = new PortolanRun();
        run.StartProxy(run.Configuration($"healthzBindAddress: \"{all}:10256\"\nmetricsBindAddress: \"{all}:10249\""));
        await run.UntilSyncedAsync(0);

        Assert.StartsWith("HTTP/1.1 200", run.Get("http://[fd00:10::11]:10249/metrics"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", run.Get("http://192.168.10.11:10249/metrics"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", run.Get("http://[fd00:10::11]:10256/livez"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", run.Get("http://192.168.10.11:10256/livez"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_deprecated_port_flags_move_a_page_and_zero_turns_it_off()
    {
        using var run = new PortolanRun();
        run.StartProxyWithoutFile("--conntrack-max-per-core=0", "--healthz-port=10333", "--metrics-port=0");
        await run.UntilAsync(() => IsStatus(run.Get("http://127.0.0.1:10333/livez"), 200), "the page at its port");

        Assert.Null(run.Get("http://127.0.0.1:10249/metrics"));
    }

    [Fact]
    public async Task The_pages_that_every_Kubernetes_program_has_answer_at_the_metrics_address()
    {
        using var run = new PortolanRun();
        run.StartProxy(run.Configuration("mode: nftables\nlogging: {verbosity: 3, vmodule: [{filePattern: \"a*\", verbosity: 1}]}"));
        await run.UntilSyncedAsync(0);

        string configz = Body(run.Get("http://127.0.0.1:10249/configz"));
        JsonElement config = JsonDocument.Parse(configz).RootElement.GetProperty("kubeproxy.config.k8s.io");
        Assert.Equal("10.244.0.0/16", config.GetProperty("clusterCIDR").GetString());
        Assert.Equal("nftables", config.GetProperty("mode").GetString());
        Assert.Equal(14, config.GetProperty("nftables").GetProperty("masqueradeBit").GetInt32());
        Assert.Equal("15m0s", config.GetProperty("configSyncPeriod").GetString());
        Assert.Equal("a*", config.GetProperty("logging").GetProperty("vmodule")[0].GetProperty("filePattern").GetString());

        string statusz = Body(run.Get("http://127.0.0.1:10249/statusz"));
        Assert.StartsWith("\nportolan statusz\nWarning: This endpoint is not meant to be machine parseable", statusz,
            StringComparison.Ordinal);
        Assert.Contains("\nEmulation version: 1.36\n", statusz, StringComparison.Ordinal);
        Assert.Contains("\nhostname-override=node-a\n", Body(run.Get("http://127.0.0.1:10249/flagz")), StringComparison.Ordinal);
        Assert.Equal("ok", Body(run.Get("http://127.0.0.1:10249/healthz/ping")));
        Assert.Equal("[+]ping ok\nhealthz check passed\n", Body(run.Get("http://127.0.0.1:10249/healthz?verbose")));
        Assert.Contains("kubernetes_healthcheck{name=\"ping\",type=\"healthz\"} 1\n", Body(run.Get("http://127.0.0.1:10249/metrics/slis")),
            StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", run.Get("http://127.0.0.1:10249/healthz/"), StringComparison.Ordinal);
        Assert.Contains("Content-Type: text/plain; charset=utf-8", run.Get("http://127.0.0.1:10249/proxyMode"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_are_compressed_for_whoever_takes_gzip()
    {
        using var run = new PortolanRun();
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(0);

        Assert.Contains("Content-Encoding: gzip", run.Tools("curl", "-s", "-D", "-", "-o", "/dev/null", "-H", "Accept-Encoding: gzip",
            "http://127.0.0.1:10249/metrics"), StringComparison.Ordinal);
        Assert.DoesNotContain("Content-Encoding", run.Get("http://127.0.0.1:10249/metrics"), StringComparison.Ordinal);
        Assert.Contains("portolan_services 0", run.Tools("curl", "-s", "--compressed", "http://127.0.0.1:10249/metrics"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_proxy_says_of_itself_is_for_this_node_alone()
    {
        using var run = new PortolanRun();
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(0);

        Assert.StartsWith("HTTP/1.1 200", run.Get("http://192.168.10.11:10256/debug/portolan/status"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", run.Tools("curl", "-s", "-i", "--interface", "192.168.10.11",
            "http://127.0.0.1:10256/debug/portolan/status"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Healthz_fails_until_the_API_server_was_reached_and_livez_does_not()
    {
        using var run = new PortolanRun();
        string kubeconfig = Path.Combine(run.Folder, "kubeconfig");
        File.WriteAllText(kubeconfig, """
            apiVersion: v1
            kind: Config
            clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
            contexts: [{name: here, context: {cluster: here, user: me}}]
            current-context: here
            users: [{name: me, user: {}}]
            """);

        run.StartProxyOf("--config", run.Configuration("clientConnection: {kubeconfig: " + kubeconfig + "}"));

        await run.UntilAsync(() => IsStatus(run.Get("http://127.0.0.1:10256/livez"), 200), "livez");
        Assert.True(IsStatus(run.Get("http://127.0.0.1:10256/healthz"), 503), run.Get("http://127.0.0.1:10256/healthz"));
        await run.UntilAsync(() => run.Log.Contains("127.0.0.1:1", StringComparison.Ordinal), "a line about the API server");
        Assert.True(IsStatus(run.Get("http://127.0.0.1:10256/healthz"), 503));
        Assert.True(IsStatus(run.Get("http://127.0.0.1:10256/livez"), 200));
    }

    [Fact]
    public async Task Metrics_of_mode_iptables_tell_what_the_tools_were_used_for()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration("mode: iptables"));
        await run.UntilSyncedAsync(1);

        string[] metrics = (run.Get("http://127.0.0.1:10249/metrics") ?? "").Split('\n');

        Assert.Contains(metrics, static line => line.StartsWith("portolan_iptables_restores_total ", StringComparison.Ordinal)
            && !line.EndsWith(" 0", StringComparison.Ordinal));
        Assert.Contains(metrics, static line => line.StartsWith("portolan_iptables_restore_lines_total ", StringComparison.Ordinal)
            && !line.EndsWith(" 0", StringComparison.Ordinal));
        Assert.Contains("portolan_iptables_lock_timeouts_total 0", metrics);
    }

    [Fact]
    public async Task The_autoscalers_taint_fails_healthz_and_not_livez()
    {
        using var run = new PortolanRun();
        run.Manifest("node.yaml", Manifest.Node);
        run.StartProxy(run.Configuration("healthzBindAddress: 192.168.10.11:10256"));
        await run.UntilAsync(() => IsStatus(run.Get("http://192.168.10.11:10256/healthz"), 200), "healthz at the configured address");

        run.Manifest("node.yaml", Manifest.Node + "\nspec: {taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]}\n");

        await run.UntilAsync(() => IsStatus(run.Get("http://192.168.10.11:10256/healthz"), 503), "healthz to fail");
        Assert.True(IsStatus(run.Get("http://192.168.10.11:10256/livez"), 200));
    }

    [Fact]
    public async Task A_health_check_node_port_counts_the_nodes_own_endpoints_and_closes_with_its_service()
    {
        using var run = new PortolanRun();
        run.Manifest("node.yaml", Manifest.Node);
        run.Manifest("front.yaml", LocalService);
        run.Manifest("slice.yaml", Manifest.Slice("front-1", "front", "IPv4",
            "{addresses: [10.244.1.1], nodeName: node-a}, {addresses: [10.244.2.1], nodeName: node-b}"));
        run.StartProxy(run.Configuration());
        await run.UntilAsync(() => IsStatus(run.Get("http://192.168.10.11:32001/"), 200), "a healthy answer");

        string answer = run.Get("http://192.168.10.11:32001/") ?? "";
        Assert.Contains("X-Load-Balancing-Endpoint-Weight: 1", answer, StringComparison.Ordinal);
        // As kube-proxy's, byte for byte: tabs, and no line end behind the last brace.
        Assert.EndsWith("\r\n\r\n{\n\t\"service\": {\n\t\t\"namespace\": \"shop\",\n\t\t\"name\": \"front\"\n\t},\n" +
            "\t\"localEndpoints\": 1,\n\t\"serviceProxyHealthy\": true\n}", answer, StringComparison.Ordinal);
        Assert.Contains("Content-Length: ", answer, StringComparison.Ordinal);
        Assert.Null(run.Get("http://127.0.0.1:32001/"));

        run.Manifest("slice.yaml", Manifest.Slice("front-1", "front", "IPv4", "{addresses: [10.244.2.1], nodeName: node-b}"));
        await run.UntilAsync(() => IsStatus(run.Get("http://192.168.10.11:32001/"), 503), "an answer without endpoints");
        Assert.Contains("X-Load-Balancing-Endpoint-Weight: 0", run.Get("http://192.168.10.11:32001/"), StringComparison.Ordinal);

        File.Delete(Path.Combine(run.Manifests, "front.yaml"));
        await run.UntilAsync(() => run.Get("http://192.168.10.11:32001/") is null, "the listener to close");
    }

    /// <summary>Takes half a minute: the time between two tries.</summary>
    [Fact]
    public async Task A_health_check_node_port_that_is_taken_is_opened_when_it_is_free()
    {
        using var run = new PortolanRun();
        run.Manifest("node.yaml", Manifest.Node);
        run.Manifest("front.yaml", LocalService);
        run.Manifest("slice.yaml", Manifest.Slice("front-1", "front", "IPv4", "{addresses: [10.244.1.1], nodeName: node-a}"));
        using (run.Occupy("192.168.10.11", 32001))
        {
            run.StartProxy(run.Configuration());
            await run.UntilAsync(() =>
                run.Log.Contains("Service shop/front, spec.healthCheckNodePort: cannot listen on 192.168.10.11:32001",
                StringComparison.Ordinal), "a line about the port");
            await run.UntilSyncedAsync(1);
        }
        Assert.Null(run.Get("http://192.168.10.11:32001/"));

        await run.UntilAsync(() => IsStatus(run.Get("http://192.168.10.11:32001/"), 200), "the listener to open");
        Assert.Single(run.Log.Split('\n'), static line => line.Contains("cannot listen on", StringComparison.Ordinal));
    }

    /// <summary>A health check node port is open to the network.</summary>
    [Theory]
    [InlineData("192.168.10.11", 32001)]
    [InlineData("127.0.0.1", 10256)]
    public async Task Connections_on_which_nothing_happens_keep_no_page_from_answering(string address, int port)
    {
        using PortolanRun run = await StartWithHealthCheckAsync();
        List<Socket> idle = [];
        for (int number = 0; number < 600; number++)
            idle.Add(run.Connect(address, port));

        Assert.True(IsStatus(run.Get("http://127.0.0.1:10256/livez"), 200), "livez");
        Assert.True(IsStatus(run.Get("http://127.0.0.1:10256/healthz"), 200), "healthz");
        Assert.True(IsStatus(run.Get("http://127.0.0.1:10249/metrics"), 200), "metrics");
        Assert.True(IsStatus(run.Get("http://192.168.10.11:32001/"), 200), "the health check node port");
        idle.ForEach(static socket => socket.Dispose());
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET /livez HTTP/1.1\r\nHost: h")]
    public async Task A_client_that_does_not_finish_its_request_is_left(string begun)
    {
        using PortolanRun run = await StartWithHealthCheckAsync();
        using Socket client = run.Connect("127.0.0.1", 10256);
        client.Send(Encoding.ASCII.GetBytes(begun));

        // Five seconds, and as much again for a machine that is busy with other things.
        client.ReceiveTimeout = 30_000;
        long start = Stopwatch.GetTimestamp();
        try
        {
            while (client.Receive(new byte[1024]) > 0)
            {
                // What it says before it closes the connection (408) is welcome.
            }
        }
        catch (SocketException closed) when (closed.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Left all the same.
        }
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(30));
        Assert.True(IsStatus(run.Get("http://127.0.0.1:10256/livez"), 200));
    }

    [Fact]
    public async Task A_port_that_is_taken_is_reported_and_the_proxy_works_on()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);

        run.StartProxy(run.Configuration("metricsBindAddress: 127.0.0.1:10256"));

        await run.UntilSyncedAsync(1);
        await run.UntilAsync(() => run.Log.Contains("cannot listen on 127.0.0.1:10256", StringComparison.Ordinal),
            "a line about the port");
        Assert.Contains("10.244.1.10", run.Tools("nft", "list", "ruleset"), StringComparison.Ordinal);
    }

    private static async Task<PortolanRun> StartWithHealthCheckAsync()
    {
        var run = new PortolanRun();
        try
        {
            run.Manifest("node.yaml", Manifest.Node);
            run.Manifest("front.yaml", LocalService);
            run.Manifest("slice.yaml", Manifest.Slice("front-1", "front", "IPv4", "{addresses: [10.244.1.1], nodeName: node-a}"));
            run.StartProxy(run.Configuration());
            await run.UntilAsync(() => IsStatus(run.Get("http://192.168.10.11:32001/"), 200), "a healthy answer");
            await run.UntilSyncedAsync(1);
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    private static string Body(string? answer) => (answer ?? "").Split("\r\n\r\n", 2)[^1];

    private static bool IsStatus(string? answer, int status) => answer?.StartsWith($"HTTP/1.1 {status}", StringComparison.Ordinal) == true;
}
