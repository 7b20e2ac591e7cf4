using Portolan.Inet;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// What conntrack makes of an answer: the translation of the connection's first packet, undone. The rules of nat are not asked for it
/// (nf_nat_core.c): where they translate destinations it gets the client's address, where they translate sources that of the service.
/// </summary>
/// <param name="Source">The source that the client sees: what it dialled.</param>
/// <param name="SourcePort">Its port; null without ports.</param>
/// <param name="Destination">The client.</param>
/// <param name="DestinationPort">Its port; null without ports, or when it is not given.</param>
public sealed record ReplyTranslation(InetAddress Source, ushort? SourcePort, InetAddress Destination, ushort? DestinationPort)
{
    /// <summary>What is known of the node's addresses once it is known where the connection's first packet came from.</summary>
    public static NodeAddresses NodeAfter(PacketSpec request, NodeAddresses node)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(node);
        return request.IsFromNode ? node.WithLocal(request.Source) : node.WithRemote([request.Source]);
    }

    /// <summary>The answer to a packet, as its receiver sends it; null when the packet comes to nobody.</summary>
    /// <param name="request">The connection's first packet.</param>
    /// <param name="end">How it ended.</param>
    /// <param name="node">What is known of the node's addresses.</param>
    public static PacketSpec? Answer(PacketSpec request, Outcome end, NodeAddresses node)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(end);
        ArgumentNullException.ThrowIfNull(node);
        if (end.Verdict is not (OutcomeVerdict.Forward or OutcomeVerdict.Local) && !OutcomeText.IsOnlyPlaceUnknown(end))
            return null;
        // Which of the node's addresses masquerading chose is not always known; rules before conntrack's translation seldom ask.
        InetAddress asked = end.Source.Family != IpFamily.None ? end.Source
            : node.Known.Where(address => address.Family == request.Family && address is { IsLoopback: false, IsLinkLocal: false }).Order()
                .FirstOrDefault(request.Source);
        return request with
        {
            Source = end.Destination,
            SourcePort = end.DestinationPort,
            Destination = asked,
            DestinationPort = request.SourcePort,
            IsFromNode = end.Verdict == OutcomeVerdict.Local,
            InInterface = end.Verdict == OutcomeVerdict.Local ? null : request.Routes.DeviceTo(end.Destination) ?? request.OutInterface,
            OutInterface = request.IsFromNode ? null : request.InInterface,
            State = Rules.Model.ConntrackStates.Established,
            TcpFlags = Rules.Model.TcpFlags.Syn | Rules.Model.TcpFlags.Ack,
            IcmpType = request.Protocol is not (IpProtocol.Icmp or IpProtocol.IcmpV6) ? null
                : request.EffectiveIcmpType switch { 8 => 0, 128 => 129, var other => other },
            Mark = 0,
            UserId = null,
            GroupId = null,
            Reply = new ReplyTranslation(request.Destination, request.DestinationPort, request.Source, request.SourcePort),
        };
    }
}
