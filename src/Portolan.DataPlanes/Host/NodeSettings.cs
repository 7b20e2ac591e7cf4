using System.Globalization;

namespace Portolan.DataPlanes.Host;

/// <summary>
/// Limits of connection tracking that kube-proxy manages (KubeProxyConfiguration conntrack). Zero leaves a setting unchanged.
/// </summary>
/// <param name="Max">Connections to track at most; only ever raised.</param>
/// <param name="TcpEstablished">Idle established TCP connections.</param>
/// <param name="TcpCloseWait">TCP connections in CLOSE_WAIT.</param>
/// <param name="TcpBeLiberal">Do not treat packets outside the window as invalid.</param>
/// <param name="Udp">UDP flows without a reply.</param>
/// <param name="UdpStream">UDP flows with replies.</param>
public sealed record ConntrackSettings(
    int Max, TimeSpan TcpEstablished, TimeSpan TcpCloseWait, bool TcpBeLiberal, TimeSpan Udp, TimeSpan UdpStream)
{
    // kube-proxy's: on machines of many cores more would cost memory and no longer help.
    private const int LargestByCores = 1 << 20;

    /// <summary>
    /// Connections to track on a machine: so many for each core, 1,048,576 at most, and not less than <paramref name="min"/>; 0 when
    /// <paramref name="maxPerCore"/> is.
    /// </summary>
    public static int MaxFor(int maxPerCore, int min, int cores) =>
        maxPerCore == 0 ? 0 : Math.Max(min, (int)Math.Min(LargestByCores, (long)maxPerCore * cores));
}

/// <summary>Settings of the machine other than rules.</summary>
public static class NodeSettings
{
    private const string Netfilter = "/proc/sys/net/netfilter/";
    private const string HashSize = "/sys/module/nf_conntrack/parameters/hashsize";

    // Connections for each bucket of the table, as kube-proxy has it.
    private const int ConnectionsPerBucket = 4;

    /// <summary>The CPUs of the machine that are switched on, also those this process may not use.</summary>
    public static int CountCpus()
    {
        try
        {
            return CountList(File.ReadAllText("/sys/devices/system/cpu/online"));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException)
        {
            return Environment.ProcessorCount;
        }
    }

    /// <summary>Sets what differs.</summary>
    /// <returns>One line for each setting that could not be set; the others are set.</returns>
    public static IReadOnlyList<string> Apply(ConntrackSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        List<string> failures = [];
        // The table is one for all namespaces, and an administrator may have good reason for a larger one.
        if (settings.Max > 0)
            Set("nf_conntrack_max", settings.Max, current => current >= settings.Max, failures);
        if (settings.Max > 0)
            RaiseHashSize(settings.Max / ConnectionsPerBucket, failures);
        SetSeconds("nf_conntrack_tcp_timeout_established", settings.TcpEstablished, failures);
        SetSeconds("nf_conntrack_tcp_timeout_close_wait", settings.TcpCloseWait, failures);
        SetSeconds("nf_conntrack_udp_timeout", settings.Udp, failures);
        SetSeconds("nf_conntrack_udp_timeout_stream", settings.UdpStream, failures);
        if (settings.TcpBeLiberal)
            Set("nf_conntrack_tcp_be_liberal", 1, static current => current == 1, failures);
        return failures;
    }

    /// <summary>Makes the kernel less likely to kill this process when memory runs out (/proc/self/oom_score_adj, -1000 to 1000).</summary>
    /// <returns>What went wrong, or null.</returns>
    public static string? SetOomScore(int score) =>
        TryWrite("/proc/self/oom_score_adj", score.ToString(CultureInfo.InvariantCulture));

    // "0-3,8": the kernel's list of CPUs.
    private static int CountList(string list)
    {
        int count = 0;
        foreach (string part in list.Trim().Split(','))
        {
            string[] ends = part.Split('-');
            count += int.Parse(ends[^1], CultureInfo.InvariantCulture) - int.Parse(ends[0], CultureInfo.InvariantCulture) + 1;
        }
        return count;
    }

    // A long chain in each bucket makes every packet slow.
    private static void RaiseHashSize(int buckets, List<string> failures)
    {
        string text = buckets.ToString(CultureInfo.InvariantCulture);
        try
        {
            if (int.Parse(File.ReadAllText(HashSize).AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture) >= buckets)
                return;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException)
        {
            failures.Add($"{HashSize} cannot be read, so it is not raised to {text}: {failure.Message}");
            return;
        }
        if (TryWrite(HashSize, text) is { } problem)
            failures.Add($"{HashSize} cannot be raised to {text}: {problem}");
    }

    private static void SetSeconds(string name, TimeSpan time, List<string> failures)
    {
        int seconds = (int)Math.Min(time.TotalSeconds, int.MaxValue);
        if (seconds > 0)
            Set(name, seconds, current => current == seconds, failures);
    }

    private static void Set(string name, int value, Func<int, bool> isRight, List<string> failures)
    {
        string path = Netfilter + name;
        string text = value.ToString(CultureInfo.InvariantCulture);
        try
        {
            if (int.TryParse(File.ReadAllText(path).AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int current)
                && isRight(current))
                return;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            failures.Add($"net.netfilter.{name} cannot be read, so it is not set to {text}: {failure.Message}");
            return;
        }
        if (TryWrite(path, text) is { } problem)
            failures.Add($"net.netfilter.{name} cannot be set to {text}: {problem}");
    }

    private static string? TryWrite(string path, string text)
    {
        try
        {
            File.WriteAllText(path, text);
            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return failure.Message;
        }
    }
}
