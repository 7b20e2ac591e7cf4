using System.Collections.Immutable;

namespace Portolan.Testing.Traffic;

/// <summary>How many answers came from each server.</summary>
public sealed class ShareCount(ImmutableSortedDictionary<string, int> answers, ImmutableArray<string> failures)
{
    /// <summary>Answers by server name.</summary>
    public ImmutableSortedDictionary<string, int> Answers { get; } = answers;

    /// <summary>What went wrong, one entry for each failed request.</summary>
    public ImmutableArray<string> Failures { get; } = failures;

    public int Total { get; } = answers.Values.Sum();

    /// <summary>The largest distance of a server's count from total/n, in standard deviations of a fair choice among n servers.</summary>
    public double WorstDeviation(int servers)
    {
        double fair = 1.0 / servers;
        double deviation = Math.Sqrt(Total * fair * (1 - fair));
        double worst = Answers.Values.Select(count => Math.Abs(count - Total * fair) / deviation)
            .DefaultIfEmpty(double.PositiveInfinity).Max();
        // A server that nobody reached has no entry.
        return Answers.Count < servers ? Math.Max(worst, Total * fair / deviation) : worst;
    }

    /// <summary>Asks many times, several at a time, and counts who answered.</summary>
    /// <param name="ask">One request; the answer is a server's name.</param>
    /// <param name="requests">How many.</param>
    /// <param name="atOnce">How many at a time.</param>
    public static async Task<ShareCount> CountAsync(Func<Task<string>> ask, int requests, int atOnce)
    {
        var answers = new Dictionary<string, int>(StringComparer.Ordinal);
        var failures = new List<string>();
        int left = requests;
        async Task WorkAsync()
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                try
                {
                    string name = await ask();
                    lock (answers)
                        answers[name] = answers.GetValueOrDefault(name) + 1;
                }
                catch (Exception failure) when (failure is IOException or System.Net.Sockets.SocketException or OperationCanceledException)
                {
                    lock (answers)
                        failures.Add(failure.Message);
                }
            }
        }
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Task.Run(WorkAsync)));
        return new(answers.ToImmutableSortedDictionary(StringComparer.Ordinal), [.. failures]);
    }
}
