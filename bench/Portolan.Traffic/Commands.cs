using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Portolan.Testing.Traffic;
using Spectre.Console;

namespace Portolan.Traffic;

/// <summary>What the subcommands do; each returns the exit status.</summary>
internal static class Commands
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    public static async Task<int> ServeAsync(string name, int port, CancellationToken cancel)
    {
        using var server = new NamedServer(name, port);
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
        }
        catch (OperationCanceledException)
        {
            // SIGTERM or Ctrl-C: the regular end.
        }
        return 0;
    }

    public static async Task<int> ShareAsync(IPEndPoint server, int requests, int atOnce)
    {
        long started = Stopwatch.GetTimestamp();
        ShareCount count = await ShareCount.CountAsync(() => Ask(server), requests, atOnce);
        double took = Stopwatch.GetElapsedTime(started).TotalSeconds;
        DrawShares(count);
        Line($"{count.Total} of {requests} requests answered in {took:f1} s, {count.Failures.Length} failed");
        return count.Failures.IsEmpty ? 0 : 1;
    }

    public static async Task<int> SteadyAsync(IPEndPoint server, double perSecond, double seconds, bool json, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        stop.CancelAfter(TimeSpan.FromSeconds(seconds));
        SteadyLoad load = await SteadyLoad.RunAsync(() => Ask(server), perSecond, stop.Token);
        if (json)
            Line($$"""{"requests":{{load.Requests}},"failed":{{load.Failures.Length}},"p50Ms":{{load.Percentile(0.5):f3}},"p99Ms":{{load.Percentile(0.99):f3}}}""");
        else
        {
            Line($"{load.Requests} requests, {load.Failures.Length} failed");
            Line($"half took at most {load.Percentile(0.5):f1} ms, 99 % at most {load.Percentile(0.99):f1} ms");
        }
        foreach (string failure in load.Failures.Take(5))
            Console.Error.WriteLine(failure);
        return load.Failures.IsEmpty ? 0 : 1;
    }

    public static async Task<int> OutageAsync(IPEndPoint server, double seconds)
    {
        // An attempt that goes nowhere is given up soon, so that the first one after the repair is not late.
        TimeSpan attempt = TimeSpan.FromMilliseconds(20);
        long started = Stopwatch.GetTimestamp();
        long lastGood = started;
        bool failed = false;
        while (Stopwatch.GetElapsedTime(started).TotalSeconds < seconds)
        {
            try
            {
                using NamedClient client = await NamedClient.ConnectAsync(NamedClient.OwnNamespace, server, attempt);
                if (failed)
                {
                    Line($"{Stopwatch.GetElapsedTime(lastGood).TotalMilliseconds:f1}");
                    return 0;
                }
                lastGood = Stopwatch.GetTimestamp();
            }
            catch (Exception problem) when (problem is SocketException or OperationCanceledException)
            {
                failed = true;
            }
        }
        Console.Error.WriteLine(failed ? $"no connection succeeds any more after {seconds} s" : "no connection failed");
        return failed ? 1 : 0;
    }

    public static async Task<int> ConnectAsync(IPEndPoint server, double seconds, int atOnce, bool json, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var times = new ConcurrentQueue<double>();
        int failed = 0;
        stop.CancelAfter(TimeSpan.FromSeconds(seconds));
        long started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                long begin = Stopwatch.GetTimestamp();
                try
                {
                    await Ask(server);
                    times.Enqueue(Stopwatch.GetElapsedTime(begin).TotalMicroseconds);
                }
                catch (Exception problem) when (problem is SocketException or OperationCanceledException or IOException)
                {
                    Interlocked.Increment(ref failed);
                }
            }
        }, CancellationToken.None)));
        double took = Stopwatch.GetElapsedTime(started).TotalSeconds;
        double[] sorted = [.. times.Order()];
        double At(double part) => sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * part))];
        if (json)
            Line($$"""{"connectionsPerSecond":{{sorted.Length / took:f0}},"failed":{{failed}},"p50Us":{{At(0.5):f1}},"p99Us":{{At(0.99):f1}}}""");
        else
            Line($"{sorted.Length / took:f0} connections/s, {failed} failed; first answer p50 {At(0.5):f0} us, p99 {At(0.99):f0} us");
        return failed == 0 ? 0 : 1;
    }

    private static Task<string> Ask(IPEndPoint server) => NamedClient.AskOnceAsync(NamedClient.OwnNamespace, server, s_patience);

    private static void DrawShares(ShareCount count)
    {
        if (count.Answers.IsEmpty)
            return;
        const int barLength = 40;
        int most = count.Answers.Values.Max();
        var table = new Table().NoBorder().HideHeaders().AddColumns("name", "bar", "share");
        foreach ((string name, int answers) in count.Answers)
        {
            string bar = new('█', Math.Max(1, answers * barLength / most));
            table.AddRow(new Text(name), new Text(bar, new Style(Color.Teal)),
                new Text(string.Create(CultureInfo.InvariantCulture, $"{answers,6}  {100.0 * answers / count.Total,5:f1} %")));
        }
        AnsiConsole.Write(table);
    }

    private static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
