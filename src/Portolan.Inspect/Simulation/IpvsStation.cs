using System.Globalization;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Where IPVS takes packets: what is for this machine behind most chains of INPUT, what it sends itself behind address translation in
/// OUTPUT. What goes to another machine then passes OUTPUT from its beginning and POSTROUTING (net/netfilter/ipvs).
/// </summary>
internal sealed class IpvsStation(VirtualServers servers, PacketSpec packet, NodeAddresses node, ForkTracker forks)
{
    // Priorities of ip_vs_ops4 and ip_vs_ops6 (ip_vs_core.c).
    private const int TakesAtInput = 99;
    private const int TakesAtOutput = -98;
    private const int AnswersAtInput = 98;
    private const int AnswersAtForward = 100;
    private const int AnswersAtOutput = -99;

    /// <summary>Where it looks at new packets; null at hooks where it does not.</summary>
    internal static int? TakingPriority(Hook hook) => hook switch
    {
        Hook.Input => TakesAtInput,
        Hook.Output => TakesAtOutput,
        _ => null,
    };

    /// <summary>Where it gives answers the source that the client dialled; null at hooks where it does not.</summary>
    internal static int? AnsweringPriority(Hook hook) => hook switch
    {
        Hook.Input => AnswersAtInput,
        Hook.Forward => AnswersAtForward,
        Hook.Output => AnswersAtOutput,
        _ => null,
    };

    /// <summary>Takes what is for virtual servers.</summary>
    /// <param name="states">What comes.</param>
    /// <param name="hook">Where.</param>
    /// <param name="sent">Gets what leaves for real servers on other machines or in pods.</param>
    /// <returns>What goes on at the hook: what no virtual server takes, and what is for a real server that is this machine.</returns>
    internal List<PacketState> Take(List<PacketState> states, Hook hook, List<PacketState> sent)
    {
        var passed = new List<PacketState>();
        foreach (PacketState state in states)
        {
            if (state.IsSentByIpvs || state.DestinationPort is not { } port || !IsLookedAt())
                passed.Add(state);
            else if (servers.HasMarks && state.UnknownMark != 0)
                forks.Finish(state, OutcomeVerdict.Unknown, "the packet's mark, by which a virtual server may take it");
            else if (servers.Find(state.Destination, packet.Protocol, port, state.Mark) is { } server)
                Schedule(server, state, hook, passed, sent);
            else if (servers.IsHidden(state.Destination, packet.Protocol, port))
                forks.Finish(state, OutcomeVerdict.Unknown, $"IPVS takes the packet at {new InetEndpoint(state.Destination, port)}; the "
                    + "input does not show to which endpoint: 'ipvsadm -Sn' on the node lists them");
            else
                passed.Add(state);
        }
        return passed;
    }

    /// <summary>Gives answers of real servers the source that the client dialled.</summary>
    internal static void Answer(List<PacketState> states, ReplyTranslation reply)
    {
        foreach (PacketState state in states)
        {
            state.IsSourceTranslated |= (state.Source, state.SourcePort) != (reply.Source, reply.SourcePort);
            (state.Source, state.SourcePort) = (reply.Source, reply.SourcePort);
        }
    }

    /// <summary>
    /// IPVS begins connections with segments that have SYN and no RST, whatever conntrack thinks of them, and with any packet of UDP and
    /// SCTP; of others it knows those of its connections (tcp_conn_schedule, ip_vs_proto_tcp.c). Answers are none of them.
    /// </summary>
    private bool IsLookedAt() => packet.Reply is null && packet.Protocol switch
    {
        IpProtocol.Tcp => packet.State == ConntrackStates.Established || (packet.TcpFlags & (TcpFlags.Syn | TcpFlags.Rst)) == TcpFlags.Syn,
        IpProtocol.Udp or IpProtocol.Sctp => true,
        _ => false,
    };

    private void Schedule(VirtualServer server, PacketState state, Hook hook, List<PacketState> passed, List<PacketState> sent)
    {
        if (server.IsIncomplete)
        {
            forks.Finish(state, OutcomeVerdict.Unknown, $"the input shows only a part of the virtual server {server.Name}");
            return;
        }
        bool isOld = packet.State == ConntrackStates.Established;
        RealServer[] possible = [.. server.Servers.Where(real => isOld || real.Weight > 0).Distinct()];
        if (possible.Length == 0)
        {
            if (isOld)
                passed.Add(state);
            else
                Refuse(server, state, hook);
            return;
        }
        // What IPVS does not let conntrack follow is neither masqueraded nor recognised as new.
        if (servers.IsOfProxy || state.Tracking != TrackState.Tracked)
        {
            Split(server, possible, isOld, state, hook, passed, sent);
            return;
        }
        if (forks.Fork(state, new Condition(new IpvsTracking()), null) is not { } fork)
            return;
        if (fork.Matches is { } tracked)
            Split(server, possible, isOld, tracked, hook, passed, sent);
        if (fork.Passes is not { } untracked)
            return;
        untracked.Tracking = TrackState.Untracked;
        Split(server, possible, isOld, untracked, hook, passed, sent);
    }

