using System.Buffers;
using System.Globalization;

namespace Portolan.Sources.Configuration;

/// <summary>Durations as Go writes them (time.ParseDuration): "1m30s", "250ms", "1.5h", "0".</summary>
internal static class GoDuration
{
    private static readonly (string Unit, double Ticks)[] s_units =
    [
        ("ns", 0.01), ("us", 10), ("µs", 10), ("μs", 10), ("ms", TimeSpan.TicksPerMillisecond),
        ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour),
    ];

    private static readonly SearchValues<char> s_numberCharacters = SearchValues.Create("0123456789.");

    /// <summary>False when the text is no duration or longer than the 290 years Go can hold.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        ReadOnlySpan<char> rest = text;
        bool isNegative = rest.StartsWith('-');
        if (isNegative || rest.StartsWith('+'))
            rest = rest[1..];
        if (rest is "0")
            return true;
        if (rest.IsEmpty)
            return false;
        double ticks = 0;
        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExcept(s_numberCharacters);
            if (digits <= 0
                || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
                return false;
            rest = rest[digits..];
            int letters = rest.IndexOfAny(s_numberCharacters);
            ReadOnlySpan<char> unit = letters < 0 ? rest : rest[..letters];
            double factor = 0;
            foreach ((string name, double unitTicks) in s_units)
            {
                if (unit.SequenceEqual(name))
                    factor = unitTicks;
            }
            if (factor == 0)
                return false;
            ticks += number * factor;
            rest = rest[unit.Length..];
        }
        // Go counts nanoseconds in 64 bits.
        if (ticks > long.MaxValue / 100.0)
            return false;
        duration = TimeSpan.FromTicks((long)Math.Round(isNegative ? -ticks : ticks));
        return true;
    }

    /// <summary>As Go's Duration.String writes it: "24h0m0s", "1m30s", "250ms", "0s"; zero or more.</summary>
    public static string Format(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
            return "0s";
        if (duration < TimeSpan.FromMilliseconds(1))
            return Number(duration.TotalMicroseconds) + "µs";
        if (duration < TimeSpan.FromSeconds(1))
            return Number(duration.TotalMilliseconds) + "ms";
        string seconds = Number(duration.Seconds + (duration.Ticks % TimeSpan.TicksPerSecond / (double)TimeSpan.TicksPerSecond)) + "s";
        long hours = (long)duration.TotalHours;
        if (hours > 0)
            return string.Create(CultureInfo.InvariantCulture, $"{hours}h{duration.Minutes}m{seconds}");
        return duration.Minutes > 0 ? string.Create(CultureInfo.InvariantCulture, $"{duration.Minutes}m{seconds}") : seconds;

        static string Number(double number) => number.ToString("0.#########", CultureInfo.InvariantCulture);
    }
}
