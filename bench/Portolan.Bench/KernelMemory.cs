using System.Globalization;

namespace Portolan.Bench;

/// <summary>
/// Memory the kernel holds that is no process's: slabs and vmalloc, from /proc/meminfo. Of the whole machine, so only growth means
/// something, and only on a quiet machine.
/// </summary>
internal static class KernelMemory
{
    internal static long Bytes => File.ReadLines("/proc/meminfo")
        .Where(line => line.StartsWith("SUnreclaim:", StringComparison.Ordinal)
        || line.StartsWith("VmallocUsed:", StringComparison.Ordinal))
        .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024);
}
