using System.Diagnostics;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Computes the values of nf_tables expressions for a packet.</summary>
internal sealed class ExpressionEvaluator(PacketSpec packet, NodeAddresses node, MatchEvaluator matches, SetLookup sets)
{
    // A generator with more values than this is not enumerated.
    private const uint MostValues = 65536;

    internal SetLookup Sets => sets;

    internal Evaluated Evaluate(Expression expression, PacketState state, RuleRef place) => expression switch
    {
        SelectorExpression selector => Select(selector, state),
        ConcatExpression concat => Concatenate(concat, state, place),
        BitwiseExpression bitwise => Bitwise(bitwise, state, place),
        MapExpression map => Lookup(map, state, place),
        FibExpression fib => Fib(fib, state),
        NumgenExpression numgen => numgen.Modulus == 1
            ? Evaluated.Of(numgen.Offset)
            : Uniform(numgen.Modulus, numgen.Offset, place),
        HashExpression hash => Hash(hash, state, place),
        UnmodelledExpression unmodelled => Evaluated.Unknown(new UnmodelledValue(place, unmodelled.Text)),
        NumberValue or AddressValue or PrefixValue or RangeValue or NameValue or CatchAllValue or VerdictValue or SetReference
            or AnonymousSet =>
            Evaluated.Of(expression),
        _ => throw new UnreachableException($"{expression.GetType().Name} is not evaluated here"),
    };

    private Evaluated Select(SelectorExpression selector, PacketState state)
    {
        bool isV4 = packet.Family == IpFamily.IPv4;
        switch (selector.Field)
        {
            case PacketField.IpVersion:
                return isV4 ? Evaluated.Of(4) : Evaluated.Of(6);
            case PacketField.IpSource:
                return isV4 ? Address(state.Source) : Evaluated.Absent;
            case PacketField.IpDestination:
                return isV4 ? Address(state.Destination) : Evaluated.Absent;
            case PacketField.Ip6Source:
                return isV4 ? Evaluated.Absent : Address(state.Source);
            case PacketField.Ip6Destination:
                return isV4 ? Evaluated.Absent : Address(state.Destination);
            case PacketField.IpProtocol:
                return isV4 ? Evaluated.Of((ulong)packet.Protocol) : Evaluated.Absent;
            case PacketField.Ip6NextHeader:
                return isV4 ? Evaluated.Absent : Evaluated.Of((ulong)packet.Protocol);
            case PacketField.IpFragmentOffset:
                return isV4 ? Evaluated.Of(new UnmodelledExpression("ip frag-off")) : Evaluated.Absent;
            case PacketField.TcpSourcePort or PacketField.TcpDestinationPort:
                return PortOf(IpProtocol.Tcp, selector.Field == PacketField.TcpSourcePort, state);
            case PacketField.UdpSourcePort or PacketField.UdpDestinationPort:
                return PortOf(IpProtocol.Udp, selector.Field == PacketField.UdpSourcePort, state);
            case PacketField.SctpSourcePort or PacketField.SctpDestinationPort:
                return PortOf(IpProtocol.Sctp, selector.Field == PacketField.SctpSourcePort, state);
            case PacketField.UdpLiteSourcePort or PacketField.UdpLiteDestinationPort:
                return PortOf((IpProtocol)136, selector.Field == PacketField.UdpLiteSourcePort, state);
            case PacketField.DccpSourcePort or PacketField.DccpDestinationPort:
                return PortOf((IpProtocol)33, selector.Field == PacketField.DccpSourcePort, state);
            case PacketField.TransportSourcePort or PacketField.TransportDestinationPort:
                return TransportPort(selector.Field == PacketField.TransportSourcePort, state);
            case PacketField.TcpFlags:
                return packet is { Protocol: IpProtocol.Tcp, IsLaterFragment: false }
                    ? Evaluated.Of((ulong)packet.TcpFlags) : Evaluated.Absent;
            case PacketField.IcmpType or PacketField.IcmpCode:
                return packet is { Protocol: IpProtocol.Icmp, IsLaterFragment: false }
                    ? Evaluated.Of(selector.Field == PacketField.IcmpType ? packet.EffectiveIcmpType : (ulong)packet.IcmpCode)
                    : Evaluated.Absent;
            case PacketField.Icmpv6Type or PacketField.Icmpv6Code:
                return packet.Protocol == IpProtocol.IcmpV6
                    ? Evaluated.Of(selector.Field == PacketField.Icmpv6Type ? packet.EffectiveIcmpType : (ulong)packet.IcmpCode)
                    : Evaluated.Absent;
            case PacketField.MetaProtocol:
                return Evaluated.Of(isV4 ? 0x0800UL : 0x86dd);
            case PacketField.MetaNfProto:
                return Evaluated.Of(isV4 ? 2UL : 10);
            case PacketField.MetaL4Proto:
                return Evaluated.Of((ulong)packet.Protocol);
            case PacketField.MetaMark:
                return state.UnknownMark == 0
                    ? Evaluated.Of(state.Mark)
                    : Evaluated.Unknown(new MarkBits(MarkKind.Packet));
            case PacketField.MetaPriority:
                return Evaluated.Of(state.Priority);
            case PacketField.MetaInInterface or PacketField.MetaInInterfaceIndex:
                return Interface(state.InInterface, InterfaceDirection.In);
            case PacketField.MetaOutInterface or PacketField.MetaOutInterfaceIndex:
                return Interface(state.OutInterface, InterfaceDirection.Out);
            case PacketField.MetaSocketUser or PacketField.MetaSocketGroup:
                if (!state.HasSocket)
                    return Evaluated.Absent;
                return (selector.Field == PacketField.MetaSocketUser ? packet.UserId : packet.GroupId) is { } id
                    ? Evaluated.Of(id)
                    : Evaluated.Unknown(new Sender(selector.Field));
            case PacketField.MetaRandom:
                return Evaluated.Unknown(new WideRandom(null));
            case PacketField.CtState:
                return Evaluated.Of((ulong)ConntrackFacts.StateOf(packet, state));
            case >= PacketField.CtStatus and <= PacketField.CtId:
                return Conntrack(selector, state);
            default:
                return Evaluated.Unknown(new PacketFieldValue(selector.Field));
        }
    }

