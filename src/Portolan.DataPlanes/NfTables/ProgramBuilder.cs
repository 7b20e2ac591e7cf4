using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Collects the chains and verdicts of one family's program, and writes the chains that more than one part of it goes to.
/// </summary>
internal sealed class ProgramBuilder(ProgramInput input)
{
    private readonly NfTableId _table = TableSchema.Table(input.Family);
    private readonly List<ChainProgram> _chains = [];
    private readonly HashSet<string> _names = [];
    private readonly SortedDictionary<(PortolanSet Map, uint Key), NfVerdict> _verdicts = [];

    /// <summary>What the rules are generated from.</summary>
    internal ProgramInput Input => input;

    /// <summary>
    /// True if sources are looked up or drops counted. Otherwise there is nothing to check, and packets are dropped at once.
    /// </summary>
    internal bool HasSourceCheck => input.WithCounters || input.Has(FrontendScope.Addresses, RuleRequirementKind.PrefixLength);

    /// <summary>What happens to a packet to a frontend with source ranges.</summary>
    internal NfExpression SourceCheck =>
        HasSourceCheck ? RuleExpressions.Jump(PortolanTables.Current.NameOf(PortolanChainKind.SourceCheck)) : RuleExpressions.Drop;

    /// <summary>The program, with its sets.</summary>
    internal TableProgram Build(ImmutableArray<NfSet> sets) =>
        new(sets, [.. _chains],
        [.. _verdicts.Select(static entry => new VerdictElement(TableSchema.Name(entry.Key.Map), entry.Key.Key, entry.Value))]);

    /// <summary>A rule.</summary>
    internal NfRule Rule(string chain, NfExpression[] expressions, string? comment = null) =>
        new(_table, chain, [.. expressions]) { Comment = comment };

    /// <summary>Adds a chain with its rules.</summary>
    internal void Add(string chain, IReadOnlyList<NfRule> rules, NfHook? hook = null)
    {
        _names.Add(chain);
        _chains.Add(new ChainProgram(new NfChain(_table, chain) { Hook = hook }, [.. rules]));
    }

    /// <summary>Adds an element to a verdict map.</summary>
    internal void Lead(PortolanSet map, uint key, NfVerdict verdict) => _verdicts[(map, key)] = verdict;

    /// <summary>True when a verdict map has elements.</summary>
    internal bool Leads(PortolanSet map) => _verdicts.Keys.Any(key => key.Map == map);

    /// <summary>The conditions of which at least one holds for a packet from a pod; none without a detector.</summary>
    internal IEnumerable<NfExpression[]> FromPod => PodConditions.Of(input.Detector, input.Family, isPod: true);

    /// <summary>
    /// "ip saddr != 10.244.0.0/16 meta mark set ...": marks a packet that is not from a pod for masquerading; null without a detector,
    /// because then none is marked.
    /// </summary>
    internal NfExpression[]? MarkUnlessPod()
    {
        NfExpression[][] conditions = [.. PodConditions.Of(input.Detector, input.Family, isPod: false)];
        return conditions.Length == 0
            ? null : [.. conditions.SelectMany(static condition => condition), .. NfStatements.SetMark(input.MasqueradeMark)];
    }

    /// <summary>The chain that remembers a client with its endpoint and translates to it.</summary>
    internal string AffinityFound(int seconds, bool isLocal)
    {
        string chain = PortolanTables.Current.NameOf(isLocal ? PortolanChainKind.AffinityLocalFound : PortolanChainKind.AffinityFound,
            number: seconds);
        if (_names.Contains(chain))
            return chain;
        var expressions = new RuleExpressions(input.Family);
        List<NfRule> rules = [Rule(chain, expressions.Remember(TableSchema.Name(PortolanSet.AffinityClients, seconds)))];
        if (isLocal)
            rules.Add(Rule(chain, RuleExpressions.SetPriorityBits(AffinityIds.LocalView)));
        rules.Add(Rule(chain, expressions.ToAffinityEndpoint()));
        Add(chain, rules);
        return chain;
    }
}
