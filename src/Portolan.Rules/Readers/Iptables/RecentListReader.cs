using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>
/// Reads the lists of the recent match as grep prints them with their names, and the kernel clock of their stamps:
/// <c>grep -rEs '^(src=|now at |jiffies: )' /proc/net/xt_recent /proc/timer_list</c>. The clock shows that the lists were read,
/// even when none had an entry. Formats: net/netfilter/xt_recent.c (recent_seq_show), kernel/time/timer_list.c.
/// </summary>
internal sealed class RecentListReader(ReadContext context) : ISectionReader
{
    // Before jiffies overflow 32 bits for the first time, five minutes pass (INITIAL_JIFFIES, linux/jiffies.h).
    private const ulong FirstOverflow = 1UL << 32;
    private const double SecondsToFirstOverflow = 300;

    // A hundred years: the maximum age.
    private const double OldestInSeconds = 3_155_760_000;

    // Values of CONFIG_HZ, which a process cannot read.
    private static readonly int[] s_frequencies = [100, 250, 300, 1000];

    private readonly Dictionary<(string, InetAddress), ulong[]> _stamps = [];
    private ulong? _nanoseconds;
    private ulong? _jiffies;
    private int _line;
    private bool _hasEntries;

    public bool Take(LineCursor line)
    {
        ReadOnlySpan<char> text = line.Line;
        if (After(text, "timer_list:now at ") is { IsEmpty: false } now && Number(now) is { } nanoseconds)
            _nanoseconds = nanoseconds;
        else if (After(text, "timer_list:jiffies: ") is { IsEmpty: false } ticks && Number(ticks) is { } jiffies)
            _jiffies = jiffies;
        else if (After(text, "xt_recent/") is { IsEmpty: false } entry && entry.IndexOf(":src=") is > 0 and var end)
            TakeEntry(entry[..end], entry[(end + ":src=".Length)..], line.Number);
        else
            return false;
        if (_line == 0)
            _line = line.Number;
        return true;
    }

    public void End()
    {
        if (_line == 0)
            return;
        if (!_hasEntries)
        {
            // Without an entry there is nothing to date, which the clocks do not always allow: some minutes after the start they fit
            // several frequencies.
            context.RecentClients = new RecentClients(new Dictionary<(string, InetAddress), ImmutableArray<TimeSpan>>());
        }
        else if (_jiffies is { } now && _nanoseconds is { } nanoseconds && FrequencyOf(now, nanoseconds / 1e9) is { } frequency)
        {
            context.RecentClients = new RecentClients(_stamps.ToDictionary(static entry => entry.Key, entry => (ImmutableArray<TimeSpan>)
                [.. entry.Value.Select(stamp =>
                TimeSpan.FromSeconds(now > stamp ? Math.Min((now - stamp) / (double)frequency, OldestInSeconds) : 0))]));
        }
        else
        {
            context.Problems.Note(_line, "the lists of the recent match are left out: /proc/timer_list, which shows how old their " +
                "entries are, is missing or was not understood");
        }
        (_nanoseconds, _jiffies, _line, _hasEntries) = (null, null, 0, false);
        _stamps.Clear();
    }

    /// <summary>"203.0.113.9 ttl: 63 last_seen: 4296616480 oldest_pkt: 2 4296616475, 4296616480".</summary>
    private void TakeEntry(ReadOnlySpan<char> list, ReadOnlySpan<char> text, int line)
    {
        _hasEntries = true;
        int stamps = text.IndexOf("oldest_pkt: ");
        int space = text.IndexOf(' ');
        List<ulong> found = [];
        if (stamps > 0)
        {
            ReadOnlySpan<char> rest = text[(stamps + "oldest_pkt: ".Length)..];
            rest = rest[Math.Max(0, rest.IndexOf(' '))..];
            foreach (Range part in rest.Split(','))
            {
                if (ulong.TryParse(rest[part].Trim(), out ulong stamp))
                    found.Add(stamp);
            }
        }
        if (space > 0 && found.Count > 0 && InetAddress.TryParse(text[..space], out InetAddress address))
            _stamps[(context.Pool.Get(list), address)] = [.. found];
        else
            context.Problems.Partial(line, $"{ProblemLog.Quote(text)} is not an entry of a list of the recent match; it is left out");
    }

    /// <summary>
    /// Jiffies per second, from their number since boot; null when no frequency, or more than one, fits both clocks.
    /// </summary>
    private static int? FrequencyOf(ulong jiffies, double secondsSinceStart)
    {
        double Error(int frequency) => Math.Abs(((double)jiffies - FirstOverflow) / frequency + SecondsToFirstOverflow - secondsSinceStart);
        int[] sorted = [.. s_frequencies.OrderBy(Error)];
        return Error(sorted[0]) < 10 && Error(sorted[1]) > 20 ? sorted[0] : null;
    }

    private static ReadOnlySpan<char> After(ReadOnlySpan<char> text, string what) =>
        text.IndexOf(what) is >= 0 and var at ? text[(at + what.Length)..] : default;

    private static ulong? Number(ReadOnlySpan<char> text)
    {
        int end = text.IndexOfAnyExceptInRange('0', '9');
        return ulong.TryParse(end < 0 ? text : text[..end], out ulong number) ? number : null;
    }
}
