using System.Collections.Frozen;
using System.Collections.Immutable;
using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Reading;

/// <summary>Merges several inputs, which may show the same table more than once, into one ruleset.</summary>
internal static class RulesetMerger
{
    public static Ruleset Merge(List<ReadContext> contexts)
    {
        var tables = new Dictionary<(TableFamily, string), List<(TableBuilder Table, ReadContext From)>>();
        var order = new List<List<(TableBuilder Table, ReadContext From)>>();
        var placedByNft = new HashSet<(TableFamily, string)>();
        var sets = new Dictionary<string, IpSet>(StringComparer.Ordinal);
        var interfaces = new Dictionary<string, NetInterface>(StringComparer.Ordinal);
        bool hasInterfaces = false;
        foreach (ReadContext context in contexts)
        {
            foreach (TableBuilder table in context.Tables)
            {
                if (!tables.TryGetValue((table.Family, table.Name), out List<(TableBuilder, ReadContext)>? sameName))
                {
                    tables.Add((table.Family, table.Name), sameName = []);
                    order.Add(sameName);
                }
                // nft lists tables in the order of creation, those of iptables-nft among them. The kernel calls chains of one
                // priority by that order, and iptables-save does not show it.
                if (!IsIptables(table.Format) && placedByNft.Add((table.Family, table.Name)) && order[^1] != sameName)
                {
                    order.Remove(sameName);
                    order.Add(sameName);
                }
                Add(sameName, table, context);
            }
            foreach (IpSet set in context.IpSets)
            {
                if (!sets.TryAdd(set.Name, set) && !sets[set.Name].Entries.SequenceEqual(set.Entries))
                    context.Problems.Partial(set.Source.Line,
                        $"ipset {ProblemLog.Quote(set.Name)} differs from the one read before ({sets[set.Name].Source}), which is used");
            }
            hasInterfaces |= context.Interfaces is not null;
            foreach (NetInterface found in context.Interfaces ?? [])
                interfaces[found.Name] = found;
        }
        foreach ((TableBuilder table, ReadContext from) in order.SelectMany(sameName => sameName))
            table.ReportMissing(from.Problems);
        return new Ruleset
        {
            Tables = [.. order.SelectMany(sameName => sameName).Select(entry => entry.Table.Build())],
            IpSets = sets.ToFrozenDictionary(StringComparer.Ordinal),
            RecentClients = contexts.Find(static context => context.RecentClients is not null)?.RecentClients,
            Routes = [.. contexts.SelectMany(context => context.Routes).Distinct()],
            RoutingRules = [.. contexts.SelectMany(context => context.RoutingRules)],
            VirtualServers = MergeServers(contexts),
            Interfaces = hasInterfaces ? [.. interfaces.Values] : (ImmutableArray<NetInterface>?)null,
            Problems = [.. contexts.SelectMany(context => context.Problems.All())],
        };
    }

    /// <summary>The virtual servers of all inputs; of one that several show, the first.</summary>
    private static ImmutableArray<VirtualServer>? MergeServers(List<ReadContext> contexts)
    {
        if (!contexts.Exists(static context => context.VirtualServers is not null))
            return null;
        var merged = new Dictionary<string, VirtualServer>(StringComparer.Ordinal);
        foreach (ReadContext context in contexts)
        {
            foreach (VirtualServer server in context.VirtualServers ?? [])
            {
                // A listing has no flags of schedulers, so these are not compared.
                if (!merged.TryAdd(server.Name, server) && merged[server.Name] is var known
                    && (known.Scheduler, known.Persistence, known.Servers) != (server.Scheduler, server.Persistence, server.Servers))
                    context.Problems.Partial(server.Source.Line, $"virtual server {server.Name} differs from the one read before " +
                        $"({known.Source}), which is used");
            }
        }
        return [.. merged.Values];
    }

    private static void Add(List<(TableBuilder Table, ReadContext From)> tables, TableBuilder added, ReadContext from)
    {
        for (int i = 0; i < tables.Count; i++)
        {
            (TableBuilder known, ReadContext knownFrom) = tables[i];
            if (!AreOne(known, added))
                continue;
            tables[i] = Combine(known, knownFrom, added, from);
            return;
        }
        tables.Add((added, from));
    }

    /// <summary>True for the same kernel table. A listing does not say which back-end it shows, so it matches either.</summary>
    private static bool AreOne(TableBuilder one, TableBuilder other) =>
        one.Backend == other.Backend
        || (one.Backend == RuleBackend.IptablesUnknown && other.Backend != RuleBackend.Nftables)
        || (other.Backend == RuleBackend.IptablesUnknown && one.Backend != RuleBackend.Nftables);

