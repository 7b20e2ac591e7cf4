using System.Diagnostics;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>Runs one rule on one packet: decides its matches in order and executes its statements.</summary>
internal sealed class RuleRunner(
    MatchEvaluator matches, MatchDecider decider, ExpressionEvaluator expressions, NatTranslator nat, ForkTracker forks)
{
    private readonly Stack<(PacketState State, int Statement, bool IsRecorded)> _pending = new();

    internal void Run(RuleRef place, Hook hook, PacketState packet, RuleResult result)
    {
        EquatableArray<Statement> statements = place.Rule.Statements;
        _pending.Push((packet, 0, false));
        while (_pending.TryPop(out (PacketState State, int Statement, bool IsRecorded) item))
        {
            (PacketState? state, int index, bool recorded) = item;
            while (state is not null && index < statements.Length)
            {
                Statement statement = statements[index++];
                if (statement is Match match)
                {
                    state = EvaluateMatch(match, place, state, index, recorded, result);
                    continue;
                }
                if (!recorded && HidesInterface(place))
                {
                    result.HasForked = true;
                    if (forks.Fork(state, new Condition(new HiddenInterface(place)), place) is not { } fork)
                    {
                        state = null;
                        continue;
                    }
                    if (fork.Passes is not null)
                        result.Next.Add(fork.Passes);
                    if (fork.Matches is null)
                    {
                        state = null;
                        continue;
                    }
                    state = fork.Matches;
                }
                if (!recorded)
                {
                    Record(state, place, hook);
                    recorded = true;
                }
                state = Execute(statement, place, hook, state, index, result);
            }
            if (state is null)
                continue;
            if ((place.Rule.Gaps & RuleGaps.Tail) != 0)
            {
                forks.Finish(state, OutcomeVerdict.Unknown, $"the input cuts off {place}");
                continue;
            }
            if (!recorded && statements.Length > 0)
                Record(state, place, hook);
            result.Next.Add(state);
        }
    }

    /// <summary>
    /// True for a rule that appears to end the chain for every packet, in a listing without interfaces: it must have one, or the rules
    /// after it would make no sense.
    /// </summary>
    internal static bool HidesInterface(RuleRef place) => (place.Rule.Gaps & RuleGaps.Interfaces) != 0
        && place.Index < place.Chain.Rules.Length - 1
        && place.Rule.Statements is [VerdictStatement { Verdict.Kind: VerdictKind.Accept or VerdictKind.Drop or VerdictKind.Return }
            or RejectStatement or NatStatement];

    private static void Record(PacketState state, RuleRef place, Hook hook) =>
        state.Path = new PathNode(
            new PathStep(PathStepKind.Rule, hook, place, place.Table, place.Chain, string.Empty, state.Destination,
                state.DestinationPort), state.Path);

    /// <summary>Decides a match; returns the state that goes on in the rule, or null. The other states are added to the result.</summary>
    private PacketState? EvaluateMatch(Match match, RuleRef place, PacketState state, int nextStatement, bool recorded, RuleResult result)
    {
        Answer answer = decider.Evaluate(match, state, place);
        switch (answer.Kind)
        {
            case AnswerKind.Yes:
                return state;
            case AnswerKind.No:
                result.Next.Add(state);
                return null;
        }
        // A rule that only logs or counts: whether it matches makes no difference.
        if (IsHarmless(place.Rule.Statements, nextStatement) && (place.Rule.Gaps & RuleGaps.Tail) == 0)
        {
            result.Next.Add(state);
            return null;
        }
        result.HasForked = true;
        if (answer.Kind == AnswerKind.Random)
        {
            PacketState passes = state.Copy();
            passes.Probability *= 1 - answer.Probability;
            result.Next.Add(passes);
            state.Probability *= answer.Probability;
            return state;
        }
        if (forks.Fork(state, answer.Condition!, place) is not { } fork)
            return null;
        if (fork.Passes is not null)
            result.Next.Add(fork.Passes);
        if (fork.Matches is not null && match is RecentMatch recent)
            matches.Recent.Matched(recent, fork.Matches);
        return fork.Matches;
    }

    private static bool IsHarmless(EquatableArray<Statement> statements, int from)
    {
        for (int index = from; index < statements.Length; index++)
        {
            if (statements[index] is RecentMatch { Mode: not RecentMode.Check }
                || statements[index] is not (Match or LogStatement or TraceStatement or NamedCounterStatement
                    or UnmodelledStatement { PassesOn: true }))
                return false;
        }
        return true;
    }

    private PacketState? Execute(Statement statement, RuleRef place, Hook hook, PacketState state, int nextStatement, RuleResult result)
    {
        switch (statement)
        {
            case VerdictStatement { Verdict.Kind: VerdictKind.Continue }:
                return state;
            case VerdictStatement verdict:
                ApplyVerdict(verdict.Verdict, place, state, result);
                return null;
            case RejectStatement reject:
                Reject(reject.With, state);
                return null;
            case NatStatement or NetmapStatement:
                Translate(statement, place, hook, state, result);
                return null;
            case MarkStatement mark:
                state.Mark = (state.Mark & ~mark.Mask) ^ mark.Value;
                state.UnknownMark &= ~mark.Mask;
                return state;
            case ConnmarkStatement connmark:
                Apply(connmark, state);
                return state;
            case NotrackStatement:
                if (state.Tracking == TrackState.NotYet)
                    state.Tracking = TrackState.Untracked;
                return state;
            case ConntrackTemplateStatement template:
                state.IsInZone |= template.Zone is not null;
                return state;
            case VerdictMapStatement map:
                LookUp(map, place, state, nextStatement, result);
                return null;
            case AssignStatement assign:
                return Assign(assign, place, state, nextStatement, result);
            case SetUpdateStatement update:
                return Update(update, place, state, nextStatement, result);
            // nft prints only "xt target MARK": the packet goes on with an unknown mark.
            case UnmodelledStatement { Name: "MARK" or "CONNMARK" } marks:
                state.UnknownMark = uint.MaxValue;
                state.UnknownConnectionMark = marks.Name == "CONNMARK" ? uint.MaxValue : state.UnknownConnectionMark;
                return state;
            case UnmodelledStatement { PassesOn: false } unmodelled:
                forks.Finish(state, OutcomeVerdict.Unknown, $"'{unmodelled.Text}' is not modelled: {place}");
                return null;
            case LogStatement or TraceStatement or NamedCounterStatement or UnmodelledStatement:
                // These let the packet pass.
                return state;
            default:
                throw new UnreachableException($"{statement.GetType().Name} is not executed here");
        }
    }

    /// <summary>Neither a reset nor a fragment other than the first is answered (nf_reject_ipv4.c).</summary>
    private void Reject(RejectWith with, PacketState state)
    {
        if (matches.Packet.IsLaterFragment
            || (with == RejectWith.TcpReset && (matches.Packet.TcpFlags & TcpFlags.Rst) != 0))
            forks.Finish(state, OutcomeVerdict.Drop, null);
        else
            forks.Finish(state, OutcomeVerdict.Reject, RejectText.Of(with));
    }

    private void ApplyVerdict(Verdict verdict, RuleRef place, PacketState state, RuleResult result)
    {
        switch (verdict.Kind)
        {
            case VerdictKind.Accept:
                result.Accepted.Add(state);
                break;
            case VerdictKind.Drop:
                forks.Finish(state, OutcomeVerdict.Drop, null);
                break;
            case VerdictKind.Return:
                result.Returned.Add(state);
                break;
            case VerdictKind.Queue:
                forks.Finish(state, OutcomeVerdict.Unknown, $"a program in user space decides: {place}");
                break;
            default:
                result.Call(verdict, state);
                break;
        }
    }

    private void Translate(Statement statement, RuleRef place, Hook hook, PacketState state, RuleResult result)
    {
        if (nat.IsDropped(statement, state, hook))
        {
            forks.Finish(state, OutcomeVerdict.Drop, null);
            return;
        }
        var translated = new List<PacketState>();
        if (nat.Translate(statement, state, hook, place, translated) is { } unknown)
        {
            forks.Finish(state, OutcomeVerdict.Unknown, ForkTracker.Reason(unknown, place));
            return;
        }
        result.Accepted.AddRange(translated);
        // If the map has no element for the packet, the rule ends here.
        double rest = state.Probability - translated.Sum(item => item.Probability);
        if (rest > 1e-12)
        {
            PacketState missed = state.Copy();
            missed.Probability = rest;
            missed.Path = state.Path?.Previous;
            result.Next.Add(missed);
        }
    }

    private static void Apply(ConnmarkStatement connmark, PacketState state)
    {
        if (state.Tracking != TrackState.Tracked)
            return;
        switch (connmark.Operation)
        {
            case ConnmarkOperation.Set:
                state.ConnectionMark = (state.ConnectionMark & ~connmark.CtMask) ^ connmark.Value;
                state.UnknownConnectionMark &= ~connmark.CtMask;
                break;
            case ConnmarkOperation.Save:
                state.ConnectionMark = (state.ConnectionMark & ~connmark.CtMask) ^ (state.Mark & connmark.PacketMask);
                state.UnknownConnectionMark = (state.UnknownConnectionMark & ~connmark.CtMask) | (state.UnknownMark & connmark.PacketMask);
                break;
            default:
                state.Mark = (state.Mark & ~connmark.PacketMask) ^ (state.ConnectionMark & connmark.CtMask);
                state.UnknownMark = (state.UnknownMark & ~connmark.PacketMask) | (state.UnknownConnectionMark & connmark.CtMask);
                break;
        }
    }

    private void LookUp(VerdictMapStatement map, RuleRef place, PacketState state, int nextStatement, RuleResult result)
    {
        Evaluated verdicts = expressions.Evaluate(new MapExpression(map.Key, map.Map), state, place);
        if (verdicts.UnknownCondition is { } unknown)
        {
            forks.Finish(state, OutcomeVerdict.Unknown, ForkTracker.Reason(unknown, place));
            return;
        }
        double rest = state.Probability;
        foreach ((Expression value, double share) in verdicts.Many ?? (verdicts.Single is null ? [] : [(verdicts.Single, 1.0)]))
        {
            PacketState chosen = state.Copy();
            chosen.Probability = state.Probability * share;
            rest -= chosen.Probability;
            // "continue" goes on in this rule; only a missing element ends it (nft_do_chain and nft_lookup_eval).
            if (value is VerdictValue { Verdict.Kind: VerdictKind.Continue })
                _pending.Push((chosen, nextStatement, true));
            else if (value is VerdictValue verdict)
                ApplyVerdict(verdict.Verdict, place, chosen, result);
            else
                forks.Finish(chosen, OutcomeVerdict.Unknown, $"the map's value is not a verdict: {place}");
        }
        if (rest <= 1e-12)
            return;
        state.Probability = rest;
        state.Path = state.Path?.Previous;
        result.HasForked = true;
        result.Next.Add(state);
    }

    private PacketState? Assign(AssignStatement assign, RuleRef place, PacketState state, int nextStatement, RuleResult result)
    {
        state.IsInZone |= assign.Target.Field == PacketField.CtZone;
        Evaluated computed = expressions.Evaluate(assign.Value, state, place);
        if (computed.UnknownCondition is { } unknown)
        {
            if (!IsModelled(assign.Target.Field))
                return state;
            // Whether a map has an element also decides about the statements after this one.
            bool isLast = nextStatement == place.Rule.Statements.Length;
            if (isLast && (assign.Target.Field == PacketField.MetaMark
                || (assign.Target.Field == PacketField.CtMark && state.Tracking == TrackState.Tracked)))
            {
                (assign.Target.Field == PacketField.MetaMark ? ref state.UnknownMark : ref state.UnknownConnectionMark) = uint.MaxValue;
                return state;
            }
            forks.Finish(state, OutcomeVerdict.Unknown, ForkTracker.Reason(unknown, place));
            return null;
        }
        if (computed.Single is { } address && !CanBeStored(assign.Target.Field, address))
        {
            forks.Finish(state, OutcomeVerdict.Unknown, ForkTracker.Reason(new Condition(new ImpossibleTarget(place)), place));
            return null;
        }
        if (computed.Single is { } single)
        {
            Store(assign.Target.Field, single, state);
            return state;
        }
        double rest = state.Probability;
        foreach ((Expression value, double share) in computed.Many ?? [])
        {
            PacketState chosen = state.Copy();
            chosen.Probability = state.Probability * share;
            rest -= chosen.Probability;
            if (!CanBeStored(assign.Target.Field, value))
            {
                forks.Finish(chosen, OutcomeVerdict.Unknown, ForkTracker.Reason(new Condition(new ImpossibleTarget(place)), place));
                continue;
            }
            Store(assign.Target.Field, value, chosen);
            _pending.Push((chosen, nextStatement, true));
        }
        if (rest > 1e-12)
        {
            state.Probability = rest;
            state.Path = state.Path?.Previous;
            result.Next.Add(state);
        }
        result.HasForked = true;
        return null;
    }

    /// <summary>An address field accepts only an address of the packet's own IP version.</summary>
    private bool CanBeStored(PacketField field, Expression value) => field is not (PacketField.IpSource or PacketField.IpDestination
        or PacketField.Ip6Source or PacketField.Ip6Destination)
        || (value is AddressValue { Address.Family: var version } && version == matches.Packet.Family);

    private static bool IsModelled(PacketField field) => field is PacketField.MetaMark or PacketField.CtMark or PacketField.MetaPriority
        or PacketField.IpSource or PacketField.IpDestination or PacketField.Ip6Source or PacketField.Ip6Destination
        or PacketField.TcpSourcePort or PacketField.TcpDestinationPort or PacketField.UdpSourcePort or PacketField.UdpDestinationPort
        or PacketField.SctpSourcePort or PacketField.SctpDestinationPort or PacketField.TransportSourcePort
            or PacketField.TransportDestinationPort;

    private static void Store(PacketField field, Expression value, PacketState state)
    {
        ulong number = value is NumberValue plain ? plain.Value : 0;
        switch (field)
        {
            case PacketField.MetaMark:
                (state.Mark, state.UnknownMark) = ((uint)number, 0);
                break;
            case PacketField.CtMark when state.Tracking == TrackState.Tracked:
                (state.ConnectionMark, state.UnknownConnectionMark) = ((uint)number, 0);
                break;
            case PacketField.MetaPriority:
                // A number may be kept in the priority temporarily: what counts is the number in the register.
                state.Priority = value is AddressValue address ? (ulong)address.Address.ToNumber() : number;
                break;
            case PacketField.IpSource or PacketField.Ip6Source when value is AddressValue source:
                state.Source = source.Address;
                break;
            case PacketField.IpDestination or PacketField.Ip6Destination when value is AddressValue destination:
                state.Destination = destination.Address;
                break;
            case PacketField.TcpSourcePort or PacketField.UdpSourcePort or PacketField.SctpSourcePort or PacketField.TransportSourcePort:
                state.SourcePort = (ushort)number;
                break;
            case PacketField.TcpDestinationPort or PacketField.UdpDestinationPort or PacketField.SctpDestinationPort
                or PacketField.TransportDestinationPort:
                state.DestinationPort = (ushort)number;
                break;
        }
    }

    private PacketState? Update(SetUpdateStatement update, RuleRef place, PacketState state, int nextStatement, RuleResult result)
    {
        // A missing value ends the rule. A full set would too; no dump shows how full it is.
        Evaluated key = expressions.Evaluate(update.Key, state, place);
        if (key.IsAbsent)
        {
            result.Next.Add(state);
            return null;
        }
        if (key.Many is { } keys)
        {
            double rest = state.Probability;
            foreach ((Expression value, double share) in keys)
            {
                PacketState chosen = state.Copy();
                chosen.Probability = state.Probability * share;
                rest -= chosen.Probability;
                expressions.Sets.Write(update, value, Data(update, place, chosen), place, chosen);
                _pending.Push((chosen, nextStatement, true));
            }
            result.HasForked = true;
            if (rest > 1e-12)
            {
                state.Probability = rest;
                result.Next.Add(state);
            }
            return null;
        }
        expressions.Sets.Write(update, key.Single, Data(update, place, state), place, state);
        foreach (Statement inner in update.Statements)
        {
            if (inner is not LimitMatch limit)
                continue;
            Condition condition = Answer.Unknown(new SetLimitHistory(place, update.Set)).NegateIf(limit.IsOver).Condition!;
            if (forks.Fork(state, condition, place) is not { } fork)
                return null;
            result.HasForked = true;
            if (fork.Passes is not null)
                result.Next.Add(fork.Passes);
            return fork.Matches;
        }
        return state;
    }

    private Expression? Data(SetUpdateStatement update, RuleRef place, PacketState state) =>
        update.Data is null ? null : expressions.Evaluate(update.Data, state, place).Single;
}
