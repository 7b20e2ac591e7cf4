namespace Portolan.Inspect.Simulation;

internal static class StateList
{
    /// <summary>Joins states with equal facts: their probabilities add up, the likelier path is kept.</summary>
    internal static void Merge(List<PacketState> states)
    {
        if (states.Count < 2)
            return;
        var seen = new Dictionary<PacketState, int>(states.Count);
        int kept = 0;
        for (int next = 0; next < states.Count; next++)
        {
            PacketState state = states[next];
            if (seen.TryGetValue(state, out int index))
            {
                PacketState other = states[index];
                if (state.Probability > other.Probability)
                    other.Path = state.Path;
                other.Probability += state.Probability;
                continue;
            }
            seen[state] = kept;
            states[kept++] = state;
        }
        states.RemoveRange(kept, states.Count - kept);
    }
}
