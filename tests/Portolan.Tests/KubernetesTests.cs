using System.Text.Json;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Tests;

/// <summary>The proxy against an API server, with the files that kubeadm mounts.</summary>
public sealed class KubernetesTests
{
    /// <summary>The ConfigMap kube-system/kube-proxy of kubeadm: config.conf, and kubeconfig.conf with a token file.</summary>
    [Fact]
    public async Task The_ConfigMap_that_kubeadm_made_starts_the_proxy_as_it_is()
    {
        using var run = new PortolanRun();
        using var authority = new FakeAuthority();
        await using FakeServer server = run.InNode(() => new FakeServer(new FakeServerOptions
        {
            Authority = authority,
            AcceptsToken = static token => token == "the-pods-token",
        }));
        Fill(server);
        string secret = Write(run, "token", "the-pods-token"), trust = Write(run, "ca.crt", authority.CertificatePem);
        string kubeconfig = Write(run, "kubeconfig.conf", $"""
            apiVersion: v1
            kind: Config
            clusters:
            - cluster:
                certificate-authority: {trust}
                server: {server.Address}
              name: default
            contexts:
            - context:
                cluster: default
                namespace: default
                user: default
              name: default
            current-context: default
            users:
            - name: default
              user:
                tokenFile: {secret}
            """);
        string config = Write(run, "config.conf", """
            apiVersion: kubeproxy.config.k8s.io/v1alpha1
            bindAddress: 0.0.0.0
            bindAddressHardFail: false
            clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: KUBECONFIG, qps: 0}
            clusterCIDR: 10.244.0.0/16
            configSyncPeriod: 0s
            conntrack: {maxPerCore: 0, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s}
            detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
            detectLocalMode: ""
            enableProfiling: false
            healthzBindAddress: ""
            hostnameOverride: ""
            kind: KubeProxyConfiguration
            logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}, verbosity: 0}
            metricsBindAddress: ""
            mode: ""
            nodePortAddresses: null
            """.Replace("KUBECONFIG", kubeconfig, StringComparison.Ordinal));

        run.StartAs("kube-proxy", $"--config={config}", "--hostname-override=node-a");

        await run.UntilSyncedAsync(1);
        Assert.DoesNotContain(" warning ", run.Log, StringComparison.Ordinal);
        Assert.Contains("10.244.1.10", run.Tools("nft", "list", "ruleset"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", run.Get("http://192.168.10.11:10256/healthz"), StringComparison.Ordinal);
        Assert.Contains($"rest_client_requests_total{{code=\"200\",host=\"127.0.0.1:{server.Port}\",method=\"GET\"}}",
            run.Tools("curl", "-s", "http://127.0.0.1:10249/metrics"), StringComparison.Ordinal);
    }

    /// <summary>Arguments of kube-proxy as distributions give them; kubeconfig, Node and server are the test's.</summary>
    [Theory]
    [InlineData("AKS kubenet", "nftables", "--conntrack-max-per-core=0 --metrics-bind-address=0.0.0.0:10249 --kubeconfig=KUBECONFIG " +
        "--cluster-cidr=10.244.0.0/16 --detect-local-mode=ClusterCIDR --pod-interface-name-prefix= --hostname-override=node-a --v=3")]
    [InlineData("AKS azure", "nftables", "--conntrack-max-per-core=0 --metrics-bind-address=0.0.0.0:10249 --kubeconfig=KUBECONFIG " +
        "--cluster-cidr=10.244.0.0/16 --detect-local-mode=InterfaceNamePrefix --pod-interface-name-prefix=azv --hostname-override=node-a " +
        "--v=3")]
    [InlineData("GKE", "nftables", "--master=SERVER --kubeconfig=KUBECONFIG --cluster-cidr=10.4.0.0/14 --oom-score-adj=-998 --v=2 " +
        "--feature-gates=RotateKubeletServerCertificate=true,ExecProbeTimeout=false --iptables-sync-period=1m " +
        "--iptables-min-sync-period=10s --ipvs-sync-period=1m --ipvs-min-sync-period=10s --detect-local-mode=NodeCIDR " +
        "--conntrack_max_per_core=0 --hostname_override=node-a")]
    [InlineData("k3s", "iptables", "--cluster-cidr=10.42.0.0/16 --conntrack-max-per-core=0 --conntrack-tcp-timeout-close-wait=0s " +
        "--conntrack-tcp-timeout-established=0s --healthz-bind-address=127.0.0.1 --hostname-override=node-a --kubeconfig=KUBECONFIG " +
        "--proxy-mode=iptables")]
    [InlineData("kops", "iptables", "--cluster-cidr=100.96.0.0/11 --conntrack-max-per-core=0 --kubeconfig=KUBECONFIG " +
        "--oom-score-adj=-998 --hostname-override=node-a --master=SERVER --proxy-mode=iptables --v=2 --logging-format=text")]
    [InlineData("EKS", "iptables", "--v=2 --config=EKSCONFIG --hostname-override=node-a")]
    public async Task The_arguments_of_distributions_start_it(string distribution, string mode, string arguments)
    {
        using var run = new PortolanRun();
        await using FakeServer server = run.InNode(static () => new FakeServer());
        Fill(server);
        string kubeconfig = Write(run, "kubeconfig", FakeKubeconfig.For(server.Address));
        string eks = Write(run, "config", $$"""
            apiVersion: kubeproxy.config.k8s.io/v1alpha1
            bindAddress: 0.0.0.0
            clientConnection:
              acceptContentTypes: ""
              burst: 10
              contentType: application/vnd.kubernetes.protobuf
              kubeconfig: {{kubeconfig}}
              qps: 5
            clusterCIDR: ""
            configSyncPeriod: 15m0s
            conntrack: {maxPerCore: 0, min: 131072, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s}
            enableProfiling: false
            healthzBindAddress: 0.0.0.0:10256
            hostnameOverride: ""
            iptables: {masqueradeAll: false, masqueradeBit: 14, minSyncPeriod: 0s, syncPeriod: 30s}
            ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", syncPeriod: 30s}
            kind: KubeProxyConfiguration
            metricsBindAddress: 0.0.0.0:10249
            mode: "iptables"
            nodePortAddresses: null
            oomScoreAdj: -998
            portRange: ""
            udpIdleTimeout: 250ms
            """);
        string[] flags = arguments.Replace("KUBECONFIG", kubeconfig, StringComparison.Ordinal)
            .Replace("EKSCONFIG", eks, StringComparison.Ordinal).Replace("SERVER", server.Address.Authority, StringComparison.Ordinal)
            .Split(' ');

        run.StartAs("/usr/local/bin/kube-proxy", flags);

        await run.UntilSyncedAsync(1);
        Assert.EndsWith(mode, run.Get("http://127.0.0.1:10249/proxyMode"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", run.Get("http://127.0.0.1:10256/healthz"), StringComparison.Ordinal);
        Assert.False(run.Log.Contains(" error ", StringComparison.Ordinal), $"{distribution}: {run.Log}");
    }

    [Fact]
    public async Task A_server_that_speaks_HTTP_2_is_asked_everything_over_one_connection()
    {
        using var run = new PortolanRun();
        using var authority = new FakeAuthority();
        await using var server = new FakeServer();
        Fill(server);
        await using Http2Front front = await Http2Front.StartAsync(run, authority, server.Address);
        string kubeconfig = Write(run, "kubeconfig", FakeKubeconfig.For(front.Address, authority.CertificatePem));

        run.StartAs("kube-proxy", $"--kubeconfig={kubeconfig}", "--hostname-override=node-a", "--conntrack-max-per-core=0");

        await run.UntilSyncedAsync(1);
        await run.UntilAsync(() => front.Watches >= 4 && !server.Events.IsEmpty, "four watches and an event");
        Assert.Equal(["HTTP/2"], front.Protocols);
        Assert.Equal(1, front.Connections);
        // What changes comes through.
        server.Cluster.Apply(Objects.Slice.Replace("10.244.1.10", "10.244.1.77", StringComparison.Ordinal));
        await run.UntilAsync(() => run.Tools("nft", "list", "ruleset").Contains("10.244.1.77", StringComparison.Ordinal), "the change");
    }

    [Fact]
    public async Task Events_say_that_it_started_and_what_it_cannot_listen_on()
    {
        using var run = new PortolanRun();
        await using FakeServer server = run.InNode(static () => new FakeServer());
        Fill(server);
        string kubeconfig = Write(run, "kubeconfig", FakeKubeconfig.For(server.Address));
        using IDisposable taken = run.Occupy("192.168.10.11", 32001);
        using IDisposable metrics = run.Occupy("127.0.0.1", 10249);

        run.StartAs("kube-proxy", $"--kubeconfig={kubeconfig}", "--hostname-override=node-a", "--conntrack-max-per-core=0");

        await run.UntilAsync(() => server.Events.Count >= 3, "three events");
        JsonElement[] events = [.. server.Events.Select(static body => JsonDocument.Parse(body).RootElement)];
        JsonElement started = Assert.Single(events, static one => Text(one, "reason") == "Starting");
        Assert.Equal(("Normal", "StartKubeProxy", "kube-proxy", "kube-proxy-node-a"), (Text(started, "type"), Text(started, "action"),
            Text(started, "reportingController"), Text(started, "reportingInstance")));
        Assert.Equal(("Node", "node-a", "node-a"), (Text(started.GetProperty("regarding"), "kind"),
            Text(started.GetProperty("regarding"), "name"), Text(started.GetProperty("regarding"), "uid")));
        Assert.Equal("default", Text(started.GetProperty("metadata"), "namespace"));
        JsonElement health = Assert.Single(events, static one => Text(one, "reason") == "FailedToStartServiceHealthcheck");
        Assert.Equal(("Warning", "Listen", "shop"), (Text(health, "type"), Text(health, "action"),
            Text(health.GetProperty("metadata"), "namespace")));
        Assert.Contains("node node-a failed to start healthcheck \"shop/good\" on port 32001", Text(health, "note"),
            StringComparison.Ordinal);
        Assert.Single(events, static one => Text(one, "reason") == "FailedToStartMetricServer");
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_told_at_once()
    {
        using var run = new PortolanRun();
        string kubeconfig = Write(run, "kubeconfig", FakeKubeconfig.For(new Uri("https://192.168.10.11:6443")));

        run.StartAs("kube-proxy", $"--kubeconfig={kubeconfig}", "--hostname-override=node-a", "--conntrack-max-per-core=0");

        await run.UntilAsync(() => run.Log.Contains("the API server at https://192.168.10.11:6443/ cannot be reached (Connection refused",
            StringComparison.Ordinal), "a line about the server");
    }

    /// <summary>The configuration of a pod on a fresh node: the address of the server is a cluster IP that nobody serves yet.</summary>
    [Theory]
    [InlineData("", "cannot be reached (Network is unreachable)")]
    [InlineData("ip route add 10.96.0.1 dev lo; nft add table ip t; " +
        "nft 'add chain ip t input { type filter hook input priority 0; }; add rule ip t input ip daddr 10.96.0.1 drop'; " +
            "ip link set lo up;",
        "has not answered for 2 s")]
    public async Task A_cluster_IP_that_nobody_serves_yet_is_told_at_once_with_what_to_set(string setUp, string expected)
    {
        using var run = new PortolanRun();
        using var authority = new FakeAuthority();
        string trust = Write(run, "ca.crt", authority.CertificatePem);
        const string account = "/run/secrets/kubernetes.io/serviceaccount";

        run.StartProgram(["unshare", "-m", "bash", "-c",
            $"{setUp} mount -t tmpfs tmpfs /run && mkdir -p {account} && cp {trust} {account}/ && " +
            $"echo token >{account}/token && echo kube-system >{account}/namespace && " +
            "KUBERNETES_SERVICE_HOST=10.96.0.1 KUBERNETES_SERVICE_PORT=443 exec \"$@\"", "sh",
            .. Testing.Proxies.PortolanBinary.Command, "proxy", "--hostname-override=node-a", "--conntrack-max-per-core=0"]);

        await run.UntilAsync(() => run.Log.Contains("set clientConnection.kubeconfig", StringComparison.Ordinal),
            "a line about the server");
        string line = Assert.Single(run.Log.Split('\n'), static line => line.Contains("kubernetes:", StringComparison.Ordinal));
        Assert.Contains($"the API server at https://10.96.0.1/ {expected}", line, StringComparison.Ordinal);
        Assert.Contains("or --master to that address", line, StringComparison.Ordinal);
    }

    private static void Fill(FakeServer server)
    {
        foreach (string json in (string[])[Objects.Service, Objects.Slice, Objects.Node])
            server.Cluster.Apply(json);
    }

    private static string Write(PortolanRun run, string name, string text)
    {
        string file = Path.Combine(run.Folder, name);
        File.WriteAllText(file, text);
        return file;
    }

    private static string Text(JsonElement from, string name) => from.GetProperty(name).GetString() ?? "";
}
