using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Walks packets through a base chain and the chains it jumps to. All paths a packet may have taken advance together, rule by rule, so that
/// paths that converge are joined instead of multiplying; calls are kept in a list, not on the stack, so that depth costs only memory.
/// </summary>
internal sealed class ChainWalker(RuleRunner runner, ForkTracker forks, RuleIndex index)
{
    private readonly Stack<Frame> _frames = new();
    private readonly HashSet<Chain> _entered = [];

    /// <summary>Walks the states through a base chain; returns those that go on past it.</summary>
    internal List<PacketState> Walk(RuleTable table, Chain chain, Hook hook, List<PacketState> states)
    {
        var accepted = new List<PacketState>();
        var policy = new List<PacketState>();
        _frames.Push(new Frame(table, chain, states, null));
        while (_frames.TryPeek(out Frame? frame))
        {
            if (!frame.IsEntered && !Enter(frame))
            {
                _frames.Pop();
                continue;
            }
            if (frame.Active.Count > 0)
            {
                frame.Index = index.Next(frame.Chain, frame.Index, frame.Active);
                CrossGap(frame);
            }
            if (frame.Active.Count == 0 || frame.Index >= frame.Chain.Rules.Length)
            {
                _frames.Pop();
                _entered.Remove(frame.Chain);
                Return(frame, frame.Active, policy);
                continue;
            }
            RunRule(frame, hook, accepted, policy);
        }
        if (chain.Base!.Policy == VerdictKind.Drop)
        {
            foreach (PacketState state in policy)
            {
                state.Path =
                    new PathNode(new PathStep(PathStepKind.Policy, hook, null, table, chain, string.Empty, state.Destination,
                    state.DestinationPort), state.Path);
                forks.Finish(state, OutcomeVerdict.Drop, null);
            }
        }
        else
        {
            accepted.AddRange(policy);
        }
        StateList.Merge(accepted);
        return accepted;
    }

    private bool Enter(Frame frame)
    {
        frame.IsEntered = true;
        if (_entered.Add(frame.Chain))
            return true;
        foreach (PacketState state in frame.Active)
            forks.Finish(state, OutcomeVerdict.Unknown,
                $"chain {frame.Chain.Name} jumps back to itself: the kernel would refuse these rules");
        return false;
    }

    private void CrossGap(Frame frame)
    {
        int gap = frame.Chain.Gaps.AsSpan().IndexOf(frame.Index);
        if (gap < 0 || frame.GapCrossed == frame.Index)
            return;
        frame.GapCrossed = frame.Index;
        var condition = new Condition(new RulesLeftOut(frame.Chain, frame.Index));
        var next = new List<PacketState>(frame.Active.Count);
        foreach (PacketState state in frame.Active)
        {
            if (forks.Fork(state, condition, null) is not ({ } matches, { } passes))
                continue;
            forks.Finish(matches, OutcomeVerdict.Unknown, condition.Text);
            next.Add(passes);
        }
        frame.Active = next;
    }

    private void RunRule(Frame frame, Hook hook, List<PacketState> accepted, List<PacketState> policy)
    {
        var place = new RuleRef(frame.Table, frame.Chain, frame.Index);
        if (!forks.TryStep(frame.Active.Count))
        {
            GiveUp(frame, place);
            return;
        }
        var result = new RuleResult();
        foreach (PacketState state in frame.Active)
            runner.Run(place, hook, state, result);
        bool forked = result.Next.Count > 1 && result.HasForked;
        frame.Active = result.Next;
        frame.Index++;
        if (forked)
            StateList.Merge(frame.Active);
        accepted.AddRange(result.Accepted);
        Return(frame, result.Returned, policy);
        foreach ((Verdict verdict, List<PacketState> states) in result.Calls)
            Call(frame, place, verdict, states);
    }

    private void GiveUp(Frame frame, RuleRef place)
    {
        foreach (PacketState state in frame.Active)
        {
            // The path so far repeats the same few rules.
            state.Path = null;
            forks.Finish(state, OutcomeVerdict.Unknown,
                $"chains call each other so often that the trace was stopped at {place}");
        }
        frame.Active = [];
    }

    private void Call(Frame frame, RuleRef place, Verdict verdict, List<PacketState> states)
    {
        if (frame.Table.FindChain(verdict.Chain!) is not { } target)
        {
            KubeChainRole role = frame.Table.Backend == RuleBackend.Nftables ? KubeChainRole.None : KubeProxyIptables.RoleOf(verdict.Chain);
            // kube-proxy's marking chains are known by name; which bit they set is configurable.
            if (role == KubeChainRole.MarkMasquerade && verdict.Kind == VerdictKind.Jump)
            {
                foreach (PacketState state in states)
                    state.UnknownMark = uint.MaxValue;
                frame.Active.AddRange(states);
                StateList.Merge(frame.Active);
                return;
            }
            if (role == KubeChainRole.MarkDrop)
            {
                foreach (PacketState state in states)
                    forks.Finish(state, OutcomeVerdict.Unknown, $"{place} sends the packet to {verdict.Chain}, which marks it to be " +
                        "dropped; "
                        + "that chain and the rule that drops it are not in the input");
                return;
            }
            foreach (PacketState state in states)
                forks.Finish(state, OutcomeVerdict.Unknown, $"chain {verdict.Chain}, where {place} goes, is not in the input");
            return;
        }
        forks.CountCall();
        _frames.Push(new Frame(frame.Table, target, states, verdict.Kind == VerdictKind.Jump ? frame : frame.ReturnTo));
    }

    private static void Return(Frame frame, List<PacketState> states, List<PacketState> policy)
    {
        if (states.Count == 0)
            return;
        if (frame.ReturnTo is not { } caller)
        {
            policy.AddRange(states);
            return;
        }
        caller.Active.AddRange(states);
        StateList.Merge(caller.Active);
    }

    private sealed class Frame(RuleTable table, Chain chain, List<PacketState> active, Frame? returnTo)
    {
        internal RuleTable Table { get; } = table;

        internal Chain Chain { get; } = chain;

        internal List<PacketState> Active { get; set; } = active;

        /// <summary>The call to return to at the end; null for the policy.</summary>
        internal Frame? ReturnTo { get; } = returnTo;

        internal int Index { get; set; }

        internal int GapCrossed { get; set; } = -1;

        internal bool IsEntered { get; set; }
    }
}

/// <summary>Where a rule sent the packets it was run on.</summary>
internal sealed class RuleResult
{
    internal List<PacketState> Next { get; } = [];

    internal List<PacketState> Accepted { get; } = [];

    internal List<PacketState> Returned { get; } = [];

    internal Dictionary<Verdict, List<PacketState>> Calls { get; } = [];

    internal bool HasForked { get; set; }

    internal void Call(Verdict verdict, PacketState state)
    {
        if (!Calls.TryGetValue(verdict, out List<PacketState>? states))
            Calls[verdict] = states = [];
        states.Add(state);
    }
}
