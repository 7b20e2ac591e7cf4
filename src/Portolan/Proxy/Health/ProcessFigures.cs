using Prometheus;

namespace Portolan.Proxy.Health;

/// <summary>Figures of the process under the names that Prometheus' Go client has, which dashboards ask for.</summary>
internal static class ProcessFigures
{
    /// <summary>Registers them; they are read at each scrape.</summary>
    public static void Register(CollectorRegistry registry, MetricFactory metrics)
    {
        Gauge resident = metrics.CreateGauge("process_resident_memory_bytes", "Resident memory size in bytes.");
        Gauge open = metrics.CreateGauge("process_open_fds", "Number of open file descriptors.");
        Gauge most = metrics.CreateGauge("process_max_fds", "Maximum number of open file descriptors.");
        registry.AddBeforeCollectCallback(() =>
        {
            try
            {
                resident.Set(Environment.WorkingSet);
                // The look itself holds one.
                open.Set(Directory.EnumerateFileSystemEntries("/proc/self/fd").Count() - 1);
                string limit = File.ReadLines("/proc/self/limits").First(static line => line.StartsWith("Max open files",
                    StringComparison.Ordinal));
                most.Set(double.Parse(limit.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3],
                    System.Globalization.CultureInfo.InvariantCulture));
            }
            catch (Exception hidden) when (hidden is IOException or UnauthorizedAccessException or FormatException)
            {
                // A machine that hides /proc: the last values stay.
            }
        });
    }
}
