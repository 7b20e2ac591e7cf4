using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Applies address translations, as net/netfilter/nf_nat_core.c does for a connection's first packet.</summary>
internal sealed class NatTranslator(PacketSpec packet, NodeAddresses node, ExpressionEvaluator expressions)
{
    // Larger ranges are not enumerated.
    private const int MostAddresses = 1024;

    /// <summary>The translated packets with their probabilities; or why the translation is unknown.</summary>
    internal Condition? Translate(Statement statement, PacketState state, Hook hook, RuleRef place, List<PacketState> results)
    {
        if (IsOfOtherFamily(statement) || IsReversed((statement as NatStatement)?.Range))
            return new Condition(new ImpossibleTarget(place));
        if (statement is NetmapStatement netmap)
        {
            PacketState mapped = state.Copy();
            if (hook is Hook.Prerouting or Hook.Output)
                SetDestination(mapped, Map(netmap.Prefix, state.Destination), state.DestinationPort);
            else
                SetSource(mapped, Map(netmap.Prefix, state.Source), state.SourcePort);
            results.Add(mapped);
            return null;
        }
        var nat = (NatStatement)statement;
        if (nat.Kind == NatKind.Masquerade)
        {
            PacketState masqueraded = state.Copy();
            bool keepsPort = !IsRandom(nat) && nat.Range is null && nat.Port is null;
            SetSource(masqueraded, node.OnlySource(state.Destination), keepsPort ? state.SourcePort : null, ChangesIdentifier(nat));
            masqueraded.IsMasqueraded = true;
            results.Add(masqueraded);
            return null;
        }
        if (Targets(nat, state, hook, place, out List<(InetAddress First, InetAddress Last, ushort? Port, double Share)> targets)
            is { } unknown)
            return unknown;
        foreach ((InetAddress first, InetAddress last, ushort? port, double share) in targets)
        {
            if (first.Family != packet.Family || last.Family != packet.Family || last < first)
                return new Condition(new ImpossibleTarget(place));
            if (Choose(nat, first, last, state) is not { } addresses)
                return new Condition(new AddressOfRange(place, first, last));
            foreach (InetAddress address in addresses)
            {
                PacketState translated = state.Copy();
                translated.Probability = state.Probability * share / addresses.Count;
                if (nat.Kind == NatKind.Source)
                    SetSource(translated, address, port, ChangesIdentifier(nat));
                else
                    SetDestination(translated, address, port, ChangesIdentifier(nat));
                results.Add(translated);
            }
        }
        return null;
    }

    private bool IsOfOtherFamily(Statement statement) =>
        statement is NetmapStatement netmap && netmap.Prefix.Family != packet.Family;

    private static bool IsReversed(NatRange? range) => range is { HasPorts: true } ports && ports.LastPort < ports.FirstPort;

    /// <summary>True for a redirect that drops: the interface the packet came in by has no address (nf_nat_redirect.c).</summary>
    internal bool IsDropped(Statement statement, PacketState state, Hook hook) =>
        statement is NatStatement { Kind: NatKind.Redirect } && hook != Hook.Output
        && node.OfInterface(state.InInterface) is not null && AddressOf(state.InInterface).Family == IpFamily.None;

    private InetAddress AddressOf(string? device) => (node.OfInterface(device) ?? []).Select(item => item.Address)
        .FirstOrDefault(address => address.Family == packet.Family && (packet.Family == IpFamily.IPv4 || !address.IsLinkLocal));

    private Condition? Targets(
        NatStatement nat, PacketState state, Hook hook, RuleRef place, out List<(InetAddress, InetAddress, ushort?, double)> targets)
    {
        targets = [];
        bool isSource = nat.Kind == NatKind.Source;
        InetAddress oldAddress = isSource ? state.Source : state.Destination;
        ushort? oldPort = isSource ? state.SourcePort : state.DestinationPort;
        ushort? port = nat.Range is { HasPorts: true } range ? ChoosePort(range, oldPort, nat)
            // A source gets a random port even without a range; a destination keeps its own (nf_nat_l4proto_unique_tuple).
            : isSource && IsRandom(nat) && packet.HasPorts ? null : oldPort;
        if (nat.Port is not null)
        {
            Evaluated computed = expressions.Evaluate(nat.Port, state, place);
            if (computed.UnknownCondition is { } why)
                return why;
            port = computed.Single is NumberValue number ? (ushort)number.Value : null;
        }
        if (nat.Kind == NatKind.Redirect)
            return Redirect(hook, state, port, targets);
        if (nat.Operand is null)
        {
            targets.Add(nat.Range is { HasAddress: true } constant
                ? (constant.First, constant.Last, port, 1)
                : (oldAddress, oldAddress, port, 1));
            return null;
        }
        Evaluated operand = expressions.Evaluate(nat.Operand, state, place);
        if (operand.UnknownCondition is { } unknown)
            return unknown;
        foreach ((Expression value, double share) in operand.Many ?? (operand.Single is null ? [] : [(operand.Single, 1.0)]))
        {
            Expression address = value;
            ushort? chosen = port;
            if (value is ConcatExpression { Parts: [var first, var second] })
            {
                address = first;
                chosen = second is NumberValue number ? (ushort)number.Value : null;
            }
            switch (address)
            {
                case AddressValue one:
                    targets.Add((one.Address, one.Address, chosen, share));
                    break;
                case RangeValue { First: AddressValue from, Last: AddressValue to }:
                    targets.Add((from.Address, to.Address, chosen, share));
                    break;
                case PrefixValue prefix when (nat.Flags & NatFlags.Prefix) != 0 && prefix.Prefix.Family == oldAddress.Family:
                    InetAddress mapped = Map(prefix.Prefix, oldAddress);
                    targets.Add((mapped, mapped, chosen, share));
                    break;
                case PrefixValue prefix:
                    targets.Add((prefix.Prefix.Address, prefix.Prefix.Last, chosen, share));
                    break;
                default:
                    return new Condition(new ComputedAddress(place));
            }
        }
        return null;
    }

