using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>
/// Numbers of rules and bytes in the tables of ip_tables or ip6_tables: one system call per table, however large it is, whereas the tools
/// would copy all of it. They belong to the network namespace of the calling thread.
/// </summary>
internal static class LegacyTableSizes
{
    // linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h: IPT_SO_GET_INFO, IP6T_SO_GET_INFO.
    private const int GetInfo = 64;

    // linux/in.h SOL_IP, linux/in6.h SOL_IPV6.
    private const int LevelIPv4 = 0, LevelIPv6 = 41;

    // struct ipt_getinfo: name[32], valid_hooks, hook_entry[5], underflow[5], num_entries, size; all numbers of 32 bits in host order.
    private const int InfoBytes = 84, EntriesOffset = 76;

    private static readonly IpTable[] s_tables = [IpTable.Filter, IpTable.Nat, IpTable.Mangle];

    /// <summary>One number for the sizes of all three tables; null if the kernel does not report them.</summary>
    public static ulong? Read(IpFamily family)
    {
        try
        {
            using var socket = new Socket(
                family == IpFamily.IPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.Raw);
            ulong sizes = 0;
            Span<byte> info = stackalloc byte[InfoBytes];
            foreach (IpTable table in s_tables)
            {
                info.Clear();
                Encoding.ASCII.GetBytes(table.Text(), info);
                if (socket.GetRawSocketOption(family == IpFamily.IPv4 ? LevelIPv4 : LevelIPv6, GetInfo, info) != InfoBytes)
                    return null;
                // The sum of entries and bytes almost certainly changes if either does; multiplying by a prime keeps the tables
                // apart.
                sizes = sizes * 1_000_003 + BinaryPrimitives.ReadUInt64LittleEndian(info[EntriesOffset..]);
            }
            return sizes;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
