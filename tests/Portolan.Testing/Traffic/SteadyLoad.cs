using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;

namespace Portolan.Testing.Traffic;

/// <summary>New connections at a fixed rate, whatever becomes of the earlier ones, as independent clients make them.</summary>
public sealed class SteadyLoad
{
    private readonly ConcurrentQueue<(TimeSpan At, double Milliseconds, string? Failure)> _results = [];

    /// <summary>Number of requests made.</summary>
    public int Requests => _results.Count;

    /// <summary>What went wrong and when after the start.</summary>
    public ImmutableArray<string> Failures =>
        [.. _results.Where(static result => result.Failure is not null).Select(static result =>
            string.Create(CultureInfo.InvariantCulture, $"after {result.At.TotalSeconds:f3} s: {result.Failure}"))];

    /// <summary>The time that the given part of the good requests took at most, in milliseconds.</summary>
    public double Percentile(double part)
    {
        double[] sorted = [.. _results.Where(static result => result.Failure is null).Select(static result => result.Milliseconds).Order()];
        return sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * part))];
    }

    /// <summary>Runs until cancelled, then waits for what is still under way.</summary>
    public static async Task<SteadyLoad> RunAsync(Func<Task> request, double perSecond, CancellationToken cancel)
    {
        var load = new SteadyLoad();
        var underWay = new List<Task>();
        long start = Stopwatch.GetTimestamp();
        for (int number = 0; !cancel.IsCancellationRequested; number++)
        {
            TimeSpan due = TimeSpan.FromSeconds(number / perSecond) - Stopwatch.GetElapsedTime(start);
            if (due > TimeSpan.Zero)
                await Task.Delay(due, CancellationToken.None);
            underWay.Add(load.MakeAsync(request, start));
            if (underWay.Count > 1000)
                underWay.RemoveAll(static task => task.IsCompleted);
        }
        await Task.WhenAll(underWay);
        return load;
    }

    private async Task MakeAsync(Func<Task> request, long start)
    {
        TimeSpan at = Stopwatch.GetElapsedTime(start);
        long begin = Stopwatch.GetTimestamp();
        string? failure = null;
        try
        {
            await Task.Run(request);
        }
        catch (Exception problem) when (problem is IOException or System.Net.Sockets.SocketException or OperationCanceledException)
        {
            failure = problem.Message;
        }
        _results.Enqueue((at, Stopwatch.GetElapsedTime(begin).TotalMilliseconds, failure));
    }
}