    private Condition? Redirect(Hook hook, PacketState state, ushort? port, List<(InetAddress, InetAddress, ushort?, double)> targets)
    {
        bool isV4 = packet.Family == IpFamily.IPv4;
        InetAddress target = isV4 ? InetAddress.FromIPv4(0x7f000001) : InetAddress.FromIPv6(1);
        if (hook != Hook.Output)
        {
            target = AddressOf(state.InInterface);
            if (target.Family == IpFamily.None)
                return new Condition(new RedirectTarget(state.InInterface));
        }
        targets.Add((target, target, port, 1));
        return null;
    }

    /// <summary>The port the kernel takes from a range: the old one if it is in it; otherwise a random one, which is not known.</summary>
    private ushort? ChoosePort(NatRange range, ushort? oldPort, NatStatement nat)
    {
        if (!packet.HasPorts)
            return oldPort;
        if (range.FirstPort == range.LastPort)
            return range.FirstPort;
        if (oldPort is not { } port || IsRandom(nat))
            return null;
        if (range.BasePort != 0)
            return (ushort)(range.FirstPort + (ushort)(port - range.BasePort) % (range.LastPort - range.FirstPort + 1));
        return port >= range.FirstPort && port <= range.LastPort ? port : null;
    }

    /// <summary>The addresses of a range that the kernel may choose; null for too many.</summary>
    private static List<InetAddress>? Choose(NatStatement nat, InetAddress first, InetAddress last, PacketState state)
    {
        if (first == last || state.IsInZone || state.Source.Family == IpFamily.None)
            return Split(first, last);
        bool isPersistent = (nat.Flags & NatFlags.Persistent) != 0;
        if (nat.Kind != NatKind.Source)
            return [NatRangeChoice.Of(first, last, state.Source, state.Destination, nat.Kind == NatKind.Source, isPersistent)];
        bool isRandom = IsRandom(nat);
        // A source in the range stays, and one with another connection keeps that connection's address; only if the destination plays no
        // part are both the same address.
        if (!isRandom && state.Source >= first && state.Source <= last)
            return nat.Range is { HasPorts: true } ? Split(first, last) : [state.Source];
        return isPersistent || isRandom
            ? [NatRangeChoice.Of(first, last, state.Source, state.Destination, nat.Kind == NatKind.Source, isPersistent)] : Split(
            first, last);
    }

    private static List<InetAddress>? Split(InetAddress first, InetAddress last)
    {
        if (first == last)
            return [first];
        if (last.ToNumber() - first.ToNumber() >= MostAddresses)
            return null;
        var addresses = new List<InetAddress>();
        for (UInt128 number = first.ToNumber(); number <= last.ToNumber(); number++)
            addresses.Add(first.Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)number) : InetAddress.FromIPv6(number));
        return addresses;
    }

    private static bool IsRandom(NatStatement nat) => (nat.Flags & (NatFlags.Random | NatFlags.FullyRandom)) != 0;

    private static InetAddress Map(InetPrefix network, InetAddress host)
    {
        UInt128 hostBits = InetPrefix.Of(host, network.Length).Address.ToNumber() ^ host.ToNumber();
        UInt128 number = network.Address.ToNumber() | hostBits;
        return network.Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)number) : InetAddress.FromIPv6(number);
    }

    /// <summary>
    /// A random choice also applies to a ping's identifier, which counts as a port in both directions and almost never stays the same
    /// (nf_nat_l4proto_unique_tuple).
    /// </summary>
    private bool ChangesIdentifier(NatStatement nat) => IsRandom(nat) && packet.Protocol is (IpProtocol.Icmp or IpProtocol.IcmpV6);

    private static void SetDestination(PacketState state, InetAddress address, ushort? port, bool isOtherwiseChanged = false)
    {
        // IPS_DST_NAT is set only when the tuple changes.
        state.IsDestinationTranslated |= isOtherwiseChanged || address != state.Destination || port != state.DestinationPort;
        (state.Destination, state.DestinationPort, state.IsDestinationSettled) = (address, port, true);
    }

    private static void SetSource(PacketState state, InetAddress address, ushort? port, bool isOtherwiseChanged = false)
    {
        state.IsSourceTranslated |= isOtherwiseChanged || address != state.Source || port != state.SourcePort;
        (state.Source, state.SourcePort, state.IsSourceSettled) = (address, port, true);
    }
}