    private static (TableBuilder, ReadContext) Combine(TableBuilder known, ReadContext knownFrom, TableBuilder added, ReadContext from)
    {
        bool addedIsBetter = added.IsExcerpt == known.IsExcerpt ? Richness(added.Format) < Richness(known.Format) : known.IsExcerpt;
        (TableBuilder kept, TableBuilder other) = addedIsBetter ? (added, known) : (known, added);
        (TableBuilder, ReadContext) result = (kept, addedIsBetter ? from : knownFrom);
        if (kept.Backend == RuleBackend.IptablesUnknown)
            kept.Backend = other.Backend;
        // iptables cannot show that a table is dormant: an input that says so is right.
        known.IsDormant = added.IsDormant = known.IsDormant || added.IsDormant;
        string places = $"{known.Source} and {added.Source}";
        if (IsIptables(kept.Format) != IsIptables(other.Format))
        {
            from.Problems.Note(added.Source.Line,
                $"table {added.Name} is shown twice ({places}); iptables-save's version is used, nft's is a translation");
            return IsIptables(kept.Format) ? result : addedIsBetter ? (known, knownFrom) : (added, from);
        }
        if (kept.IsExcerpt != other.IsExcerpt)
        {
            from.Problems.Note(added.Source.Line,
                $"table {added.Name} is shown twice ({places}); the one at {kept.Source} is complete and is used");
            return result;
        }
        if (!IsIptables(kept.Format) && !kept.IsExcerpt)
            MarkAsPieces(kept, other);
        string? different = kept.IsExcerpt ? Complete(kept, other) : FindDifference(kept, other);
        if (different is not null)
            from.Problems.Partial(added.Source.Line, $"two inputs disagree about table {added.Name} ({places}), for one in chain " +
                $"{ProblemLog.Quote(different)}; the one at {kept.Source} is used");
        return result;
    }

    /// <summary>
    /// "nft list chain" and "nft list map" print their table around what they show: two such blocks are pieces of one table unless one
    /// contains the other.
    /// </summary>
    private static void MarkAsPieces(TableBuilder one, TableBuilder other)
    {
        bool Has(TableBuilder whole, TableBuilder part) => part.Chains.TrueForAll(chain => whole.Find(chain.Name) is { IsDeclared: true })
            && part.Sets.TrueForAll(set => whole.Sets.Exists(known => known.Name == set.Name));
        if (!Has(one, other))
            one.IsExcerpt = other.IsExcerpt = true;
    }

    /// <summary>Merges two excerpts of one table. Returns a chain about which they disagree, or null.</summary>
    private static string? Complete(TableBuilder kept, TableBuilder other)
    {
        string? different = null;
        var replaced = new HashSet<ChainBuilder>();
        foreach (ChainBuilder chain in other.Chains)
        {
            if (kept.Find(chain.Name) is not { IsDeclared: true } same)
            {
                kept.Adopt(chain);
            }
            else if (same.HasGaps && !chain.HasGaps)
            {
                replaced.Add(same);
                kept.Adopt(chain);
            }
            else if (!same.HasGaps && !chain.HasGaps && !HasSameRules(same, chain, IsBare(kept) || IsBare(other)))
            {
                different ??= chain.Name;
            }
        }
        kept.Chains.RemoveAll(replaced.Contains);
        var names = kept.Sets.Select(set => set.Name).ToHashSet(StringComparer.Ordinal);
        kept.Sets.AddRange(other.Sets.Where(set => names.Add(set.Name)));
        return different;
    }

    private static string? FindDifference(TableBuilder kept, TableBuilder other)
    {
        foreach (ChainBuilder chain in other.Chains)
        {
            if (kept.Find(chain.Name) is not { IsDeclared: true } same || !HasSameRules(same, chain, IsBare(kept) || IsBare(other)))
                return chain.Name;
        }
        return IsIptables(kept.Format) ? kept.Chains.Find(chain => other.Find(chain.Name) is not { IsDeclared: true })?.Name : null;
    }

    private static bool IsBare(TableBuilder table) => table.Format == RuleFormat.IptablesListing;

    private static bool IsIptables(RuleFormat format) =>
        format is RuleFormat.IptablesSave or RuleFormat.IptablesListingVerbose or RuleFormat.IptablesListing;

    // The order of the enumeration is from most to least detailed, within iptables and within nft.
    private static int Richness(RuleFormat format) => (int)format;

    private static bool HasSameRules(ChainBuilder one, ChainBuilder other, bool ignoreInterfaces)
    {
        if (one.Rules.Count != other.Rules.Count)
            return false;
        for (int i = 0; i < one.Rules.Count; i++)
        {
            if (!AreSame(one.Rules[i].Statements, other.Rules[i].Statements, ignoreInterfaces))
                return false;
        }
        return true;
    }

    private static bool AreSame(EquatableArray<Statement> one, EquatableArray<Statement> other, bool ignoreInterfaces)
    {
        if (one == other)
            return true;
        return Telling(one, ignoreInterfaces).SequenceEqual(Telling(other, ignoreInterfaces));
    }

    // Each tool writes unmodelled parts differently; only their presence can be compared.
    private static IEnumerable<Statement> Telling(EquatableArray<Statement> statements, bool ignoreInterfaces) =>
        statements.Where(statement => !(ignoreInterfaces && statement is InterfaceMatch))
            .Select(statement => statement switch
            {
                UnmodelledMatch => new UnmodelledMatch(string.Empty, string.Empty),
                UnmodelledStatement unknown => unknown with { Text = string.Empty },
                _ => statement,
            });
}
