using Portolan.Inet;
using Portolan.Netlink.Conntrack;
using Portolan.Netlink.Core;
using Portolan.Testing.Namespaces;

namespace Portolan.LabTests;

/// <summary>What the kernel tracks in a namespace.</summary>
internal static class TrackedConnections
{
    /// <summary>Connections to an address and port, by what leads somewhere else and what does not.</summary>
    public static List<ConntrackEntry> To(NetworkNamespace where, IpProtocol protocol, InetEndpoint dialled) => where.Run(() =>
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        return new ConntrackTable(socket).Read(new ConntrackFilter
        {
            Family = dialled.Address.Family,
            Protocol = protocol,
            OriginalDestination = dialled.Address,
            OriginalDestinationPort = dialled.Port,
        });
    });

    /// <summary>True when its packets go on to another address or port than they were sent to.</summary>
    public static bool IsTranslated(in ConntrackEntry entry) =>
        entry.Reply.Source != entry.Original.Destination || entry.Reply.SourcePort != entry.Original.DestinationPort;
}
