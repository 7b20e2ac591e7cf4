using System.Text.Json;
using Portolan.Sources.Api;
using Portolan.Sources.Tests.Support;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Sources.Tests.Api;

/// <summary>Events on objects of the cluster.</summary>
public sealed class EventRecorderTests
{
    private static readonly ObjectEvent s_first = new("Service", "shop", "first", "ServiceQuarantined", "Sync", "refused", IsWarning: true);

    [Fact]
    public async Task A_wall_clock_that_is_set_back_keeps_no_event_back()
    {
        var time = new SkewedTime();
        await using var server = new FakeServer();
        EventRecorder recorder = Start(server, time, out CancellationTokenSource end);
        using CancellationTokenSource stop = end;
        recorder.Record(s_first);
        await Eventually(() => server.Events.Count == 1);

        time.Skew = TimeSpan.FromHours(-1);
        recorder.Record(s_first with { Name = "second" });

        await Eventually(() => server.Events.Count == 2);
        await stop.CancelAsync();
    }

    [Fact]
    public async Task A_note_is_cut_between_characters()
    {
        await using var server = new FakeServer();
        EventRecorder recorder = Start(server, TimeProvider.System, out CancellationTokenSource end);
        using CancellationTokenSource stop = end;

        // The thousandth char is the first half of a pair.
        recorder.Record(s_first with { Note = new string('x', 999) + "\U0001F600" });

        await Eventually(() => server.Events.Count == 1);
        await stop.CancelAsync();
        using JsonDocument written = JsonDocument.Parse(Assert.Single(server.Events));
        Assert.Equal(new string('x', 999), written.RootElement.GetProperty("note").GetString());
    }

    private static EventRecorder Start(FakeServer server, TimeProvider time, out CancellationTokenSource end)
    {
        var recorder = new EventRecorder("node-a", new LogLines<EventRecorder>(), time);
        string folder = Directory.CreateTempSubdirectory("portolan-events-").FullName;
        string kubeconfig = Path.Combine(folder, "kubeconfig");
        File.WriteAllText(kubeconfig, FakeKubeconfig.For(server.Address, null));
        var session = new ApiSession(() => ApiAccess.Load(kubeconfig), ApiRig.Quick with { AnswerTime = TimeSpan.FromSeconds(30) }, time);
        end = new CancellationTokenSource();
        _ = FollowAsync(recorder, session, folder, end.Token);
        return recorder;
    }

    private static async Task FollowAsync(EventRecorder recorder, ApiSession session, string folder, CancellationToken cancel)
    {
        try
        {
            await recorder.RunAsync(session, cancel);
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
        finally
        {
            session.Dispose();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task Eventually(Func<bool> holds)
    {
        for (int attempt = 0; attempt < 1000 && !holds(); attempt++)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.True(holds());
    }

    private sealed class SkewedTime : TimeProvider
    {
        public TimeSpan Skew { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Skew;
    }
}
