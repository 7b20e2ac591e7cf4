using Portolan.Services.Cluster;
using Portolan.Sources.Api;
using Portolan.Sources.Tests.Support;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Sources.Tests.Api;

public class KubernetesSourceTests
{
    [Fact]
    public async Task The_first_lists_come_before_Synced_and_changes_behind_it()
    {
        await using var rig = new ApiRig();
        rig.Service("web", "10.0.0.1");
        rig.Slice("web-1", "10.1.0.1");
        rig.Cluster.Apply("""{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{"name":"kubernetes"},"spec":{"cidrs":["10.0.0.0/16"]}}""");
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Equal("10.0.0.1", AddressOf(run, "web"));
        Assert.Equal("10.1.0.1", run.Slices.Values.Single().Endpoints.Single().Address.ToString());
        Assert.Equal("node-a", run.Node!.Name);
        Assert.Equal("10.0.0.0/16", run.Cidrs["kubernetes"].Cidrs.Single().ToString());

        rig.Service("web", "10.0.0.2");
        await run.Until(_ => AddressOf(run, "web") == "10.0.0.2", "a changed service");
        rig.Cluster.Delete(FakeResource.EndpointSlices, "default", "web-1");
        await run.Until(_ => run.Slices.Count == 0, "a deleted slice");
        rig.Cluster.Apply("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a","labels":{"topology.kubernetes.io/zone":"z"}}}""");
        await run.Until(_ => run.Node?.Zone == "z", "a changed node");
        rig.Cluster.Delete(FakeResource.ServiceCidrs, "", "kubernetes");
        rig.Cluster.Delete(FakeResource.Nodes, "", "node-a");
        await run.Until(_ => run.Cidrs.Count == 0 && run.Node is null, "a deleted node and a deleted CIDR");
    }

    [Fact]
    public async Task A_cluster_made_for_measurements_is_read_without_a_problem()
    {
        await using var rig = new ApiRig();
        FakePopulation.Populate(rig.Cluster, services: 20, endpoints: 3);
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Equal((20, 20), (run.Services.Count, run.Slices.Count));
        Assert.All(run.Services.Values, service => Assert.Empty(service.Problems));
        Assert.All(run.Slices.Values, slice => Assert.Equal(3, slice.Endpoints.Length));
    }

    [Fact]
    public async Task Lists_are_read_page_by_page()
    {
        await using var rig = new ApiRig(new FakeServerOptions { LargestPage = 7 });
        for (int i = 0; i < 50; i++)
            rig.Service($"web-{i}");
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Equal(50, run.Services.Count);
        Assert.Equal(8, rig.Asked(FakeResource.Services, watch: false).Count);
    }

    [Fact]
    public async Task A_continue_token_that_expires_begins_the_list_anew()
    {
        await using var rig = new ApiRig(new FakeServerOptions { LargestPage = 7 });
        for (int i = 0; i < 50; i++)
            rig.Service($"web-{i:D2}");
        int expired = 0;
        rig.Server.Fault = request =>
        {
            if (request.Resource == FakeResource.Services && request.Query.ContainsKey("continue")
                && Interlocked.Increment(ref expired) == 2)
            {
                rig.DeleteService("web-03");
                rig.Cluster.Compact();
            }
            return null;
        };
        await using SourceRun run = rig.Run();
        await run.Synced();
        await run.Until(_ => run.Services.Count == 49, "the service that was deleted while its page was sent is gone");
    }

    [Fact]
    public async Task Labels_that_take_a_service_away_count_live()
    {
        await using var rig = new ApiRig();
        rig.Service("other", labels: """{"service.kubernetes.io/service-proxy-name":"x"}""");
        rig.Service("headless", labels: """{"service.kubernetes.io/headless":""}""");
        rig.Service("web");
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Equal("web", run.Services.Keys.Single().Name);

        rig.Service("web", labels: """{"service.kubernetes.io/service-proxy-name":"x"}""");
        await run.Until(_ => run.Services.Count == 0, "the service went to another proxy");
        rig.Service("web");
        await run.Until(_ => run.Services.Count == 1, "the service came back");
    }

    [Fact]
    public async Task A_server_without_ServiceCIDRs_holds_nothing_up()
    {
        await using var rig = new ApiRig(new FakeServerOptions { HasServiceCidrs = false });
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.DoesNotContain(rig.Log.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_cluster_without_this_node_says_so_once_before_Synced()
    {
        await using var rig = new ApiRig();
        rig.Cluster.Delete(FakeResource.Nodes, "", "node-a");
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Single(run.Log, change => change is ClusterEvent.NodeSet(null));
    }

    [Fact]
    public async Task A_node_heartbeat_is_no_change()
    {
        await using var rig = new ApiRig();
        await using SourceRun run = rig.Run();
        await run.Synced();
        int before = run.Log.Count;
        for (int beat = 0; beat < 3; beat++)
            rig.Cluster.Apply($$$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a"},"status":{"conditions":[{"lastHeartbeatTime":"{{{beat}}}"}]}}""");
        rig.Service("mark");
        rig.Cluster.Apply("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a","labels":{"topology.kubernetes.io/zone":"z"}}}""");
        await run.Until(_ => run.Node?.Zone == "z" && run.Services.Count == 1, "changes behind the heartbeats");
        Assert.Equal(before + 2, run.Log.Count);
    }

    [Fact]
    public async Task Synced_waits_for_services_and_slices()
    {
        await using var rig = new ApiRig();
        rig.Service("web");
        bool isRefused = true;
        rig.Server.Fault = request => isRefused && request.Resource == FakeResource.EndpointSlices ? new FakeFault { Status = 500 } : null;
        await using SourceRun run = rig.Run();
        await run.Until(_ => run.Services.Count == 1 && run.Node is not null, "what can be listed");
        await run.Until(_ => rig.Asked(FakeResource.EndpointSlices, watch: false).Count > 5 || Touch(rig), "several refusals");
        Assert.False(run.IsSynced);
        isRefused = false;
        await run.Synced();
    }

    [Fact]
    public async Task A_bad_object_is_reported_and_the_others_are_used()
    {
        await using var rig = new ApiRig();
        rig.Slice("names", "example.org", "FQDN");
        rig.Slice("good", "10.1.0.1");
        rig.Slice("odd", "10.1.0.300");
        rig.Cluster.Apply("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"<b>\n"},"spec":{"clusterIP":"10.0.0.1","ports":[{"port":80}]}}""");
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Equal(["good", "odd"], run.Slices.Keys.Select(name => name.Name).Order());
        Assert.Equal("endpoints[0].addresses[0]", run.Slices[new ObjectName("default", "odd")].Problems.Single().Field);
        Assert.Equal(2, run.Source.Problems.Length);
        Assert.Single(rig.Log.Lines, line => line.Contains("EndpointSlice default/names, addressType", StringComparison.Ordinal));

        rig.Slice("names", "10.1.0.2");
        await run.Until(_ => run.Slices.Count == 3, "the slice that changed its type");
        rig.Slice("names", "example.org", "FQDN");
        await run.Until(_ => run.Slices.Count == 2, "the slice that changed back");
        Assert.Contains(run.Source.Problems, problem => problem.Object == "default/names");
    }

    [Fact]
    public async Task Tokens_are_read_again_when_the_server_no_longer_takes_the_old_one()
    {
        string accepted = "old";
        await using var rig = new ApiRig(new FakeServerOptions { AcceptsToken = token => token == Volatile.Read(ref accepted) });
        rig.Write("token", "old");
        rig.Kubeconfig = rig.Write("kubeconfig", FakeKubeconfig.For(rig.Server.Address, user: "{tokenFile: token}"));
        await using SourceRun run = rig.Run();
        await run.Synced();

        rig.Write("token", "new");
        Volatile.Write(ref accepted, "new");
        rig.Server.CutAll();
        rig.Service("web");
        await run.Until(_ => run.Services.Count == 1, "a change behind the token's rotation");
    }

    [Fact]
    public async Task Tokens_come_from_exec_plug_ins()
    {
        await using var rig = new ApiRig(new FakeServerOptions { AcceptsToken = token => token == "from-plug-in" });
        rig.Write("credential.json", """{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-plug-in"}}""");
        rig.Kubeconfig = rig.Write("kubeconfig", FakeKubeconfig.For(
            rig.Server.Address,
            user: $"{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: cat, args: " +
                $"[{rig.PathOf("credential.json")}]}}}}"));
        await using SourceRun run = rig.Run();
        await run.Synced();
    }

    [Fact]
    public async Task An_exec_plug_in_that_is_not_there_is_one_line()
    {
        await using var rig = new ApiRig();
        string path = rig.Write("kubeconfig", FakeKubeconfig.For(
            rig.Server.Address,
            user: "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: no-such-plug-in}}"));
        SourceException error = Assert.Throws<SourceException>(() => ApiAccess.Load(path));
        Assert.Contains("no-such-plug-in", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task Client_certificates_identify_us_and_the_servers_is_checked()
    {
        using var authority = new FakeAuthority();
        await using var rig = new ApiRig(new FakeServerOptions { Authority = authority, AcceptsToken = _ => false });
        rig.Kubeconfig = rig.Write("kubeconfig", FakeKubeconfig.For(
            rig.Server.Address, authority.CertificatePem, FakeKubeconfig.UserWith(authority.IssueClient("system:kube-proxy"))));
        rig.Service("web");
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Single(run.Services);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_server_with_the_wrong_certificate_is_one_clear_line(bool isOfAnotherAuthority)
    {
        using var authority = new FakeAuthority(isOfAnotherAuthority ? "127.0.0.1" : "127.0.0.9");
        using var trusted = new FakeAuthority();
        await using var rig = new ApiRig(new FakeServerOptions { Authority = authority });
        rig.Kubeconfig = rig.Write(
            "kubeconfig", FakeKubeconfig.For(rig.Server.Address, (isOfAnotherAuthority ? trusted : authority).CertificatePem));
        // A handshake takes a busy machine longer than the rig waits for answers, which would be another line.
        await using SourceRun run = rig.Run(ApiRig.Quick with { AnswerTime = TimeSpan.FromSeconds(30) });
        await Eventually(() => rig.Log.Lines.Count > 0, "a line in the log");
        await Eventually(() => rig.Server.Requests.IsEmpty, "no request over such a connection");
        string line = Assert.Single(rig.Log.Lines);
        Assert.Contains("TLS with the API server", line, StringComparison.Ordinal);
        Assert.Contains(isOfAnotherAuthority ? "errors in the certificate chain" : "RemoteCertificateNameMismatch", line,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Missing_permission_names_verbs_resource_and_role()
    {
        await using var rig = new ApiRig();
        rig.Server.Fault = request => request.Resource == FakeResource.EndpointSlices ? new FakeFault { Status = 403 } : null;
        await using SourceRun run = rig.Run();
        await Eventually(() => rig.Asked(FakeResource.EndpointSlices, watch: false).Count > 3, "several refusals");
        string line = Assert.Single(rig.Log.Lines);
        Assert.Contains("verbs list and watch on endpointslices in API group \"discovery.k8s.io\"", line, StringComparison.Ordinal);
        Assert.Contains("system:node-proxier", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_permission_for_nodes_and_CIDRs_the_rest_works()
    {
        await using var rig = new ApiRig();
        rig.Service("web");
        rig.Server.Fault = request =>
            request.Resource == FakeResource.Nodes || request.Resource == FakeResource.ServiceCidrs ? new FakeFault { Status = 403 } : null;
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Single(run.Services);
        Assert.Null(run.Node);
        Assert.Contains(rig.Log.Lines, line => line.Contains("nodes", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null, "does not exist")]
    [InlineData("{broken", "cannot be used")]
    [InlineData("apiVersion: v1\nkind: Config\ncurrent-context: x", "cannot be used")]
    [InlineData("just text", "cannot be used")]
    [InlineData("apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: " +
        "[{name: c, cluster: {server: 'https://x', certificate-authority-data: '!!'}}]\nusers: [{name: u, user: {}}]", "cannot be used")]
    public async Task A_kubeconfig_that_cannot_be_used_is_one_line(string? content, string expected)
    {
        await using var rig = new ApiRig();
        string path = rig.PathOf("other-kubeconfig");
        if (content is not null)
            rig.Write("other-kubeconfig", content);
        var source = new KubernetesSource(path, "node-a", rig.Log, TimeProvider.System, new Random(1));
        SourceException error = await Assert.ThrowsAsync<SourceException>(() => source.RunAsync(
            System.Threading.Channels.Channel.CreateUnbounded<ClusterEvent>().Writer, TestContext.Current.CancellationToken));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task Outside_a_pod_and_without_a_kubeconfig_the_error_says_both()
    {
        var source = new KubernetesSource("", "node-a", new LogLines<KubernetesSource>(), TimeProvider.System, new Random(1));
        SourceException error = await Assert.ThrowsAsync<SourceException>(() => source.RunAsync(
            System.Threading.Channels.Channel.CreateUnbounded<ClusterEvent>().Writer, TestContext.Current.CancellationToken));
        Assert.StartsWith("No kubeconfig is given and this is not a pod with a service account", error.Message, StringComparison.Ordinal);
    }

    private static string? AddressOf(SourceRun run, string name) =>
        run.Services.GetValueOrDefault(new ObjectName("default", name))?.ClusterIPs[0].ToString();

    private static bool Touch(ApiRig rig)
    {
        rig.Service("nudge");
        return false;
    }

    private static async Task Eventually(Func<bool> holds, string what)
    {
        for (int attempt = 0; attempt < 1000 && !holds(); attempt++)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.True(holds(), what);
    }
}
