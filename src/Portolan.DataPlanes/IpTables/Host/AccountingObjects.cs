using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Portolan.DataPlanes.Contract;
using Portolan.Netlink.Core;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.IpTables.Host;

/// <summary>
/// The kernel's named packet counters, which kube-proxy's rules use (linux/netfilter/nfnetlink_acct.h). They belong to the
/// network namespace of the calling thread.
/// </summary>
internal static class AccountingObjects
{
    private const int NFNL_SUBSYS_ACCT = 7;
    private const int NFNL_MSG_ACCT_NEW = 0, NFNL_MSG_ACCT_GET = 1;
    private const int NLM_F_REQUEST = 1, NLM_F_ACK = 4, NLM_F_CREATE = 0x400;
    private const int NLMSG_ERROR = 2;
    private const int NFACCT_NAME = 1, NFACCT_PKTS = 2;
    private const int EEXIST = 17, EBUSY = 16;

    private static readonly (PlaneMetric Metric, string Counter)[] s_metrics =
    [
        (new("kubeproxy_iptables_ct_state_invalid_dropped_packets_total",
            "packets dropped by iptables to work around conntrack problems", IsCounter: true), KubeProxyIptables.InvalidCounter),
        (new("kubeproxy_iptables_localhost_nodeports_accepted_packets_total",
            "Number of packets accepted on nodeports of loopback interface", IsCounter: true), KubeProxyIptables.LocalhostCounter),
    ];

    /// <summary>What <see cref="Read()"/> gives.</summary>
    public static ImmutableArray<PlaneMetric> Metrics { get; } = [.. s_metrics.Select(static pair => pair.Metric)];

    /// <summary>The counters' packets; one that cannot be read is left out.</summary>
    public static IEnumerable<PlaneSample> Read() => s_metrics
        .Select(static pair => (pair.Metric, Packets: ReadPackets(pair.Counter)))
        .Where(static pair => pair.Packets is not null)
        .Select(static pair => new PlaneSample(pair.Metric, pair.Packets!.Value));

    /// <summary>Makes sure that the counters exist.</summary>
    /// <returns>False if the kernel has no such counters, or this process may not create them.</returns>
    public static bool TryEnsure(params ReadOnlySpan<string> names)
    {
        try
        {
            using var socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            foreach (string name in names)
            {
                if (!TryCreate(socket, name))
                    return false;
            }
            return true;
        }
        catch (NetlinkException)
        {
            return false;
        }
    }

    private static bool TryCreate(NetlinkSocket socket, string name)
    {
        byte[]? answer = Ask(socket, NFNL_MSG_ACCT_NEW, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, name);
        return answer is not null && BinaryPrimitives.ReadUInt16LittleEndian(answer.AsSpan(4)) == NLMSG_ERROR
            && -BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(16)) is 0 or EEXIST or EBUSY;
    }

    private static double? ReadPackets(string name)
    {
        try
        {
            using var socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            if (Ask(socket, NFNL_MSG_ACCT_GET, NLM_F_REQUEST, name) is not { } answer
                || BinaryPrimitives.ReadUInt16LittleEndian(answer.AsSpan(4)) == NLMSG_ERROR)
                return null;
            for (int at = 20; at + 4 <= answer.Length;)
            {
                int length = BinaryPrimitives.ReadUInt16LittleEndian(answer.AsSpan(at));
                if (length < 4)
                    return null;
                // The kernel has the 64 bits in network byte order.
                if (BinaryPrimitives.ReadUInt16LittleEndian(answer.AsSpan(at + 2)) == NFACCT_PKTS && length == 12)
                    return BinaryPrimitives.ReadUInt64BigEndian(answer.AsSpan(at + 4));
                at += (length + 3) & ~3;
            }
            return null;
        }
        catch (NetlinkException)
        {
            return null;
        }
    }

    /// <summary>One message with a counter's name; the first message of the answer, or null.</summary>
    private static byte[]? Ask(NetlinkSocket socket, int type, int flags, string name)
    {
        Span<byte> message = stackalloc byte[128];
        message.Clear();
        int nameLength = Encoding.ASCII.GetBytes(name, message[24..]) + 1;
        int length = 24 + ((nameLength + 3) & ~3);
        // struct nlmsghdr, struct nfgenmsg (all zero), struct nlattr: host byte order.
        BinaryPrimitives.WriteInt32LittleEndian(message, length);
        BinaryPrimitives.WriteUInt16LittleEndian(message[4..], (ushort)(NFNL_SUBSYS_ACCT << 8 | type));
        BinaryPrimitives.WriteUInt16LittleEndian(message[6..], (ushort)flags);
        BinaryPrimitives.WriteUInt16LittleEndian(message[20..], (ushort)(4 + nameLength));
        BinaryPrimitives.WriteUInt16LittleEndian(message[22..], NFACCT_NAME);
        if (socket.Send(message[..length]) != default)
            return null;
        // The kernel answers before it returns from sendto.
        byte[] answer = new byte[4096];
        return socket.TryReceive(answer, out int received) == default && received >= 20 ? answer[..received] : null;
    }
}
