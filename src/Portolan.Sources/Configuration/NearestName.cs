namespace Portolan.Sources.Configuration;

/// <summary>What somebody most likely meant who wrote a name that nobody knows.</summary>
public static class NearestName
{
    /// <summary>
    /// The known name that takes the fewest letters to reach, upper and lower case being the same; null when none is near. A field that
    /// stands in the wrong section is found by its own name.
    /// </summary>
    /// <param name="name">As it was written: "udpIdleTimeout", "iptables.masqueradeBitt" or "--proxy-mod".</param>
    /// <param name="known">The names there are.</param>
    public static string? Of(string name, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(known);
        string last = LastPart(name);
        return known
            .Select(candidate => (candidate, distance: Math.Min(Distance(name, candidate), Distance(last, LastPart(candidate)) + 1)))
            .Where(item => item.distance <= Math.Max(2, last.Length * 2 / 5))
            .OrderBy(static item => item.distance).ThenBy(static item => item.candidate, StringComparer.Ordinal)
            .Select(static item => item.candidate).FirstOrDefault();
    }

    /// <summary>", did you mean X?" or nothing.</summary>
    public static string Question(string name, IEnumerable<string> known) => Of(name, known) is { } near ? $"; did you mean {near}?" : "";

    private static string LastPart(string name) => name[(name.LastIndexOf('.') + 1)..];

    // Levenshtein's distance.
    private static int Distance(string left, string right)
    {
        int[] previous = [.. Enumerable.Range(0, right.Length + 1)];
        int[] current = new int[right.Length + 1];
        for (int i = 0; i < left.Length; i++)
        {
            current[0] = i + 1;
            for (int j = 0; j < right.Length; j++)
            {
                int change = previous[j] + (char.ToUpperInvariant(left[i]) == char.ToUpperInvariant(right[j]) ? 0 : 1);
                current[j + 1] = Math.Min(change, Math.Min(previous[j + 1], current[j]) + 1);
            }
            (previous, current) = (current, previous);
        }
        return previous[^1];
    }
}
