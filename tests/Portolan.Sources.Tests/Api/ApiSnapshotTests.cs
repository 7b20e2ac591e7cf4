using Portolan.Services.Cluster;
using Portolan.Sources.Api;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Sources.Tests.Api;

/// <summary>A cluster read once: whole, or one clear line that says why not.</summary>
public class ApiSnapshotTests
{
    [Fact]
    public async Task Every_kind_is_listed_once_and_nothing_is_watched()
    {
        await using var server = new FakeServer(new FakeServerOptions { LargestPage = 7 });
        FakePopulation.Populate(server.Cluster, services: 20, endpoints: 3);
        server.Cluster.Apply("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a"}}""");

        ApiSnapshot snapshot = await ReadAsync(server);

        Assert.Equal(20, snapshot.Events.OfType<ClusterEvent.ServiceSet>().Count());
        Assert.Equal(20, snapshot.Events.OfType<ClusterEvent.SliceSet>().Count());
        Assert.True(snapshot.HasNode);
        Assert.Empty(snapshot.Problems);
        Assert.DoesNotContain(server.Requests, request => request.IsWatch);
    }

    [Fact]
    public async Task A_node_that_the_cluster_does_not_have_is_told()
    {
        await using var server = new FakeServer();
        Assert.False((await ReadAsync(server)).HasNode);
    }

    [Fact]
    public async Task Without_permission_for_nodes_the_rest_is_read_and_it_is_said()
    {
        await using var server = new FakeServer
        {
            Fault = request =>
            request.Resource == FakeResource.Nodes ? new FakeFault { Status = 403 } : null
        };
        server.Cluster.Apply("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"shop"},"spec":{"clusterIP":"172.30.0.1","ports":[{"port":80}]}}""");
        ApiSnapshot snapshot = await ReadAsync(server);
        Assert.Null(snapshot.HasNode);
        Assert.Contains(snapshot.Problems,
            problem => problem.Message.Contains("not allowed to list and watch nodes", StringComparison.Ordinal));
        Assert.Single(snapshot.Events.OfType<ClusterEvent.ServiceSet>());
    }

    [Fact]
    public async Task Without_permission_for_services_it_ends_with_one_line()
    {
        await using var server = new FakeServer
        {
            Fault = request =>
            request.Resource == FakeResource.Services ? new FakeFault { Status = 403 } : null
        };
        SourceException failure = await Assert.ThrowsAsync<SourceException>(() => ReadAsync(server));
        Assert.Contains("not allowed to list and watch services", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task A_server_that_is_away_ends_it_with_one_line()
    {
        await using var server = new FakeServer();
        await server.StopAsync();
        SourceException failure = await Assert.ThrowsAsync<SourceException>(() => ReadAsync(server));
        Assert.Contains("cannot be reached", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("stays in force", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task A_list_whose_continue_token_expires_is_begun_anew()
    {
        int pages = 0;
        await using var server = new FakeServer(new FakeServerOptions { LargestPage = 7 })
        {
            Fault = request => request.Resource == FakeResource.Services && ++pages == 2 ? new FakeFault { Status = 410 } : null,
        };
        FakePopulation.Populate(server.Cluster, services: 20, endpoints: 1);
        ApiSnapshot snapshot = await ReadAsync(server);
        Assert.Equal(20, snapshot.Events.OfType<ClusterEvent.ServiceSet>().Select(change => change.Service.Name).Distinct().Count());
    }

    private static Task<ApiSnapshot> ReadAsync(FakeServer server) => ApiSnapshot.ReadAsync(
        () => new k8s.KubernetesClientConfiguration { Host = server.Address.ToString() }, "node-a", ApiTimings.Default, TimeProvider.System,
            TestContext.Current.CancellationToken);
}
