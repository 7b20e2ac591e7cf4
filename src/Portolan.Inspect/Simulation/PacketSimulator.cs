using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Computes what rules do with a packet: through the hooks prerouting, input or forward, postrouting, or output and postrouting, all
/// tables in the kernel's order. Chance and unknown conditions fork the path; every end comes with its probability, and nothing is guessed.
/// </summary>
public sealed class PacketSimulator
{
    private readonly Ruleset _ruleset;
    private readonly NodeAddresses _node;
    private readonly Dictionary<IpFamily, TableOrders> _hooks = [];
    private readonly VirtualServers _virtualServers;
    private readonly RuleIndex _index = new();
    private readonly SetLookup _sets = new();

    /// <summary>A simulator for a ruleset.</summary>
    /// <param name="ruleset">The rules.</param>
    /// <param name="node">What is known of the node's addresses.</param>
    public PacketSimulator(Ruleset ruleset, NodeAddresses node)
    {
        ArgumentNullException.ThrowIfNull(ruleset);
        ArgumentNullException.ThrowIfNull(node);
        _ruleset = ruleset;
        _virtualServers = VirtualServers.Of(ruleset);
        _node = _virtualServers.Complete(node, ruleset);
    }

    /// <summary>Traces a packet.</summary>
    public TraceResult Trace(PacketSpec packet)
    {
        ArgumentNullException.ThrowIfNull(packet);
        TableOrders orders = OrdersOf(packet.Family);
        ImmutableArray<Outcome> Go(HookTable hooks) => new Run(_ruleset, _node, hooks, _virtualServers, _index, _sets, packet).Go();
        ImmutableArray<Outcome> outcomes = orders.Possible.Count == 0 ? Go(orders.Usual)
            : OutcomeResolver.OfOrders([.. orders.Possible.Select(order => (order.When, Go(order.Hooks)))], orders.Chains);
        ImmutableArray<string> caveats = Caveats.Of(_ruleset, packet.Family);
        if (orders.Reversed is not null && Go(orders.Reversed) is var others
            && !OutcomeResolver.AreAlike(orders.Possible.Count == 0 ? outcomes : Go(orders.Usual), others))
            caveats = caveats.Add(Caveats.OfOrder([.. orders.Usual.Ties.Select(static tie => tie.Chains)], others));
        return new TraceResult { Packet = packet, Outcomes = outcomes, Caveats = caveats };
    }

    private TableOrders OrdersOf(IpFamily family)
    {
        if (!_hooks.TryGetValue(family, out TableOrders? known))
            _hooks[family] = known = TableOrders.Of(_ruleset, family);
        return known;
    }

    private sealed class Run
    {
        private readonly NodeAddresses _node;
        private readonly HookTable _hooks;
        private readonly PacketSpec _packet;
        private readonly ForkTracker _forks = new();
        private readonly ChainWalker _walker;
        private readonly IpvsStation _ipvs;
        private readonly List<PacketState> _sentByIpvs = [];
        private readonly bool _hasFilter;

        internal Run(Ruleset ruleset, NodeAddresses node, HookTable hooks, VirtualServers virtualServers, RuleIndex index,
            SetLookup sets, PacketSpec packet)
        {
            packet = packet with { State = ConntrackFacts.Begin(packet) };
            (_node, _hooks, _packet) = (node, hooks, packet);
            _ipvs = new IpvsStation(virtualServers, packet, node, _forks);
            TableFamily own = packet.Family == IpFamily.IPv4 ? TableFamily.Ip : TableFamily.Ip6;
            _hasFilter = ruleset.Tables.Any(table => table.Name == "filter" && table.Family == own);
            var matches = new MatchEvaluator(packet, node, ruleset);
            var expressions = new ExpressionEvaluator(packet, node, matches, sets);
            var runner = new RuleRunner(
                matches, new MatchDecider(matches, new RelationEvaluator(expressions)), expressions,
                    new NatTranslator(packet, node, expressions), _forks);
            _walker = new ChainWalker(runner, _forks, index);
        }

        internal ImmutableArray<Outcome> Go()
        {
            var start = new PacketState
            {
                Source = _packet.Source,
                SourcePort = _packet.SourcePort,
                Destination = _packet.Destination,
                DestinationPort = _packet.HasPorts ? _packet.DestinationPort : null,
                Mark = _packet.Mark,
                ConnectionMark = _packet.ConnectionMark ?? 0,
                // The connection's mark was set by earlier packets, unless this one begins it.
                UnknownConnectionMark = _packet.ConnectionMark is null && _packet.State is ConntrackStates.Established
                    or ConntrackStates.Related ? uint.MaxValue : 0,
                HasSocket = _packet.IsFromNode,
                InInterface = _packet.IsFromNode ? string.Empty : _packet.InInterface,
                OutInterface = _packet.IsFromNode ? OutInterfaceTo(_packet.Destination) : string.Empty,
            };
            if (_packet.IsLaterFragment && _hooks.UsesConntrack)
                _forks.Finish(start, OutcomeVerdict.Unknown,
                    "which packet the fragment belongs to: conntrack reassembles fragments before any rule sees them");
            else if (_packet.IsFromNode)
                Send([start]);
            else
                Receive([start]);
            return OutcomeResolver.Resolve(_forks.Endings);
        }

