using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Portolan.Rules.Model;

/// <summary>
/// Everything that affects packets in one network namespace, whatever it was read from: tables of both iptables back-ends and of
/// nf_tables, ipsets, the node's own addresses, and what could not be read.
/// </summary>
public sealed class Ruleset
{
    /// <summary>A ruleset without anything in it.</summary>
    public static Ruleset Empty { get; } = new();

    /// <summary>
    /// The tables, in the order they were read; those that nft lists are in its order, the order of creation, even if other inputs show
    /// them too.
    /// </summary>
    public ImmutableArray<RuleTable> Tables { get; init; } = [];

    /// <summary>The ipsets that iptables rules refer to (not the sets of nf_tables, which belong to their table), by name.</summary>
    public FrozenDictionary<string, IpSet> IpSets { get; init; } = FrozenDictionary<string, IpSet>.Empty;

    /// <summary>The lists of iptables' recent match (session affinity); null when no input shows them.</summary>
    public RecentClients? RecentClients { get; init; }

    /// <summary>The node's interfaces and addresses; null when no input shows them.</summary>
    public ImmutableArray<NetInterface>? Interfaces { get; init; }

    /// <summary>The node's routes, of all tables and both families; none when no input shows them.</summary>
    public ImmutableArray<NodeRoute> Routes { get; init; } = [];

    /// <summary>The rules of the routing policy, of both families; none when no input shows them.</summary>
    public ImmutableArray<RoutingRule> RoutingRules { get; init; } = [];

    /// <summary>The virtual servers of IPVS, in the order of the input; null when no input shows them.</summary>
    public ImmutableArray<VirtualServer>? VirtualServers { get; init; }

    /// <summary>What could not be read or had to be guessed, in the order of the input.</summary>
    public ImmutableArray<ReadProblem> Problems { get; init; } = [];

    /// <summary>True when something in the input could not be read or used.</summary>
    public bool IsPartial => Problems.Any(problem => problem.Severity == ReadSeverity.Partial);

    /// <summary>The first table of a family and name, or null. With both iptables back-ends in use there may be two.</summary>
    public RuleTable? FindTable(TableFamily family, string name) =>
        Tables.FirstOrDefault(table => table.Family == family && table.Name == name);

    /// <summary>
    /// nft shows the tables of iptables-nft too, in its own syntax; where both were read, only iptables' version is kept, and the flag
    /// dormant, which iptables cannot show.
    /// </summary>
    public Ruleset WithoutTranslations()
    {
        bool IsSame(RuleTable table, RuleTable other) => table.Backend == RuleBackend.Nftables
            && table.Family is TableFamily.Ip or TableFamily.Ip6
            && other.Backend is RuleBackend.IptablesNft or RuleBackend.IptablesUnknown
            && other.Family == table.Family && other.Name == table.Name;
        bool IsShownTwice(RuleTable table) => Tables.Any(other => IsSame(table, other));
        return Tables.Any(IsShownTwice)
            ? new Ruleset
            {
                Tables =
                [
                    // nft lists tables in the order in which they were made, iptables-nft's among them: that order is kept.
                    .. Tables.Where(table => !Tables.Any(other => IsSame(other, table)))
                        .SelectMany(table => IsShownTwice(table) ? Tables.Where(other => IsSame(table, other)) : [table])
                        .Select(table => Tables.Any(other => other.IsDormant && IsSame(other, table)) ? table.SwitchedOff() : table),
                ],
                IpSets = IpSets,
                RecentClients = RecentClients,
                Interfaces = Interfaces,
                Routes = Routes,
                RoutingRules = RoutingRules,
                VirtualServers = VirtualServers,
                Problems = Problems,
            }
            : this;
    }
}

/// <summary>A table: a name space of chains and sets, in one family and back-end.</summary>
public sealed class RuleTable
{
    /// <summary>
    /// The packets the table sees. iptables tables are <see cref="TableFamily.Ip"/>, ip6tables tables <see cref="TableFamily.Ip6"/>.
    /// </summary>
    public required TableFamily Family { get; init; }

    /// <summary>"raw", "mangle", "nat", "filter" or "security" for iptables; any name for nf_tables.</summary>
    public required string Name { get; init; }

