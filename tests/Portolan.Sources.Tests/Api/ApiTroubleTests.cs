using Portolan.Services.Cluster;
using Portolan.Sources.Api;
using Portolan.Sources.Tests.Support;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Sources.Tests.Api;

public class ApiTroubleTests
{
    [Fact]
    public async Task A_watch_that_is_cut_goes_on_where_it_ended_without_a_new_list()
    {
        await using var rig = new ApiRig();
        await using SourceRun run = rig.Run();
        await run.Synced();
        for (int i = 0; i < 20; i++)
        {
            rig.Service($"web-{i}");
            rig.Server.CutAll();
            await run.Until(_ => run.Services.Count == i + 1, "the change across the cut");
        }
        Assert.Single(rig.Asked(FakeResource.Services, watch: false));
    }

    [Fact]
    public async Task A_bookmark_moves_the_place_to_go_on_from()
    {
        await using var rig = new ApiRig(new FakeServerOptions { BookmarkEvery = TimeSpan.FromMilliseconds(5) });
        await using SourceRun run = rig.Run();
        await run.Synced();
        rig.Cluster.Advance(1000);
        string marked = rig.Cluster.Version.ToString(System.Globalization.CultureInfo.InvariantCulture);
        rig.Server.CutAll();
        await Eventually(() =>
        {
            rig.Server.CutAll();
            return rig.Asked(FakeResource.Services, watch: true).Any(request => request.Query["resourceVersion"] == marked);
        });
        Assert.Single(rig.Asked(FakeResource.Services, watch: false));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_deleted_behind_a_compaction_is_found_by_comparing(bool inStream)
    {
        await using var rig = new ApiRig();
        rig.Service("stays");
        rig.Service("goes");
        rig.Service("changes", "10.0.0.1");
        await using SourceRun run = rig.Run();
        await run.Synced();
        int before = run.Log.Count;

        await rig.Server.StopAsync();
        rig.DeleteService("goes");
        rig.Service("changes", "10.0.0.2");
        rig.Service("comes");
        rig.Cluster.Compact();
        if (!inStream)
            rig.Server.Fault = request => request.IsWatch && int.Parse(request.Query["resourceVersion"], null) < rig.Cluster.Version
                ? new FakeFault { Status = 410 } : null;
        rig.Server.Start();
        await run.Until(
            _ => run.Services.Keys.Select(name => name.Name).Order().SequenceEqual(["changes", "comes", "stays"])
                && run.Services[new ObjectName("default", "changes")].ClusterIPs[0].ToString() == "10.0.0.2",
            "the state behind the compaction");
        Assert.Equal(before + 3, run.Log.Count);
    }

    [Fact]
    public async Task A_restarted_server_loses_nothing()
    {
        await using var rig = new ApiRig();
        rig.Service("web");
        await using SourceRun run = rig.Run();
        await run.Synced();
        for (int restart = 0; restart < 5; restart++)
        {
            await rig.Server.RestartAsync(versionsLater: 100_000);
            rig.Service($"web-{restart}");
            await run.Until(_ => run.Services.Count == restart + 2, "a change behind the restart");
        }
    }

    [Fact]
    public async Task A_server_restored_from_a_backup_with_older_versions_counts()
    {
        await using var rig = new ApiRig();
        rig.Cluster.Advance(1_000_000);
        rig.Service("web");
        await using SourceRun run = rig.Run();
        await run.Synced();
        await rig.Server.StopAsync();

        await using var restored = new FakeServer(new FakeServerOptions { Port = rig.Server.Port });
        restored.Fault = request => request.IsWatch && long.Parse(request.Query["resourceVersion"], null) > restored.Cluster.Version
            ? new FakeFault { Status = 410 }
            : null;
        restored.Cluster.Apply("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"old"},"spec":{"clusterIP":"10.0.0.1","ports":[{"port":80}]}}""");
        await run.Until(_ => run.Services.Keys.Select(name => name.Name).SequenceEqual(["old"]), "the restored state");
    }

    [Theory]
    [InlineData("status 500")]
    [InlineData("status 503")]
    [InlineData("busy")]
    [InlineData("silent")]
    [InlineData("garbage")]
    [InlineData("not utf-8")]
    [InlineData("no event")]
    [InlineData("cut list")]
    [InlineData("stalled")]
    [InlineData("status 504 of a load balancer")]
    public async Task Trouble_passes_and_the_state_is_whole(string trouble)
    {
        FakeFault fault = trouble switch
        {
            "status 500" => new FakeFault { Status = 500 },
            "status 503" => new FakeFault { Status = 503, RetryAfter = 0 },
            "busy" => new FakeFault { Status = 429, RetryAfter = 0 },
            "silent" => new FakeFault { Silent = true },
            "garbage" => new FakeFault { Garbage = "<html>502 Bad Gateway</html>"u8.ToArray() },
            "not utf-8" => new FakeFault { Garbage = [0xff, 0xfe, 0x00] },
            "no event" => new FakeFault { Garbage = "{\"hello\":1}\n"u8.ToArray() },
            "cut list" => new FakeFault { CutAfter = 300 },
            "stalled" => new FakeFault { StallAfter = 300 },
            _ => new FakeFault { Status = 504 },
        };
        await using var rig = new ApiRig();
        for (int i = 0; i < 10; i++)
            rig.Service($"web-{i}");
        int requests = 0;
        rig.Server.Fault = _ => Interlocked.Increment(ref requests) % 3 != 0 ? fault : null;
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Equal(10, run.Services.Count);
        for (int i = 0; i < 5; i++)
        {
            rig.DeleteService($"web-{i}");
            rig.Service($"new-{i}");
            await run.Until(_ => !run.Services.ContainsKey(new ObjectName("default", $"web-{i}"))
                && run.Services.ContainsKey(new ObjectName("default", $"new-{i}")), "the change across the trouble");
        }
        Assert.Equal(10, run.Services.Count);
    }

    [Fact]
    public async Task The_server_is_not_asked_again_before_the_time_it_gave()
    {
        await using var rig = new ApiRig();
        int refusals = 0;
        long refusedAt = 0;
        TimeSpan waited = default;
        rig.Server.Fault = request =>
        {
            if (request.Resource != FakeResource.Services || request.IsWatch)
                return null;
            if (Interlocked.Increment(ref refusals) == 1)
            {
                refusedAt = TimeProvider.System.GetTimestamp();
                return new FakeFault { Status = 429, RetryAfter = 1 };
            }
            waited = TimeProvider.System.GetElapsedTime(refusedAt);
            return null;
        };
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.InRange(waited.TotalSeconds, 0.99, 25);
    }

    [Fact]
    public async Task A_wait_of_months_that_the_server_asks_for_is_cut_short()
    {
        await using var rig = new ApiRig();
        rig.Service("web");
        int requests = 0;
        rig.Server.Fault = _ => Interlocked.Increment(ref requests) == 1 ? new FakeFault { Status = 429, RetryAfter = 5_000_000 } : null;
        await using SourceRun run = rig.Run();
        await run.Synced();
        Assert.Single(run.Services);
    }

    [Fact]
    public async Task An_outage_is_one_line_when_it_begins_and_one_when_it_ends()
    {
        await using var rig = new ApiRig();
        rig.Service("web");
        await using SourceRun run = rig.Run();
        await run.Synced();
        // Let every watch come up first: one that is cut while it begins tells of another trouble.
        await Eventually(() => FakeResource.All.All(resource => rig.Asked(resource, watch: true).Count > 0));
        await rig.Server.StopAsync();
        await Eventually(() => rig.Log.Lines.Any(line => line.Contains("cannot be reached", StringComparison.Ordinal)));
        Assert.False(((KubernetesSource)run.Source).IsReachable);
        Assert.Single(run.Services);

        rig.Server.Start();
        rig.Service("dns");
        await run.Until(_ => run.Services.Count == 2, "the change during the outage");
        await Eventually(() => rig.Log.Lines.Any(line => line.Contains("answers again", StringComparison.Ordinal)));
        Assert.True(((KubernetesSource)run.Source).IsReachable);
        Assert.Single(rig.Log.Lines, line => line.Contains("cannot be reached", StringComparison.Ordinal));
        Assert.Single(rig.Log.Lines, line => line.Contains("answers again", StringComparison.Ordinal));
        Assert.InRange(rig.Log.Lines.Count, 2, 3);
    }

    [Fact]
    public async Task A_silent_watch_is_taken_up_anew_and_nothing_is_listed_again()
    {
        await using var rig = new ApiRig();
        await using SourceRun run = rig.Run(ApiRig.Quick with { WatchIdle = TimeSpan.FromMilliseconds(20) });
        await run.Synced();
        await Eventually(() => rig.Asked(FakeResource.Services, watch: true).Count >= 4);
        Assert.Single(rig.Asked(FakeResource.Services, watch: false));
        Assert.Empty(rig.Log.Lines);
    }

    private static async Task Eventually(Func<bool> holds)
    {
        for (int attempt = 0; attempt < 1500 && !holds(); attempt++)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.True(holds());
    }
}