        private void Receive(List<PacketState> states)
        {
            states = Pass(Hook.Prerouting, states);
            (List<PacketState> local, List<PacketState> elsewhere) = Route(states, Hook.Prerouting);
            Deliver(local);
            foreach (PacketState state in elsewhere)
                state.OutInterface = _packet.OutInterface ?? _packet.Routes.DeviceTo(state.Destination);
            elsewhere = Pass(Hook.Forward, elsewhere);
            Leave(Pass(Hook.Postrouting, elsewhere));
        }

        private void Send(List<PacketState> states)
        {
            states = Pass(Hook.Output, states);
            SendByIpvs();
            foreach (PacketState state in states)
                state.OutInterface = OutInterfaceTo(state.Destination);
            (List<PacketState> local, List<PacketState> elsewhere) = Route(states, Hook.Output);
            elsewhere = FromLoopback(elsewhere);
            foreach (PacketState state in local)
                state.OutInterface = "lo";
            Leave(Pass(Hook.Postrouting, elsewhere));
            // Packets to the node itself leave through the loopback device and come in again, with their connection already known.
            local = Pass(Hook.Postrouting, local);
            foreach (PacketState state in local)
            {
                (state.InInterface, state.OutInterface) = ("lo", string.Empty);
                (state.IsDestinationSettled, state.IsSourceSettled) = (true, true);
                (state.HasSocket, state.IsConfirmed) = (false, true);
            }
            Deliver(Pass(Hook.Prerouting, local));
        }

        private void Deliver(List<PacketState> states)
        {
            foreach (PacketState state in states)
                state.OutInterface = string.Empty;
            foreach (PacketState state in Pass(Hook.Input, states))
                End(state, OutcomeVerdict.Local);
            SendByIpvs();
        }

        /// <summary>What IPVS took passes OUTPUT from its beginning, with its new destination, and POSTROUTING.</summary>
        private void SendByIpvs()
        {
            if (_sentByIpvs.Count == 0)
                return;
            List<PacketState> states = [.. _sentByIpvs];
            _sentByIpvs.Clear();
            foreach (PacketState state in states)
            {
                state.InInterface = string.Empty;
                state.OutInterface = _packet.OutInterface ?? _packet.Routes.DeviceTo(state.Destination);
            }
            states = WithoutOtherDevice(Pass(Hook.Output, states));
            // The packet still has the device that it came in by, which ip_output() shows to POSTROUTING.
            foreach (PacketState state in states)
                state.InInterface = _packet.IsFromNode ? string.Empty : _packet.InInterface;
            Leave(Pass(Hook.Postrouting, states));
        }

        /// <summary>
        /// A connection that was masqueraded on its way out by loopback leaves by no other device: nf_nat drops it (nf_nat_oif_changed).
        /// </summary>
        private List<PacketState> WithoutOtherDevice(List<PacketState> states)
        {
            var left = new List<PacketState>();
            foreach (PacketState state in states)
            {
                if (!state.IsMasqueraded || state.Tracking != TrackState.Tracked)
                {
                    left.Add(state);
                    continue;
                }
                Note(state, Hook.Postrouting,
                    "the connection was masqueraded on loopback, and the kernel lets it leave by no other device");
                _forks.Finish(state, OutcomeVerdict.Drop, null);
            }
            return left;
        }

        private void Leave(List<PacketState> states)
        {
            foreach (PacketState state in states)
                End(state, OutcomeVerdict.Forward);
        }

        private void End(PacketState state, OutcomeVerdict verdict)
        {
            // Without the filter table it is unknown whether a packet marked to be dropped goes on.
            if (!_hasFilter && (state.Mark & KubeProxyIptables.DropMark) != 0 && IsMarkedToBeDropped(state))
                _forks.Finish(state, OutcomeVerdict.Unknown, new MarkedToBeDropped(KubeProxyIptables.DropMark).Text);
            else
                _forks.Finish(state, verdict, null);
        }

        private static bool IsMarkedToBeDropped(PacketState state)
        {
            for (PathNode? node = state.Path; node is not null; node = node.Previous)
            {
                if (node.Step.Place is { } place && KubeProxyIptables.RoleOf(place.Chain.Name) == KubeChainRole.MarkDrop)
                    return true;
            }
            return false;
        }