    private Evaluated Conntrack(SelectorExpression selector, PacketState state)
    {
        if (state.Tracking != TrackState.Tracked)
            return Evaluated.Absent;
        ConntrackDirection direction = selector.Direction ?? ConntrackDirection.Original;
        switch (selector.Field)
        {
            case PacketField.CtProtocol:
                return Evaluated.Of((ulong)packet.Protocol);
            case PacketField.CtL3Proto:
                return Evaluated.Of(packet.Family == IpFamily.IPv4 ? 2UL : 10);
            case PacketField.CtMark:
                return state.UnknownConnectionMark == 0
                    ? Evaluated.Of(state.ConnectionMark)
                    : Evaluated.Unknown(new ConnectionHistory(HistoryTopic.Mark));
        }
        if (packet.State != ConntrackStates.New)
            return Evaluated.Unknown(new ConnectionHistory(HistoryTopic.Field, Selector: selector));
        bool isV4 = packet.Family == IpFamily.IPv4;
        switch (selector.Field)
        {
            case PacketField.CtStatus:
                return Evaluated.Of((ulong)ConntrackFacts.StatusOf(state));
            case PacketField.CtDirection:
                return Evaluated.Of((ulong)ConntrackDirection.Original);
            case PacketField.CtIpSource or PacketField.CtIp6Source:
                return isV4 == (selector.Field == PacketField.CtIpSource)
                    ? Address(ConntrackFacts.End(direction, PacketSide.Source, packet, state).Address)
                    : Evaluated.Absent;
            case PacketField.CtIpDestination or PacketField.CtIp6Destination:
                return isV4 == (selector.Field == PacketField.CtIpDestination)
                    ? Address(ConntrackFacts.End(direction, PacketSide.Destination, packet, state).Address)
                    : Evaluated.Absent;
            case PacketField.CtSourcePort:
                return Port(ConntrackFacts.End(direction, PacketSide.Source, packet, state).Port);
            // A connection of ICMP has the type and the code of its request in place of the port (struct nf_conntrack_man_proto).
            case PacketField.CtDestinationPort when direction == ConntrackDirection.Original
                && packet.Protocol is IpProtocol.Icmp or IpProtocol.IcmpV6:
                return Evaluated.Of((ulong)(packet.EffectiveIcmpType << 8 | packet.IcmpCode));
            case PacketField.CtDestinationPort:
                return Port(ConntrackFacts.End(direction, PacketSide.Destination, packet, state).Port);
            default:
                return Evaluated.Unknown(new ConnectionHistory(HistoryTopic.Field, Selector: selector));
        }
    }

    private static Evaluated Address(InetAddress address) => address.Family == IpFamily.None
        ? Evaluated.Unknown(new MasqueradedAddress())
        : Evaluated.Of(new AddressValue(address));

