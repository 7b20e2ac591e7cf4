using System.Globalization;

namespace Portolan.Testing.Lab;

/// <summary>
/// How much longer than usual the lab waits for what must happen: PORTOLAN_LAB_PATIENCE, for emulated processors. 1 if not set.
/// </summary>
public static class LabPatience
{
    /// <summary>The factor, at least 1.</summary>
    public static double Factor { get; } =
        double.TryParse(Environment.GetEnvironmentVariable("PORTOLAN_LAB_PATIENCE"), NumberStyles.AllowDecimalPoint,
        CultureInfo.InvariantCulture, out double factor)
            ? Math.Max(1, factor)
            : 1;
}