        /// <summary>Where the node's own packet leaves. A given interface applies to its original destination.</summary>
        private string? OutInterfaceTo(InetAddress destination) =>
            _node.IsLocal(destination) == true ? "lo"
            : (destination == _packet.Destination ? _packet.OutInterface : null) ?? _packet.Routes.DeviceTo(destination);

        /// <summary>The routing decision: to this node, or on. Where local addresses are not known, both.</summary>
        private (List<PacketState> Local, List<PacketState> Elsewhere) Route(List<PacketState> states, Hook hook)
        {
            var local = new List<PacketState>();
            var elsewhere = new List<PacketState>();
            foreach (PacketState state in states)
            {
                if (hook == Hook.Prerouting && state.Destination.IsLoopback && state.InInterface != "lo")
                {
                    // A martian, unless the operator allows it per interface.
                    if (_packet.RoutesLoopback == true)
                    {
                        local.Add(state);
                        continue;
                    }
                    if (_forks.Fork(state, new Condition(new LoopbackRoute(state.Destination)), null) is not { } loopback)
                        continue;
                    if (loopback.Matches is { } allowed)
                        local.Add(allowed);
                    if (loopback.Passes is { } martian)
                    {
                        Note(martian, hook, $"{martian.Destination} is a loopback address, which the kernel makes unreachable from " +
                            "outside");
                        _forks.Finish(martian, OutcomeVerdict.Drop, null);
                    }
                    continue;
                }
                Answer answer = _node.IsLocal(state.Destination) is { } known
                    ? Answer.Of(known || _node.IsBroadcast(state.Destination))
                    : MatchEvaluator.IsLocalUnknown(state.Destination);
                if (answer.Kind != AnswerKind.Unknown)
                {
                    Note(state, hook, answer.Kind == AnswerKind.Yes ? $"{state.Destination} is this node's"
                        : $"{state.Destination} is elsewhere");
                    (answer.Kind == AnswerKind.Yes ? local : elsewhere).Add(state);
                    continue;
                }
                if (_forks.Fork(state, answer.Condition!, null) is not { } fork)
                    continue;
                if (fork.Matches is { } here)
                    local.Add(here);
                if (fork.Passes is { } there)
                    elsewhere.Add(there);
            }
            return (local, elsewhere);
        }

        /// <summary>
        /// The kernel routes what comes from 127.0.0.0/8 to other machines only where the operator allows it (__mkroute_output,
        /// net/ipv4/route.c); IPv6 has no such rule for what a node sends itself.
        /// </summary>
        private List<PacketState> FromLoopback(List<PacketState> states)
        {
            var routed = new List<PacketState>();
            foreach (PacketState state in states)
            {
                if (!state.Source.IsLoopback || state.Source.Family != IpFamily.IPv4 || _packet.RoutesLoopback == true)
                {
                    routed.Add(state);
                    continue;
                }
                (PacketState? refused, PacketState? allowed) = (state, null);
                if (_packet.RoutesLoopback is null)
                {
                    if (_forks.Fork(state, new Condition(new LoopbackSource(state.Source)), null) is not { } fork)
                        continue;
                    (refused, allowed) = (fork.Passes, fork.Matches);
                }
                if (allowed is not null)
                    routed.Add(allowed);
                if (refused is null)
                    continue;
                Note(
                    refused,
                    Hook.Output,
                    $"{refused.Source} is a loopback address, from which the kernel sends nothing to {refused.Destination}"
                );
                _forks.Finish(refused, OutcomeVerdict.Drop, null);
            }
            return routed;
        }

        private static void Note(PacketState state, Hook hook, string text) =>
            state.Path = new PathNode(
                new PathStep(PathStepKind.Route, hook, null, null, null, text, state.Destination, state.DestinationPort), state.Path);

        private List<PacketState> Pass(Hook hook, List<PacketState> states)
        {
            if (states.Count == 0)
                return states;
            bool isFirst = hook == Hook.Output || (hook == Hook.Prerouting && !_packet.IsFromNode);
            bool isTracked = !isFirst;
            foreach (PacketState state in states)
                state.Path =
                    new PathNode(new PathStep(PathStepKind.Hook, hook, null, null, null, string.Empty, state.Destination,
                    state.DestinationPort), state.Path);
            // What is not a chain, each at its priority: conntrack, and IPVS.
            int? answers = _packet.Reply is { IsByIpvs: true } ? IpvsStation.AnsweringPriority(hook) : null;
            int? takes = IpvsStation.TakingPriority(hook);
            foreach (HookTable.HookStep step in _hooks.At(hook))
            {
                Come(step.Priority);
                states = step.IsNat ? Translate(step, hook, states)
                    : _walker.Walk(step.Chains[0].Table, step.Chains[0].Chain, hook, states);
            }
            Come(int.MaxValue);
            return states;

            void Come(int priority)
            {
                if (!isTracked && priority > HookTable.ConntrackPriority)
                {
                    Track(states);
                    isTracked = true;
                }
                if (priority >= answers)
                {
                    IpvsStation.Answer(states, _packet.Reply!);
                    answers = null;
                }
                if (priority >= takes)
                {
                    states = _ipvs.Take(states, hook, _sentByIpvs);
                    takes = null;
                }
            }
        }

