using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Ipvs;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>Mode ipvs: virtual servers of the kernel, over netlink.</summary>
internal sealed class IpvsProvider : IDataPlaneProvider
{
    /// <inheritdoc/>
    public string Mode => IpvsPlane.ModeName;

    /// <inheritdoc/>
    public ImmutableArray<PlaneOption> Options => [];

    /// <inheritdoc/>
    public string? Probe(DataPlaneOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (Scheduler.Parse(options.Ipvs.Scheduler, out _) is { } fault)
            return $"ipvs.scheduler: {fault}";
        try
        {
            using NetlinkSocket generic = NetlinkSocket.Open(NetlinkProtocol.Generic);
            if (IpvsTable.Open(generic) is null)
                return $"this kernel ({Release}) has no IPVS: CONFIG_IP_VS is needed, perhaps 'modprobe ip_vs'. Mode nftables " +
                    "may work here";
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            foreach (IpFamily family in options.WithIPv6 ? [IpFamily.IPv4, IpFamily.IPv6] : (ReadOnlySpan<IpFamily>)[IpFamily.IPv4])
            {
                if (SideProbe.Missing(socket, family) is { } missing)
                    return $"this kernel ({Release}) lacks what mode ipvs needs of nf_tables beside IPVS: {missing}. Mode iptables " +
                        "may work here";
            }
            return null;
        }
        catch (NetlinkException failure)
        {
            return $"this kernel ({Release}) cannot be asked about IPVS and nf_tables, both of which mode ipvs needs ({failure.Message})";
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> PrepareMachine(DataPlaneOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        // Opening loads the module, without which the settings do not exist.
        using var kernel = new IpvsKernel();
        return Prepare(kernel, options.Ipvs);
    }

    /// <inheritdoc/>
    public IDataPlane Open(DataPlaneOptions options, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(options);
        Scheduler.Parse(options.Ipvs.Scheduler, out Scheduler scheduler);
        var kernel = new IpvsKernel();
        var monitor = new IpvsMonitor(kernel.TablePort, kernel.RoutePort, networkNamespace: null, loggers.CreateLogger<IpvsPlane>());
        return new IpvsPlane(
            new IpvsPlaneOptions
            {
                Scheduler = scheduler,
                ExcludeCidrs = options.Ipvs.ExcludeCidrs,
                MasqueradeBit = options.MasqueradeBit,
                WithIPv6 = options.WithIPv6,
                SyncPeriod = options.SyncPeriod,
            },
            kernel, monitor, () => Prepare(kernel, options.Ipvs), TimeProvider.System);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> CleanUp(IDataPlane? inForce)
    {
        using var left = LeftBehind.Open();
        List<string> removed = [.. left.RemoveKubeProxys()];
        if (inForce is IpvsPlane)
            return removed;
        removed.AddRange(left.RemoveOurs(inForce is null ? null : TimeSpan.Zero, out bool isDone));
        if (!isDone)
            _ = LeftBehind.RemoveRestAsync();
        return removed;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Find()
    {
        try
        {
            using var left = LeftBehind.Open();
            return left.Find();
        }
        catch (NetlinkException)
        {
            return [];
        }
    }

    private static string Release => Environment.OSVersion.Version.ToString(3);

    private static IReadOnlyList<string> Prepare(IpvsKernel kernel, IpvsSettings settings)
    {
        IReadOnlyList<string> failures = MachineSettings.Apply(settings.StrictArp);
        var timeouts = new IpvsTimeouts(settings.TcpTimeout, settings.TcpFinTimeout, settings.UdpTimeout);
        if (timeouts == default)
            return failures;
        try
        {
            kernel.SetTimeouts(timeouts);
            return failures;
        }
        catch (NetlinkException failure)
        {
            return [.. failures, $"ipvs.tcpTimeout, tcpFinTimeout and udpTimeout are not in force: {failure.Message}"];
        }
    }
}
