using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Services.Planning;

/// <summary>Address ranges in normal form, so that equal sets are equal arrays.</summary>
internal static class PrefixSet
{
    /// <summary>The same addresses: sorted, and without ranges inside another one, which nf_tables' interval sets do not accept.</summary>
    public static ImmutableArray<InetPrefix> Normalize(List<InetPrefix> prefixes)
    {
        prefixes.Sort(static (left, right) =>
        {
            int byAddress = left.Address.CompareTo(right.Address);
            return byAddress != 0 ? byAddress : left.Length.CompareTo(right.Length);
        });
        ImmutableArray<InetPrefix>.Builder kept = ImmutableArray.CreateBuilder<InetPrefix>(prefixes.Count);
        foreach (InetPrefix prefix in prefixes)
        {
            // Two prefixes are nested or disjoint; in this order the outer one comes first.
            if (kept.Count == 0 || !kept[^1].Contains(prefix.Address))
                kept.Add(prefix);
        }
        return kept.DrainToImmutable();
    }
}