        private void Track(List<PacketState> states)
        {
            foreach (PacketState state in states)
            {
                if (state.Tracking == TrackState.NotYet)
                    state.Tracking = _packet.State switch
                    {
                        ConntrackStates.Invalid => TrackState.Invalid,
                        ConntrackStates.Untracked => TrackState.Untracked,
                        _ => TrackState.Tracked,
                    };
            }
        }

        /// <summary>The nat chains see the first packet of a connection, and the first translation of each kind wins.</summary>
        private List<PacketState> Translate(HookTable.HookStep step, Hook hook, List<PacketState> states)
        {
            bool isDestination = hook is Hook.Prerouting or Hook.Output;
            if (_packet.Reply is { } reply)
                return !isDestination && reply.IsByIpvs ? states : TranslateBack(states, reply, isDestination);
            var passed = new List<PacketState>();
            var waiting = new List<PacketState>();
            foreach (PacketState state in states)
            {
                bool settled = isDestination ? state.IsDestinationSettled : state.IsSourceSettled;
                if (state.Tracking != TrackState.Tracked || settled)
                    passed.Add(state);
                else if (_packet.State != ConntrackStates.New)
                    passed.AddRange(TranslateExisting(step, hook, state, isDestination));
                else
                    waiting.Add(state);
            }
            passed.AddRange(TranslateFirst(step, hook, waiting, isDestination));
            return passed;
        }

        private static List<PacketState> TranslateBack(List<PacketState> states, ReplyTranslation reply, bool isDestination)
        {
            foreach (PacketState state in states.Where(state => state.Tracking == TrackState.Tracked))
            {
                if (isDestination)
                {
                    state.IsDestinationTranslated |=
                        (state.Destination, state.DestinationPort) != (reply.Destination, reply.DestinationPort);
                    (state.Destination, state.DestinationPort) = (reply.Destination, reply.DestinationPort);
                    state.IsDestinationSettled = true;
                }
                else
                {
                    state.IsSourceTranslated |= (state.Source, state.SourcePort) != (reply.Source, reply.SourcePort);
                    (state.Source, state.SourcePort) = (reply.Source, reply.SourcePort);
                    state.IsSourceSettled = true;
                }
            }
            return states;
        }

        private List<PacketState> TranslateFirst(HookTable.HookStep step, Hook hook, List<PacketState> waiting, bool isDestination)
        {
            var done = new List<PacketState>();
            foreach ((RuleTable table, Chain chain) in step.Chains)
            {
                if (waiting.Count == 0)
                    break;
                var next = new List<PacketState>();
                foreach (PacketState state in _walker.Walk(table, chain, hook, waiting))
                    ((isDestination ? state.IsDestinationSettled : state.IsSourceSettled) ? done : next).Add(state);
                waiting = next;
            }
            foreach (PacketState state in waiting)
            {
                if (isDestination)
                    state.IsDestinationSettled = true;
                else
                    state.IsSourceSettled = true;
            }
            done.AddRange(waiting);
            return done;
        }

        /// <summary>
        /// A packet of an old connection is translated as conntrack remembers, not by the rules. If the rules would leave its first packet
        /// untranslated, so is this one; otherwise the connection's translation is unknown.
        /// </summary>
        private IEnumerable<PacketState> TranslateExisting(HookTable.HookStep step, Hook hook, PacketState state, bool isDestination)
        {
            int endings = _forks.Endings.Count;
            List<PacketState> asFirst = TranslateFirst(step, hook, [state.Copy()], isDestination);
            _forks.Endings.RemoveRange(endings, _forks.Endings.Count - endings);
            bool mayBeTranslated = asFirst.Exists(item => isDestination ? item.IsDestinationTranslated : item.IsSourceTranslated);
            if (mayBeTranslated)
            {
                state.Ambiguity ??= new Ambiguity(
                    isDestination
                        ? $"to which endpoint conntrack sends this connection: the rules decided that with its first packet " +
                        $"({asFirst.Count} possible)"
                        : "which source conntrack gives this connection: the rules decided that with its first packet",
                    state.Source, state.Destination, state.DestinationPort);
                foreach (PacketState possible in asFirst)
                {
                    possible.Ambiguity = state.Ambiguity;
                    yield return possible;
                }
                yield break;
            }
            if (isDestination)
                state.IsDestinationSettled = true;
            else
                state.IsSourceSettled = true;
            yield return state;
        }
    }
}
