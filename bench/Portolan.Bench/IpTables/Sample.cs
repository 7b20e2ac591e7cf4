using System.Diagnostics;
using System.Globalization;

namespace Portolan.Bench.IpTables;

/// <summary>
/// Time one run took, and the processor time of this process and of the tools it ran: wall-clock time says little where others use the
/// machine, this hardly changes. Processor times come in hundredths of a second.
/// </summary>
/// <param name="Wall">Time on the clock.</param>
/// <param name="Own">Processor time of this process.</param>
/// <param name="Tools">Processor time of the tools.</param>
/// <param name="Others">Processor time of all else on the machine: what spoils <paramref name="Wall"/>.</param>
internal readonly record struct Sample(TimeSpan Wall, TimeSpan Own, TimeSpan Tools, TimeSpan Others)
{
    public TimeSpan Cpu => Own + Tools;

    public static Sample Of(Action run)
    {
        (TimeSpan own, TimeSpan tools) = Times();
        TimeSpan busy = Busy();
        var watch = Stopwatch.StartNew();
        run();
        TimeSpan wall = watch.Elapsed;
        (TimeSpan ownAfter, TimeSpan toolsAfter) = Times();
        return new(wall, ownAfter - own, toolsAfter - tools, Busy() - busy - (ownAfter - own) - (toolsAfter - tools));
    }

    /// <summary>The median of each.</summary>
    public static Sample Median(IReadOnlyCollection<Sample> samples) => Of(samples, samples.Count / 2);

    /// <summary>The least of each.</summary>
    public static Sample Least(IReadOnlyCollection<Sample> samples) => Of(samples, 0);

    private static Sample Of(IReadOnlyCollection<Sample> samples, int place)
    {
        return new(TimeAt(static sample => sample.Wall), TimeAt(static sample => sample.Own), TimeAt(static sample => sample.Tools),
            TimeAt(static sample => sample.Others));

        TimeSpan TimeAt(Func<Sample, TimeSpan> time) => samples.Select(time).Order().ElementAt(place);
    }

    // The first line of proc(5)'s stat, in hundredths of a second: all but idle and waiting for a disk.
    private static TimeSpan Busy()
    {
        long[] fields = [.. File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..8]
            .Select(static field => long.Parse(field, CultureInfo.InvariantCulture))];
        return TimeSpan.FromMilliseconds(10 * (fields.Sum() - fields[3] - fields[4]));
    }

    private static (TimeSpan Own, TimeSpan Tools) Times()
    {
        // Fields 14 to 17 of proc(5), in hundredths of a second: user and system time, own and of children that were waited for.
        string stat = File.ReadAllText("/proc/self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Sum(11), Sum(13));

        TimeSpan Sum(int field) => TimeSpan.FromMilliseconds(10 * (
            long.Parse(fields[field], CultureInfo.InvariantCulture) + long.Parse(fields[field + 1], CultureInfo.InvariantCulture)));
    }
}
