using System.Collections.Immutable;

namespace Portolan.Inspect.Programmed;

/// <summary>Finds names similar to a mistyped one.</summary>
public static class Suggestions
{
    /// <summary>Up to three names within a small Levenshtein distance, best first.</summary>
    public static ImmutableArray<string> Nearest(string name, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(names);
        string bare = name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..];
        return [.. names
            .Select(candidate => (candidate, distance: Math.Min(
                Distance(name, candidate),
                Distance(bare, candidate[(candidate.IndexOf('/', StringComparison.Ordinal) + 1)..]) + 1)))
            .Where(item => item.distance <= Math.Max(2, name.Length / 3))
            .OrderBy(item => item.distance).ThenBy(item => item.candidate, StringComparer.Ordinal)
            .Select(item => item.candidate).Take(3)];
    }

    private static int Distance(string left, string right)
    {
        int[] previous = [.. Enumerable.Range(0, right.Length + 1)];
        int[] current = new int[right.Length + 1];
        for (int i = 0; i < left.Length; i++)
        {
            current[0] = i + 1;
            for (int j = 0; j < right.Length; j++)
            {
                int change = previous[j] + (left[i] == right[j] ? 0 : 1);
                current[j + 1] = Math.Min(change, Math.Min(previous[j + 1], current[j]) + 1);
            }
            (previous, current) = (current, previous);
        }
        return previous[^1];
    }
}
