using Portolan.Inet;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// What conntrack makes of a reply: the translation of the connection's first packet, undone. A reply does not pass the rules of nat
/// (nf_nat_core.c): where they translate destinations it gets the client's address, where they translate sources that of the service.
/// </summary>
/// <param name="Source">The source that the client sees: what it dialled.</param>
/// <param name="SourcePort">Its port; null without ports.</param>
/// <param name="Destination">The client.</param>
/// <param name="DestinationPort">Its port; null without ports, or when it is not given.</param>
public sealed record ReplyTranslation(InetAddress Source, ushort? SourcePort, InetAddress Destination, ushort? DestinationPort)
{
    /// <summary>
    /// True when IPVS sent the first packet: it gives the reply its source, at its own stations. Conntrack translates destinations only.
    /// </summary>
    public bool IsByIpvs { get; init; }

    /// <summary>What is known of the node's addresses once it is known where the connection's first packet came from.</summary>
    public static NodeAddresses NodeAfter(PacketSpec request, NodeAddresses node)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(node);
        return request.IsFromNode ? node.Known.Contains(request.Source) ? node : node.WithLocal(request.Source)
            : node.IsLocal(request.Source) is not null ? node
            : node.WithRemote([request.Source]);
    }

    /// <summary>
    /// The address that a reply is assumed to be sent to, where it is not known which one masquerading chose: it matters to rules that ask
    /// for the destination before conntrack translates it back. Null where it is known.
    /// </summary>
    public static InetAddress? AssumedAddress(PacketSpec request, Outcome end, NodeAddresses node)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(end);
        ArgumentNullException.ThrowIfNull(node);
        return end.Source.Family == IpFamily.None && MasqueradingAddresses(request, node).Count() != 1
            ? Answer(request, end, node)?.Destination : null;
    }

    private static IEnumerable<InetAddress> MasqueradingAddresses(PacketSpec request, NodeAddresses node) => node.Known
        .Where(address => address.Family == request.Family && address is { IsLoopback: false, IsLinkLocal: false }).Order();

    /// <summary>The reply to a packet, as its receiver sends it; null when the packet reaches nobody.</summary>
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
        return request with
        {
            Source = end.Destination,
            SourcePort = end.DestinationPort,
            Destination = end.Source.Family != IpFamily.None ? end.Source
                : MasqueradingAddresses(request, node).FirstOrDefault(request.Source),
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
            Reply = new ReplyTranslation(request.Destination, request.DestinationPort, request.Source, request.SourcePort)
            {
                IsByIpvs = end.Path.Any(static step => step.Kind == PathStepKind.VirtualServer),
            },
        };
    }
}
