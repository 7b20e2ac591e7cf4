namespace Portolan.LabTests.Agreement;

/// <summary>Makes a history that fails smaller while it goes on failing.</summary>
internal static class Shrinker
{
    // A try lives through the history once more, which takes a tenth of a second and more.
    private const int MaxTries = 150;

    internal static (History History, Disagreement Found) Shrink(History history, Disagreement found, Func<History, Disagreement?> run)
    {
        int tries = 0;
        bool Try(History smaller)
        {
            // Another fault than the first would hide that one.
            if (smaller.Rounds.IsEmpty || tries++ >= MaxTries || run(smaller) is not { } still || still.Kind != found.Kind)
                return false;
            (history, found) = (smaller, still);
            return true;
        }

        Try(history with
        {
            Rounds = [.. history.Rounds.Take(found.Round + 1).Select((round, number) => round with
        {
            Packets = number == found.Round && found.Packet is { } packet ? [packet] : [],
        })]
        });
        for (bool progress = true; progress && tries < MaxTries;)
        {
            progress = false;
            for (int round = history.Rounds.Length - 1; round >= 0; round--)
            {
                if (Try(history with { Rounds = history.Rounds.RemoveAt(round) }))
                {
                    progress = true;
                    continue;
                }
                progress |= Thin(round, static r => r.Changes.Length,
                    static (r, from, count) => r with { Changes = r.Changes.RemoveRange(from, count) });
                progress |= Thin(round, static r => r.Packets.Length,
                    static (r, from, count) => r with { Packets = r.Packets.RemoveRange(from, count) });
            }
        }
        return (history, found);

        // Leaves out halves, then quarters, down to single ones.
        bool Thin(int round, Func<Round, int> length, Func<Round, int, int, Round> without)
        {
            bool any = false;
            for (int size = Math.Max(1, length(history.Rounds[round]) / 2); size > 0; size /= 2)
            {
                for (int from = length(history.Rounds[round]) - size; from >= 0; from -= size)
                    any |= Try(history with { Rounds = history.Rounds.SetItem(round, without(history.Rounds[round], from, size)) });
            }
            return any;
        }
    }
}