    private static Evaluated Port(ushort? port) =>
        port is { } value ? Evaluated.Of(value) : Evaluated.Unknown(new PacketPort());

    private Evaluated PortOf(IpProtocol protocol, bool isSource, PacketState state) =>
        packet.Protocol == protocol && !packet.IsLaterFragment
        ? Port(isSource ? state.SourcePort : state.DestinationPort) : Evaluated.Absent;

    private Evaluated TransportPort(bool isSource, PacketState state)
    {
        if (packet.HasPorts)
            return Port(isSource ? state.SourcePort : state.DestinationPort);
        if (packet.IsLaterFragment)
            return Evaluated.Absent;
        // "th dport" reads the bytes at the offset of the port, whatever the protocol: for ICMP these are the checksum.
        return packet.Protocol is IpProtocol.Icmp or IpProtocol.IcmpV6 && isSource
            ? Evaluated.Of((ulong)(packet.EffectiveIcmpType << 8 | packet.IcmpCode))
            : Evaluated.Of(new UnmodelledExpression("th dport"));
    }

    private static Evaluated Interface(string? name, InterfaceDirection direction) => name is null
        ? Evaluated.Unknown(new PacketInterface(direction))
        : Evaluated.Of(new NameValue(name));

    private Evaluated Concatenate(ConcatExpression concat, PacketState state, RuleRef place)
    {
        var combinations = new List<(Expression[] Parts, double Probability)> { (new Expression[concat.Parts.Length], 1) };
        for (int index = 0; index < concat.Parts.Length; index++)
        {
            Evaluated part = Evaluate(concat.Parts[index], state, place);
            if (part.Single is not null)
            {
                foreach ((Expression[] parts, _) in combinations)
                    parts[index] = part.Single;
                continue;
            }
            if (part.Many is null)
                return part;
            if ((long)combinations.Count * part.Many.Count > 2 * MostValues)
                return Evaluated.Unknown(new ManyCombinations(place));
            var next = new List<(Expression[], double)>(combinations.Count * part.Many.Count);
            foreach ((Expression[] parts, double probability) in combinations)
            {
                foreach ((Expression value, double share) in part.Many)
                {
                    var copy = (Expression[])parts.Clone();
                    copy[index] = value;
                    next.Add((copy, probability * share));
                }
            }
            combinations = next;
        }
        return Evaluated.Of([.. combinations.Select(item => ((Expression)new ConcatExpression([.. item.Parts]), item.Probability))]);
    }

    private Evaluated Bitwise(BitwiseExpression bitwise, PacketState state, RuleRef place)
    {
        Evaluated left = KnownBits(bitwise, state) ?? Evaluate(bitwise.Left, state, place);
        if (left.Single is UnmodelledExpression)
            return Evaluated.Unknown(new OpaqueOperand(place));
        return left.Select(leftValue => Evaluate(bitwise.Right, state, place).Select(rightValue =>
        {
            if (!ValueComparer.TryNumber(leftValue, out UInt128 a) || !ValueComparer.TryNumber(rightValue, out UInt128 b))
                return Evaluated.Unknown(new ArithmeticResult(place));
            UInt128 result = bitwise.Operator switch
            {
                BitwiseOperator.And => a & b,
                BitwiseOperator.Or => a | b,
                BitwiseOperator.Xor => a ^ b,
                BitwiseOperator.ShiftLeft => leftValue is NumberValue ? (uint)(a << (int)b) : a << (int)b,
                _ => a >> (int)b,
            };
            return Evaluated.Of(ValueComparer.Like(leftValue, result));
        }));
    }

    /// <summary>
    /// "mark and mask" is known when the bits under the mask are; the fragment offset of a whole packet is 0, whatever DF is.
    /// </summary>
    private Evaluated? KnownBits(BitwiseExpression bitwise, PacketState state)
    {
        if (bitwise is not { Operator: BitwiseOperator.And, Left: SelectorExpression selector, Right: NumberValue { Value: var mask } })
            return null;
        return selector.Field switch
        {
            PacketField.MetaMark when (state.UnknownMark & mask) == 0 => Evaluated.Of(state.Mark & ~state.UnknownMark),
            PacketField.CtMark when state.Tracking == TrackState.Tracked && (state.UnknownConnectionMark & mask) == 0 =>
                Evaluated.Of(state.ConnectionMark & ~state.UnknownConnectionMark),
            PacketField.IpFragmentOffset when packet is { Family: IpFamily.IPv4, IsLaterFragment: false } && (mask & ~0x3fffUL) == 0 =>
                Evaluated.Of(0),
            _ => null,
        };
    }

