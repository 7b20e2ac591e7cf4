using System.Buffers.Binary;
using Portolan.Netlink.Core;
using Portolan.Netlink.Uapi;

namespace Portolan.Netlink.Netfilter;

/// <summary>The header that messages of all netfilter subsystems start with.</summary>
internal static class NetfilterMessages
{
    /// <summary>struct nfgenmsg (linux/netfilter/nfnetlink.h); <paramref name="resourceId"/> is big-endian on the wire.</summary>
    internal static void PutNetfilterHeader(this MessageWriter writer, byte family, ushort resourceId = 0)
    {
        Span<byte> header = stackalloc byte[NfnetlinkHeader.NFGENMSG_LEN];
        header[0] = family;
        header[1] = NfnetlinkHeader.NFNETLINK_V0;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], resourceId);
        writer.PutRaw(header);
    }

    /// <summary>Sends a request to a subsystem of netfilter and visits the answer.</summary>
    /// <exception cref="NetlinkException">As for <see cref="NetlinkDump"/>.</exception>
    internal static void Run<TState, TVisitor>(
        this NetlinkDump requests, string operation, ushort type, bool dump, byte family, NetlinkDump.WriteAttributes<TState> attributes,
            TState state,
        ref TVisitor visitor)
        where TVisitor : INetlinkVisitor
    {
        requests.Run(operation, type, dump, static (writer, request) =>
        {
            writer.PutNetfilterHeader(request.family);
            request.attributes(writer, request.state);
        }, (family, attributes, state), ref visitor);
    }
}
