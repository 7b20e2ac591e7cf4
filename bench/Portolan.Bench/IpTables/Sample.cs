using System.Diagnostics;
using System.Globalization;

namespace Portolan.Bench.IpTables;

/// <summary>
/// Time one run took, and the processor time of this process and of the tools it ran: wall-clock time says little where others use the machine,
/// this hardly changes. Processor times come in hundredths of a second.
/// </summary>
internal readonly record struct Sample(TimeSpan Wall, TimeSpan Own, TimeSpan Tools)
{
    public TimeSpan Cpu => Own + Tools;

    public static Sample Of(Action run)
    {
        (TimeSpan own, TimeSpan tools) = Times();
        var watch = Stopwatch.StartNew();
        run();
        TimeSpan wall = watch.Elapsed;
        (TimeSpan ownAfter, TimeSpan toolsAfter) = Times();
        return new(wall, ownAfter - own, toolsAfter - tools);
    }

    /// <summary>The median of each.</summary>
    public static Sample Median(IReadOnlyCollection<Sample> samples)
    {
        return new(MedianOf(static sample => sample.Wall), MedianOf(static sample => sample.Own), MedianOf(static sample => sample.Tools));

        TimeSpan MedianOf(Func<Sample, TimeSpan> time) => samples.Select(time).Order().ElementAt(samples.Count / 2);
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