    private void Split(VirtualServer server, RealServer[] possible, bool isOld, PacketState state, Hook hook, List<PacketState> passed,
        List<PacketState> sent)
    {
        string? unknown = WhyUnknown(server, possible, isOld);
        IReadOnlyDictionary<RealServer, double>? shares = unknown is null ? IpvsShares.Of(server) : null;
        foreach (RealServer real in possible)
        {
            PacketState chosen = state.Copy();
            chosen.Probability *= shares?[real] ?? 1.0 / possible.Length;
            var endpoint = new InetEndpoint(real.Address, real.Port == 0 ? state.DestinationPort ?? 0 : real.Port);
            if (unknown is not null)
                chosen.Ambiguity ??= new Ambiguity(unknown, state.Source, state.Destination, state.DestinationPort,
                    $"IPVS chooses {endpoint}");
            Send(server, real, endpoint, chosen, hook, passed, sent);
        }
        if (unknown is null || isOld || !IpvsShares.MayFindNone(server))
            return;
        PacketState refused = state.Copy();
        // A candidate without a share: those of the real servers are none either.
        refused.Probability = 0;
        refused.Ambiguity ??= new Ambiguity(unknown, state.Source, state.Destination, state.DestinationPort,
            "IPVS finds no real server that may be used");
        Refuse(server, refused, hook);
    }

    /// <summary>Why it is not known which of the real servers is chosen; null when each gets its share.</summary>
    private string? WhyUnknown(VirtualServer server, RealServer[] possible, bool isOld)
    {
        string number = possible.Length.ToString(CultureInfo.InvariantCulture);
        if (isOld)
            return $"to which real server IPVS sends this connection: it decided that with its first packet ({number} possible)";
        if (server.Persistence is not null && !packet.ClientIsFresh && server.Servers.Length > 1)
            return $"to which real server IPVS sends this client: {server.Name} is persistent, and remembers those of its clients";
        return IpvsShares.Of(server) is not null ? null
            : $"{(possible.Length == 1 ? "whether IPVS takes the only real server" : $"which of {number} real servers IPVS chooses")}: "
                + $"scheduler {server.Scheduler} goes by {IpvsShares.Criterion(server)}";
    }

    private void Send(VirtualServer server, RealServer real, InetEndpoint endpoint, PacketState state, Hook hook, List<PacketState> passed,
        List<PacketState> sent)
    {
        if (real.Method != ForwardingMethod.Masquerading)
        {
            string how = real.Method switch
            {
                ForwardingMethod.DirectRouting => "by direct routing",
                ForwardingMethod.Tunnelling => "through a tunnel",
                _ => "as its own",
            };
            Note(state, hook, $"{server.Name} ({server.Scheduler}) sends it to {endpoint} {how}");
            forks.Finish(state, OutcomeVerdict.Unknown, $"what becomes of a packet that IPVS sends to {endpoint} {how}: the chart follows "
                + "masquerading only");
            return;
        }
        Note(state, hook, $"{server.Name} ({server.Scheduler}) sends it to {endpoint}");
        InetAddress dialled = state.Destination;
        (state.Destination, state.DestinationPort, state.IsSentByIpvs) = (endpoint.Address, endpoint.Port, true);
        Answer local = node.IsLocal(endpoint.Address) is { } known ? Simulation.Answer.Of(known)
            : MatchEvaluator.IsLocalUnknown(endpoint.Address);
        (PacketState? here, PacketState? elsewhere) = local.Kind switch
        {
            AnswerKind.Yes => (state, null),
            AnswerKind.No => (null, state),
            _ => forks.Fork(state, local.Condition!, null) ?? (null, null),
        };
        if (here is not null)
            Keep(here, dialled, hook, passed);
        if (elsewhere is null)
            return;
        // Never from a loopback address to another machine (crosses_local_route_boundary, ip_vs_xmit.c).
        if (elsewhere.Source.IsLoopback)
        {
            Note(elsewhere, hook, $"{elsewhere.Source} is a loopback address, from which nothing is sent to other machines");
            forks.Finish(elsewhere, OutcomeVerdict.Drop, null);
        }
        else
        {
            sent.Add(elsewhere);
        }
    }

    /// <summary>A real server that is this machine: the packet goes on where it is.</summary>
    private void Keep(PacketState state, InetAddress dialled, Hook hook, List<PacketState> passed)
    {
        if (hook == Hook.Input && state.Destination.IsLoopback && !dialled.IsLoopback)
        {
            Note(state, hook, $"{state.Destination} is a loopback address, to which nothing is sent from outside");
            forks.Finish(state, OutcomeVerdict.Drop, null);
        }
        else
        {
            passed.Add(state);
        }
    }

    /// <summary>ip_vs_leave, ip_vs_core.c.</summary>
    private void Refuse(VirtualServer server, PacketState state, Hook hook)
    {
        Note(state, hook, $"{server.Name} has no real server for new connections");
        forks.Finish(state, OutcomeVerdict.Reject, RejectText.Of(RejectWith.PortUnreachable));
    }

    private static void Note(PacketState state, Hook hook, string text) => state.Path = new PathNode(
        new PathStep(PathStepKind.VirtualServer, hook, null, null, null, text, state.Destination, state.DestinationPort), state.Path);
}

/// <summary>Whether IPVS lets conntrack follow its connections (net.ipv4.vs.conntrack).</summary>
internal sealed record IpvsTracking : Fact
{
    internal override string Text => "whether net.ipv4.vs.conntrack is on: only then are the packets of virtual servers masqueraded and "
        + "known to conntrack";

    internal override string If(bool holds) => $"net.ipv4.vs.conntrack is {(holds ? "1" : "0")}";
}