    /// <summary>Who holds the rules in the kernel.</summary>
    public required RuleBackend Backend { get; init; }

    /// <summary>What the table was read from; this limits what is known about it.</summary>
    public required RuleFormat Format { get; init; }

    /// <summary>The chains in the order of the input.</summary>
    public ImmutableArray<Chain> Chains { get; init; } = [];

    /// <summary>The named sets and maps of an nf_tables table, in the order of the input.</summary>
    public ImmutableArray<NamedSet> Sets { get; init; } = [];

    /// <summary>
    /// True when the input leaves out an unknown number of chains or rules (an excerpt, a truncated file): a chain that is missing
    /// here is unknown, not absent.
    /// </summary>
    public bool IsExcerpt { get; init; }

    /// <summary>True for an nf_tables table with the flag "dormant": its base chains are not attached to their hooks.</summary>
    public bool IsDormant { get; init; }

    /// <summary>The table's own comment (nf_tables), or null.</summary>
    public string? Comment { get; init; }

    /// <summary>Where the table begins.</summary>
    public SourceSpan Source { get; init; }

    /// <summary>The same table, dormant.</summary>
    internal RuleTable SwitchedOff() => new()
    {
        Family = Family,
        Name = Name,
        Backend = Backend,
        Format = Format,
        Chains = Chains,
        Sets = Sets,
        IsExcerpt = IsExcerpt,
        IsDormant = true,
        Comment = Comment,
        Source = Source,
    };

    private FrozenDictionary<string, Chain>? _chainsByName;
    private FrozenDictionary<string, NamedSet>? _setsByName;

    /// <summary>The chain of that name, or null. The first call builds an index.</summary>
    public Chain? FindChain(string name) =>
        (_chainsByName ??= Index(Chains, static chain => chain.Name)).GetValueOrDefault(name);

    /// <summary>The named set or map of that name, or null. The first call builds an index.</summary>
    public NamedSet? FindSet(string name) =>
        (_setsByName ??= Index(Sets, static set => set.Name)).GetValueOrDefault(name);

    private static FrozenDictionary<string, T> Index<T>(ImmutableArray<T> items, Func<T, string> nameOf)
    {
        var byName = new Dictionary<string, T>(items.Length, StringComparer.Ordinal);
        foreach (T item in items)
            byName.TryAdd(nameOf(item), item);
        return byName.ToFrozenDictionary(StringComparer.Ordinal);
    }
}

/// <summary>The packets a table sees. Values and names as in nft(8); "inet" sees both versions of IP.</summary>
public enum TableFamily : byte
{
    /// <summary>IPv4.</summary>
    Ip,

    /// <summary>IPv6.</summary>
    Ip6,

    /// <summary>IPv4 and IPv6.</summary>
    Inet,

    /// <summary>ARP.</summary>
    Arp,

    /// <summary>Packets that cross a bridge.</summary>
    Bridge,

    /// <summary>Packets at a device's ingress or egress.</summary>
    Netdev,
}

/// <summary>The kernel subsystem that holds a table.</summary>
public enum RuleBackend : byte
{
    /// <summary>iptables rules, but the input does not show which back-end holds them.</summary>
    IptablesUnknown,

    /// <summary>iptables-legacy (x_tables).</summary>
    IptablesLegacy,

    /// <summary>iptables-nft: iptables rules in nf_tables tables.</summary>
    IptablesNft,

    /// <summary>nf_tables.</summary>
    Nftables,
}

/// <summary>The form of the input a table was read from.</summary>
public enum RuleFormat : byte
{
    /// <summary>iptables-save or ip6tables-save.</summary>
    IptablesSave,

    /// <summary>iptables -L with -v: interfaces and counters are shown.</summary>
    IptablesListingVerbose,

    /// <summary>iptables -L without -v: interfaces are not shown (<see cref="RuleGaps.Interfaces"/>).</summary>
    IptablesListing,

    /// <summary>nft list ruleset.</summary>
    NftText,

    /// <summary>nft -j list ruleset.</summary>
    NftJson,

    /// <summary>The kernel's netlink messages, or rules built in memory.</summary>
    Netlink,
}