    private Evaluated Lookup(MapExpression map, PacketState state, RuleRef place)
    {
        if (Sets.Open(map.Map, place) is not { } set)
            return Evaluated.Unknown(SetLookup.Missing(map.Map));
        return Evaluate(map.Key, state, place).Select(key =>
        {
            SetElement? element = set.Find(key, state, out Condition? unknown);
            return unknown is not null ? Evaluated.Unknown(unknown) : element?.Data is { } data ? Evaluated.Of(data) : Evaluated.Absent;
        });
    }

    private static Evaluated Uniform(uint modulus, uint offset, RuleRef place)
    {
        if (modulus > MostValues)
            return Evaluated.Unknown(new WideRandom(place));
        var values = new (Expression, double)[modulus];
        for (uint value = 0; value < modulus; value++)
            values[value] = (new NumberValue(value + offset), 1.0 / modulus);
        return Evaluated.Of(values);
    }

    private Evaluated Hash(HashExpression hash, PacketState state, RuleRef place)
    {
        if (hash.Operand is null || hash.Seed is null)
            return Uniform(hash.Modulus, hash.Offset, place);
        return Evaluate(hash.Operand, state, place).Select(value => JenkinsHash.Compute(hash.Operand, value, hash) is { } number
            ? Evaluated.Of(number)
            : Evaluated.Unknown(new HashOfUnknownForm(place)));
    }

    private Evaluated Fib(FibExpression fib, PacketState state)
    {
        bool isSource = (fib.Keys & FibKeys.SourceAddress) != 0;
        InetAddress address = isSource ? state.Source : state.Destination;
        if (address.Family == IpFamily.None)
            return Evaluated.Unknown(new RouteLookup(fib, address));
        bool fromElsewhere = isSource && !packet.IsFromNode && address == packet.Source;
        Answer local = matches.KindOf(address, AddressTypes.Local, fromElsewhere);
        if (fib.Result != FibResult.Type)
            return Route(fib, address, local, state);
        if (local.Kind == AnswerKind.Unknown)
            return Evaluated.Unknown(local.Condition!);
        if ((fib.Keys & (FibKeys.InInterface | FibKeys.OutInterface)) != 0 && local.Kind == AnswerKind.Yes)
        {
            string? device = (fib.Keys & FibKeys.InInterface) != 0 ? state.InInterface : state.OutInterface;
            if (node.OfInterface(device) is not { } own)
                return Evaluated.Unknown(new AddressOfInterface(address, Keys: fib.Keys));
            local = Answer.Of(own.Any(item => item.Address == address));
        }
        // RTN_LOCAL, RTN_MULTICAST, RTN_BROADCAST and RTN_UNICAST of linux/rtnetlink.h.
        if (local.Kind == AnswerKind.Yes)
            return Evaluated.Of(2);
        return Evaluated.Of(address.IsMulticast ? 5UL : node.IsBroadcast(address) ? 3UL : 1UL);
    }

    /// <summary>
    /// The route to an address, as nft_fib_ipv4.c and nft_fib_ipv6.c ask for it: one to an address of the node itself counts as none, and
    /// so does one that leaves by another interface than is asked for.
    /// </summary>
    private Evaluated Route(FibExpression fib, InetAddress address, Answer local, PacketState state)
    {
        string? only = (fib.Keys & FibKeys.InInterface) != 0 ? state.InInterface
            : (fib.Keys & FibKeys.OutInterface) != 0 ? state.OutInterface : "";
        // At prerouting the kernel does not look where packets of the loopback interface come from; addresses of a link are on many.
        bool isSpecial = address.IsMulticast || address.IsLinkLocal || address.IsLoopback || node.IsBroadcast(address);
        string? device = local.Kind switch
        {
            AnswerKind.Yes => "",
            AnswerKind.No => packet.Routes.DeviceTo(address),
            _ => null,
        };
        if (only is null or "lo" || device is null || isSpecial)
            return Evaluated.Unknown(new RouteLookup(fib, address));
        bool isPresent = device.Length > 0 && (only.Length == 0 || only == device);
        return fib.Result switch
        {
            FibResult.Present => Evaluated.Of(isPresent ? 1UL : 0UL),
            FibResult.OutInterfaceIndex when !isPresent => Evaluated.Of(0),
            _ => Evaluated.Of(new NameValue(isPresent ? device : "")),
        };
    }
}
