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
    public async Task Healthz_livez_and_metrics_answer_on_loopback_alone_unless_told_otherwise()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);

        string healthz = run.Get("http://127.0.0.1:10256/healthz") ?? "";
        Assert.StartsWith("HTTP/1.1 200", healthz, StringComparison.Ordinal);
        Assert.Contains("\"lastUpdated\": \"", healthz, StringComparison.Ordinal);
        Assert.Contains("\"currentTime\": \"", healthz, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", run.Get("http://127.0.0.1:10256/livez"), StringComparison.Ordinal);
        Assert.EndsWith("nftables", run.Get("http://127.0.0.1:10249/proxyMode"), StringComparison.Ordinal);
        string metrics = run.Get("http://127.0.0.1:10249/metrics") ?? "";
        Assert.Contains("kubeproxy_sync_proxy_rules_duration_seconds_count 1", metrics, StringComparison.Ordinal);
        Assert.Contains("portolan_services 1", metrics, StringComparison.Ordinal);
        Assert.Null(run.Get("http://192.168.10.11:10256/healthz"));
        Assert.Null(run.Get("http://192.168.10.11:10249/metrics"));
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
        Assert.Contains("\"localEndpoints\": 1", answer, StringComparison.Ordinal);
        Assert.Contains("\"namespace\": \"shop\"", answer, StringComparison.Ordinal);
        Assert.Contains("\"serviceProxyHealthy\": true", answer, StringComparison.Ordinal);
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

    private static bool IsStatus(string? answer, int status) => answer?.StartsWith($"HTTP/1.1 {status}", StringComparison.Ordinal) == true;
}
