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
    int Max, TimeSpan TcpEstablished, TimeSpan TcpCloseWait, bool TcpBeLiberal, TimeSpan Udp, TimeSpan UdpStream);

/// <summary>Settings of the machine other than rules.</summary>
public static class NodeSettings
{
    private const string Netfilter = "/proc/sys/net/netfilter/";

    /// <summary>Sets what differs.</summary>
    /// <returns>One line for each setting that could not be set; the others are set.</returns>
    public static IReadOnlyList<string> Apply(ConntrackSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        List<string> failures = [];
        // The table is one for all namespaces, and an administrator may have good reason for a larger one.
        if (settings.Max > 0)
            Set("nf_conntrack_max", settings.Max, current => current >= settings.Max, failures);
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
