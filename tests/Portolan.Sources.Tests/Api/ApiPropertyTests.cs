using CsCheck;
using Portolan.Sources.Tests.Support;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Sources.Tests.Api;

public class ApiPropertyTests
{
    private enum Step
    {
        Set,
        Delete,
        Relabel,
        Cut,
        Compact,
        Restart,
        Advance,
    }

    private static readonly FakeFault[] s_refusals =
    [
        new FakeFault { Status = 500 }, new FakeFault { Status = 429, RetryAfter = 0 }, new FakeFault { Status = 410 },
        new FakeFault { Status = 410, InStream = true }, new FakeFault { Garbage = "}{"u8.ToArray() }, new FakeFault { Status = 504 },
        new FakeFault { Status = 404 }, new FakeFault { Status = 401 },
    ];

    private static readonly Gen<FakeFault?> s_faults = Gen.Frequency(
        (6, Gen.Int[0, 0].Select(_ => (FakeFault?)null)),
        (1, Gen.Int[0, 3000].Select(at => (FakeFault?)new FakeFault { CutAfter = at })),
        (1, Gen.Int[0, s_refusals.Length - 1].Select(at => (FakeFault?)s_refusals[at])));

    private static readonly Gen<(Step Step, int Target)> s_steps = Gen.Select(
        Gen.Frequency(
            (10, Gen.Const(Step.Set)), (5, Gen.Const(Step.Delete)), (2, Gen.Const(Step.Relabel)), (3, Gen.Const(Step.Cut)),
            (1, Gen.Const(Step.Compact)), (1, Gen.Const(Step.Restart)), (1, Gen.Const(Step.Advance))),
        Gen.Int[0, 11]);

    [Fact]
    public async Task Whatever_goes_wrong_the_source_arrives_at_the_servers_state() =>
        await Gen.Select(s_steps.Array[5, 60], s_faults.Array[0, 40], Gen.Int[0, 1_000_000]).SampleAsync(
            async (steps, faults, seed) => await FollowsAsync(steps, faults, seed), iter: 60, threads: 2);

    private static async Task FollowsAsync((Step Step, int Target)[] steps, FakeFault?[] faults, int seed)
    {
        await using var rig = new ApiRig(new FakeServerOptions { LargestPage = 3, BookmarkEvery = TimeSpan.FromMilliseconds(3) });
        int next = -1;
        rig.Server.Fault = _ => Interlocked.Increment(ref next) is int at && at < faults.Length ? faults[at] : null;
        await using SourceRun run = rig.Run(ApiRig.Quick with { WatchIdle = TimeSpan.FromMilliseconds(200) }, seed);
        var random = new Random(seed);
        foreach ((Step step, int target) in steps)
        {
            await ApplyAsync(rig, step, target, random);
            if (random.Next(3) == 0)
                await Task.Delay(random.Next(3), TestContext.Current.CancellationToken);
        }
        FakeSelector ours = FakeSelector.Parse("!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless", null);
        string[] services = [.. rig.Cluster.Snapshot(FakeResource.Services, ours, out _).Select(Text)];
        string[] slices = [.. rig.Cluster.Snapshot(FakeResource.EndpointSlices, ours, out _).Select(Text)];
        // Each with a last change of its own, so that what comes behind the wanted state would be seen as well.
        rig.Service("zz-last", "10.0.9.9");
        rig.Slice("zz-last", "10.1.9.9");
        await run.Until(
            _ => run.IsSynced
                && run.Services.Values.Select(service => $"{service.Name} {service.ClusterIPs[0]}").Order(StringComparer.Ordinal)
                    .SequenceEqual([.. services, "default/zz-last 10.0.9.9"])
                && run.Slices.Values.Select(slice => $"{slice.Name} {slice.Endpoints[0].Address}").Order(StringComparer.Ordinal)
                    .SequenceEqual([.. slices, "default/zz-last 10.1.9.9"]),
            $"{string.Join(", ", services)}; {string.Join(", ", slices)}");
    }

    private static string Text(FakeObject found)
    {
        var json = System.Text.Json.Nodes.JsonNode.Parse(found.Json)!;
        return $"{found.Key} {json["spec"]?["clusterIP"] ?? json["endpoints"]![0]!["addresses"]![0]}";
    }

    private static async Task ApplyAsync(ApiRig rig, Step step, int target, Random random)
    {
        string address = $"10.0.{random.Next(4)}.{random.Next(1, 250)}";
        switch (step)
        {
            case Step.Set when target < 6:
                rig.Service($"s{target}", address);
                break;
            case Step.Set:
                rig.Slice($"s{target}", address);
                break;
            case Step.Delete:
                rig.Cluster.Delete(target < 6 ? FakeResource.Services : FakeResource.EndpointSlices, "default", $"s{target}");
                break;
            case Step.Relabel:
                rig.Service($"s{target % 6}", address, """{"service.kubernetes.io/service-proxy-name":"x"}""");
                break;
            case Step.Cut:
                rig.Server.CutAll();
                break;
            case Step.Compact:
                rig.Cluster.Compact();
                break;
            case Step.Restart:
                await rig.Server.RestartAsync(random.Next(1000));
                break;
            case Step.Advance:
                rig.Cluster.Advance(random.Next(1, 10));
                break;
        }
    }
}
