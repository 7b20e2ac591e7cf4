using System.Buffers.Binary;
using System.Text;
using Portolan.Netlink.Core;

namespace Portolan.DataPlanes.IpTables.Host;

/// <summary>
/// The kernel's named packet counters, which kube-proxy's rules use (linux/netfilter/nfnetlink_acct.h). They belong to the
/// network namespace of the calling thread.
/// </summary>
internal static class AccountingObjects
{
    private const int NFNL_SUBSYS_ACCT = 7;
    private const int NFNL_MSG_ACCT_NEW = 0;
    private const int NLM_F_REQUEST = 1, NLM_F_ACK = 4, NLM_F_CREATE = 0x400;
    private const int NLMSG_ERROR = 2;
    private const int NFACCT_NAME = 1;
    private const int EEXIST = 17, EBUSY = 16;

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
        Span<byte> message = stackalloc byte[128];
        message.Clear();
        int nameLength = Encoding.ASCII.GetBytes(name, message[24..]) + 1;
        int length = 24 + ((nameLength + 3) & ~3);
        // struct nlmsghdr, struct nfgenmsg (all zero), struct nlattr: host byte order.
        BinaryPrimitives.WriteInt32LittleEndian(message, length);
        BinaryPrimitives.WriteUInt16LittleEndian(message[4..], NFNL_SUBSYS_ACCT << 8 | NFNL_MSG_ACCT_NEW);
        BinaryPrimitives.WriteUInt16LittleEndian(message[6..], NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE);
        BinaryPrimitives.WriteUInt16LittleEndian(message[20..], (ushort)(4 + nameLength));
        BinaryPrimitives.WriteUInt16LittleEndian(message[22..], NFACCT_NAME);
        if (socket.Send(message[..length]) != default)
            return false;
        // The kernel answers before it returns from sendto.
        byte[] answer = new byte[4096];
        if (socket.TryReceive(answer, out int received) != default || received < 20
            || BinaryPrimitives.ReadUInt16LittleEndian(answer.AsSpan(4)) != NLMSG_ERROR)
            return false;
        int error = -BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(16));
        return error is 0 or EEXIST or EBUSY;
    }
}
