using Portolan.DataPlanes.Contract;

namespace Portolan.DataPlanes.IpTables.Host;

/// <summary>Kernel settings that rules of this mode need.</summary>
internal static class Sysctl
{
    private const string RouteLocalnet = "/proc/sys/net/ipv4/conf/all/route_localnet";

    /// <summary>Lets translated connections leave from loopback addresses; NodePorts at 127.0.0.1 need it.</summary>
    /// <returns>What went wrong, or null.</returns>
    public static Refusal? TryEnableRouteLocalnet()
    {
        try
        {
            if (File.ReadAllText(RouteLocalnet).Trim() != "1")
                File.WriteAllText(RouteLocalnet, "1");
            return null;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return new(
                "NodePorts on loopback", "net.ipv4.conf.all.route_localnet=1", $"{problem.Message}; they do not answer on 127.0.0.1");
        }
    }
}
