using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Testing.Lab;

namespace Portolan.LabTests.Truth;

/// <summary>The node that packets pass through, as the lab makes it and as trace is told.</summary>
/// <param name="own">Its addresses on ext0.</param>
/// <param name="podRanges">What is behind pod0.</param>
internal sealed class TruthSite(ImmutableArray<InetAddress> own, ImmutableArray<InetPrefix> podRanges)
{
    internal ImmutableArray<InetAddress> Own => own;

    internal ImmutableArray<InetPrefix> PodRanges => podRanges;

    /// <summary>As NodeLab makes them: pod0 has no address of its own.</summary>
    internal NodeAddresses Addresses { get; } = new(
    [
        new NetInterface(1, "lo", true, true, [On(InetAddress.Parse("127.0.0.1"), 8), On(InetAddress.Parse("::1"), 128)]),
        new NetInterface(2, NodeLab.ExternalDevice, true, false,
            new([.. own.Select(static address => On(address, (byte)InetPrefix.Host(address).Length))])),
        new NetInterface(3, NodeLab.PodDevice, true, false, []),
    ]);

    /// <summary>Makes the node.</summary>
    internal NodeLab MakeLab()
    {
        var lab = new NodeLab("truth", own, podRanges);
        // The kernel limits the refusals it sends over all destinations as well; before Linux 6.11 that limit is not the namespace's to
        // change.
        lab.Namespace.Run(static () => Testing.Namespaces.Tool.TryRun("sysctl",
            ["-q", "-w", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=1000000"]));
        return lab;
    }

    private static InterfaceAddress On(InetAddress address, byte length) => new(address, length, default, default, "global");
}
