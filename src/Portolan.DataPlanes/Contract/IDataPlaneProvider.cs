using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Portolan.DataPlanes.Contract;

/// <summary>
/// Everything the rest of the program sees of a kind of data plane: whether it can work here, how it is opened, and how what it wrote is
/// removed. Registered in <see cref="Registry"/>.
/// </summary>
public interface IDataPlaneProvider
{
    /// <summary>"nftables", "iptables" or "ipvs", as KubeProxyConfiguration mode spells it.</summary>
    string Mode { get; }

    /// <summary>Command-line options that only this plane has.</summary>
    ImmutableArray<PlaneOption> Options { get; }

    /// <summary>Probes whether the plane can work on this machine. Leaves nothing behind.</summary>
    /// <returns>What is missing and what to do about it, one line without a full stop; null if nothing is missing.</returns>
    string? Probe(DataPlaneOptions options);

    /// <summary>Makes the settings of the machine that the plane needs, for a proxy that may not make them itself.</summary>
    /// <returns>A sentence for each that could not be made.</returns>
    /// <exception cref="Netlink.Core.NetlinkException">The kernel lacks what the plane needs.</exception>
    IReadOnlyList<string> PrepareMachine(DataPlaneOptions options) => [];

    /// <summary>Opens the plane. Writes nothing before its first <see cref="IDataPlane.Apply"/>.</summary>
    /// <exception cref="Netlink.Core.NetlinkException">The kernel cannot be reached over netlink.</exception>
    /// <exception cref="IOException">A tool the plane works through cannot be used.</exception>
    IDataPlane Open(DataPlaneOptions options, ILoggerFactory loggers);

    /// <summary>
    /// Removes what this kind of plane wrote, in this process or an earlier one, and those of a kube-proxy of the same mode, which
    /// would translate the same packets.
    /// </summary>
    /// <param name="inForce">The plane whose rules are in force and stay, of whatever kind; null to remove everything Portolan or
    /// kube-proxy ever wrote.</param>
    /// <returns>One entry for each thing removed ("the nf_tables tables of mode nftables").</returns>
    /// <exception cref="Netlink.Core.NetlinkException">The kernel refused.</exception>
    /// <exception cref="InvalidOperationException">A tool is missing, or failed.</exception>
    /// <exception cref="IOException">A tool cannot be started.</exception>
    IReadOnlyList<string> CleanUp(IDataPlane? inForce);

    /// <summary>What <see cref="CleanUp"/> would remove with nothing in force; leaves everything as it is.</summary>
    /// <returns>One entry for each thing, for the operator; empty also where the machine cannot be asked.</returns>
    IReadOnlyList<string> Find();
}

/// <summary>The options a plane is opened with.</summary>
public sealed record DataPlaneOptions
{
    /// <summary>The bit of the packet mark that requests masquerading, 0 to 31 (masqueradeBit of the mode).</summary>
    public int MasqueradeBit { get; init; } = 14;

    /// <summary>Time after which the plane verifies what the kernel holds (syncPeriod of the mode).</summary>
    public TimeSpan SyncPeriod { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Serve IPv6 as well as IPv4: false on a machine without it.</summary>
    public bool WithIPv6 { get; init; } = true;

    /// <summary>Packets that connection tracking calls INVALID may be dropped; false with conntrack.tcpBeLiberal.</summary>
    public bool DropsInvalid { get; init; } = true;

    /// <summary>What only mode ipvs has.</summary>
    public IpvsSettings Ipvs { get; init; } = new();

    /// <summary>
    /// The plane's own options that were given, by name ("--iptables-layout"), each one of <see cref="PlaneOption.Values"/>.
    /// </summary>
    public ImmutableDictionary<string, string> Given { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>The value of an option: the one given, or the option's first.</summary>
    public string ValueOf(PlaneOption option)
    {
        ArgumentNullException.ThrowIfNull(option);
        return Given.GetValueOrDefault(option.Name, option.Values[0]);
    }
}

/// <summary>A command-line option that only one plane has.</summary>
/// <param name="Name">"--iptables-layout".</param>
/// <param name="Help">A sentence for --help.</param>
/// <param name="Values">The allowed values, in lower case, the default first. "false" and "true" make a switch.</param>
public sealed record PlaneOption(string Name, string Help, params ImmutableArray<string> Values)
{
    /// <summary>True for an option that may be given without a value.</summary>
    public bool IsSwitch => Values is ["false", "true"];
}
