namespace Portolan.DataPlanes.Ipvs;

/// <summary>
/// Kernel settings that mode ipvs needs, as kube-proxy v1.36 makes them (pkg/proxy/ipvs/proxier.go). net.ipv4.vs.conn_reuse_mode stays as
/// it is: since Linux 5.9 its default is right, and older kernels are not supported.
/// </summary>
internal static class MachineSettings
{
    private const string Root = "/proc/sys/net/ipv4/";

    private static readonly (string Name, string Value)[] s_always =
    [
        // IPVS translates connections that connection tracking then knows: masquerading needs that.
        ("vs/conntrack", "1"),
        // Connections of a deleted endpoint end with their next packet, instead of going on to nowhere.
        ("vs/expire_nodest_conn", "1"),
        // Persistent clients of an endpoint that goes get another one.
        ("vs/expire_quiescent_template", "1"),
        ("ip_forward", "1"),
    ];

    private static readonly (string Name, string Value)[] s_strictArp = [("conf/all/arp_ignore", "1"), ("conf/all/arp_announce", "2")];

    /// <summary>Makes those that differ.</summary>
    /// <param name="strictArp">Also those of ipvs.strictARP.</param>
    /// <returns>A sentence for each that could not be made.</returns>
    internal static IReadOnlyList<string> Apply(bool strictArp)
    {
        List<string> failures = [];
        foreach ((string name, string value) in strictArp ? [.. s_always, .. s_strictArp] : s_always)
        {
            try
            {
                if (File.ReadAllText(Root + name).Trim() != value)
                    File.WriteAllText(Root + name, value);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                failures.Add($"net.ipv4.{name.Replace('/', '.')} cannot be set to {value}: {failure.Message}");
            }
        }
        return failures;
    }
}
