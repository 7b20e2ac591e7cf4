using System.Collections;
using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Text;
using CsCheck;
using Portolan.DataPlanes.Tests.NfTables;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Lab;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Agreement;

/// <summary>A packet that opens a connection.</summary>
internal readonly record struct SentPacket(FlowOrigin From, InetEndpoint Source, InetEndpoint Destination, IpProtocol Protocol)
{
    /// <summary>The device it enters on; empty for the node's own.</summary>
    internal string Device => From switch { FlowOrigin.Pod => NodeLab.PodDevice, FlowOrigin.External => NodeLab.ExternalDevice, _ => "" };

    public override string ToString() => $"{Protocol.ToRuleText()} {Source} -> {Destination} from {From}";
}

/// <summary>Changes, then packets.</summary>
internal sealed record Round
{
    /// <summary>What changes in the cluster.</summary>
    internal required ImmutableArray<ClusterEvent> Changes { get; init; }

    /// <summary>The changes come in one delta, not one by one.</summary>
    internal required bool AtOnce { get; init; }

    /// <summary>Another process takes over after the changes: it has only the cluster and the kernel to learn from.</summary>
    internal required bool Restarts { get; init; }

    /// <summary>The node has its second IPv4 and IPv6 address.</summary>
    internal required bool HasMoreAddresses { get; init; }

    /// <summary>Which of the node's addresses take NodePort traffic, a bit each.</summary>
    internal required int NodePortChoice { get; init; }

    /// <summary>NodePorts are on all IPv4 addresses, whichever are chosen.</summary>
    internal required bool IsOpenIPv4 { get; init; }

    /// <inheritdoc cref="IsOpenIPv4"/>
    internal required bool IsOpenIPv6 { get; init; }

    /// <summary>What is sent afterwards; default: packets that look at the plans there are.</summary>
    internal ImmutableArray<SentPacket> Packets { get; init; }
}

/// <summary>A random cluster's life on a node of the lab.</summary>
/// <param name="Policy">The part of the configuration that the service table is given.</param>
/// <param name="WithCounters">Mode nftables counts. In mode iptables, which does not: ports are masqueraded without chance.</param>
/// <param name="MasqueradeBit">The bit of the packet mark that asks for masquerading.</param>
/// <param name="Switches">What else is configured, a bit each.</param>
/// <param name="Rounds">What happens.</param>
internal sealed record History(ProxyPolicy Policy, bool WithCounters, int MasqueradeBit, int Switches, ImmutableArray<Round> Rounds)
{
    /// <summary>Mode iptables: NodePorts answer on IPv4 loopback addresses.</summary>
    internal bool TakesLoopback => (Switches & 1) != 0;

    /// <summary>Mode iptables: what conntrack calls invalid is dropped.</summary>
    internal bool DropsInvalid => (Switches & 2) != 0;


    private static readonly Gen<ProxyPolicy> s_policy =
        from detection in Gen.Int[0, 5]
        from masqueradeAll in Gen.Frequency((3, Gen.Const(false)), (1, Gen.Const(true)))
        select new ProxyPolicy
        {
            NodeName = Objects.ThisNode,
            MasqueradeAll = masqueradeAll,
            DetectByNodeCidr = detection <= 1,
            DetectorIPv4 = Detector(detection, "10.180.0.0/24"),
            DetectorIPv6 = Detector(detection, "fd00:10:180::/64"),
        };

    /// <summary>Histories of clusters that are busy with services of every kind.</summary>
    internal static Gen<History> Busy { get; } = Of(BusyCluster.Change, 12);

    /// <summary>Histories of clusters in which odd objects get into the way of others and of each other.</summary>
    internal static Gen<History> Odd { get; } = Of(Gen.Frequency((2, ClusterGen.Change), (1, BusyCluster.Change)), 20);

    /// <summary>The history of a number, always the same.</summary>
    internal static History Make(Gen<History> histories, int seed) => histories.Generate(new PCG(0, (ulong)seed), null, out _);

    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"policy {Describe(Policy)}{(WithCounters ? ", counters" : "")}, masquerade bit " +
            $"{MasqueradeBit}{(TakesLoopback ? ", NodePorts on loopback" : "")}{(DropsInvalid ? ", drops invalid" : "")}\n");
        foreach (Round round in Rounds)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"round{(round.AtOnce ? ", in one delta" : "")}{(round.Restarts ? ", restart" : "")}" +
                $"{(round.HasMoreAddresses ? ", more addresses" : "")}, NodePorts at {round.NodePortChoice:b}" +
                $"{(round.IsOpenIPv4 ? " and all of IPv4" : "")}{(round.IsOpenIPv6 ? " and all of IPv6" : "")}\n");
            foreach (ClusterEvent change in round.Changes)
                text.Append("  ").Append(Describe(change)).Append('\n');
            foreach (SentPacket packet in round.Packets.IsDefault ? [] : round.Packets)
                text.Append("  send ").Append(packet).Append('\n');
        }
        return text.ToString();
    }

    private static Gen<History> Of(Gen<ClusterEvent> change, int firstChanges)
    {
        Gen<Round> Rounds(Gen<List<ClusterEvent>> changes) =>
            from list in changes
            from flags in Gen.Int[0, 1023]
            from choice in Gen.Int[0, 31]
            select new Round
            {
                Changes = [.. list],
                AtOnce = (flags & 3) == 0,
                Restarts = (flags & 28) == 0,
                HasMoreAddresses = (flags & 96) == 0,
                NodePortChoice = (flags & 128) == 0 ? 1 | 4 : choice,
                IsOpenIPv4 = (flags & 256) != 0,
                IsOpenIPv6 = (flags & 512) != 0,
            };

        ClusterEvent node = new ClusterEvent.NodeSet(
            Objects.TheNode("zone-a", "192.168.0.2", "2001:db8::1") with
            {
                PodCidrs =
                Objects.Prefixes("10.180.0.0/24", "fd00:10:180::/64")
            });
        return
            from policy in s_policy
            from counters in Gen.Bool
            from bit in Gen.OneOf(14, 0, 31)
            from switches in Gen.Int[0, 3]
            from first in Rounds(change.List[firstChanges, 2 * firstChanges])
            from others in Rounds(change.List[1, 4]).List[2, 6]
            select new History(policy, counters, bit, switches,
                [first with { Changes = [node, .. first.Changes], AtOnce = true }, .. others]);
    }

    private static LocalDetector Detector(int detection, string range) => detection switch
    {
        2 => new(LocalDetection.Cidrs, Objects.Prefixes(range), ""),
        3 => new(LocalDetection.Interface, [], NodeLab.PodDevice),
        4 => new(LocalDetection.InterfacePrefix, [], "pod"),
        _ => LocalDetector.None,
    };

    /// <summary>An object with all its properties that say something.</summary>
    private static string Describe(object value) => value switch
    {
        string text => text,
        IEnumerable list => $"[{string.Join(", ", list.Cast<object>().Select(Describe))}]",
        InetAddress or InetPrefix or ObjectName or Enum or IFormattable or bool => value.ToString()!,
        _ => $"{value.GetType().Name} {{ {string.Join(", ", value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(static property => property.GetIndexParameters().Length == 0)
            .Select(property => (property.Name, Value: property.GetValue(value)))
            .Where(static entry => entry.Value is not (null or "" or 0 or (ushort)0 or false)
                && entry.Value is not ICollection { Count: 0 })
            .Select(static entry => $"{entry.Name}: {Describe(entry.Value!)}"))} }}",
    };
}
