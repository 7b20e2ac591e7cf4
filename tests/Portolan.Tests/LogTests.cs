using System.Text;

namespace Portolan.Tests;

/// <summary>A log that nobody reads holds nothing up.</summary>
public sealed class LogTests
{
    private const int Problems = 20_000;

    [Theory]
    [InlineData("")]
    [InlineData("logging: {format: json}")]
    public async Task A_log_pipe_that_nobody_reads_stops_neither_changes_nor_the_end(string fields)
    {
        using var run = new PortolanRun();
        run.Manifest("bad.yaml", ManyProblems());
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxyUnread(run.Configuration(fields));
        await run.UntilSyncedAsync(1);

        run.Manifest("more.yaml", Manifest.Service("other", "{clusterIPs: [172.30.0.81], ports: [{name: http, port: 80}]}"));
        await run.UntilSyncedAsync(2);

        // Two seconds for the proxy, the rest for a machine that is busy with other things.
        Assert.True(run.TryStopProxy(TimeSpan.FromSeconds(15)), "the proxy did not end");
    }

    [Fact]
    public async Task What_was_dropped_is_told_when_somebody_reads_again()
    {
        using var run = new PortolanRun();
        run.Manifest("bad.yaml", ManyProblems());
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxyUnread(run.Configuration());
        await run.UntilSyncedAsync(1);

        run.ReadOutput();

        await run.UntilAsync(() => run.Log.Contains("lines were dropped here", StringComparison.Ordinal), "the count of dropped lines");
        Assert.Contains("bad.yaml", run.Log, StringComparison.Ordinal);
    }

    // One line of the log for each.
    private static string ManyProblems()
    {
        var yaml = new StringBuilder("apiVersion: v1\nkind: List\nitems:\n");
        for (int number = 0; number < Problems; number++)
            yaml.Append($"- {{apiVersion: v1, kind: Service, metadata: {{name: bad-{number}}}, spec: {{ports: [{{port: 70000}}]}}}}\n");
        return yaml.ToString();
    }
}
