using System.Globalization;

namespace Portolan.LabTests;

/// <summary>How long the long tests run. The defaults suit every build; the full figures are set by environment variables.</summary>
internal static class ChurnSettings
{
    /// <summary>PORTOLAN_LAB_CHURN_SECONDS: length of the test of steady connections under churn; 60 is the full figure.</summary>
    public static TimeSpan Churn { get; } = TimeSpan.FromSeconds(Number("PORTOLAN_LAB_CHURN_SECONDS", 5));

    /// <summary>PORTOLAN_LAB_KILLS: how often the proxy is killed at a random instant; 200 is the full figure.</summary>
    public static int Kills { get; } = Number("PORTOLAN_LAB_KILLS", 5);

    /// <summary>PORTOLAN_LAB_FLUSHES: how often the rules are flushed to measure the healing; 20 is the full figure.</summary>
    public static int Flushes { get; } = Number("PORTOLAN_LAB_FLUSHES", 5);

    /// <summary>PORTOLAN_LAB_FLUSH_SECONDS: for how long rules are flushed five times a second; 10 is the full figure.</summary>
    public static TimeSpan FlushLoop { get; } = TimeSpan.FromSeconds(Number("PORTOLAN_LAB_FLUSH_SECONDS", 10));

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
        ? number : otherwise;
}
