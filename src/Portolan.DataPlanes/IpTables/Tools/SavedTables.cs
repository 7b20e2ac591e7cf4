using System.Text;
using Portolan.DataPlanes.IpTables.Layout;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>
/// What iptables-save shows, reduced to what is compared: a fingerprint per chain that belongs to one service, the rules themselves of
/// chains that services share and of our hooks in other chains.
/// </summary>
internal sealed class SavedTables
{
    private readonly Dictionary<(string Table, string Chain), List<string>> _rules = [];
    private readonly Dictionary<string, ulong> _owned = [];
    private readonly List<string> _mixed = [];
    private readonly HashSet<(string Table, string Chain, string Target)> _unreadJumps = [];

    /// <summary>Fingerprints of the nat table's chains that belong to one service or branch.</summary>
    public Dictionary<string, ulong> Owned => _owned;

    /// <summary>Chains of ours (KUBE-) that are not owned by one service: table and name.</summary>
    public IEnumerable<(string Table, string Chain)> Chains => _rules.Keys.Where(static key => key.Chain.StartsWith("KUBE-", StringComparison.Ordinal));

    public static SavedTables Read(IpTablesTool tool)
    {
        var saved = new SavedTables();
        tool.Save(saved.Read);
        foreach (string table in saved._mixed)
            MixedTables.Complete(saved, tool, table);
        return saved;
    }

    /// <summary>Tables that iptables-save does not show, because somebody put rules of nft there: of their chains not all is known.</summary>
    public IReadOnlyList<string> Mixed => _mixed;

    /// <summary>True when a chain whose rules cannot be shown leads to a target.</summary>
    public bool LeadsUnread(string table, string chain, string target) => _unreadJumps.Contains((table, chain, target));

    /// <summary>A chain of one service, whose rules nobody has read: they count as wrong.</summary>
    internal void AddUnread(string chain) => _owned[chain] = 0;

    /// <summary>A shared chain or one of others, whose rules cannot be shown. Ours count as missing, to be written as a whole.</summary>
    internal void AddUnread(string table, string chain, IEnumerable<string> targets)
    {
        if (!ChainName.Shared.Contains(chain))
            _rules[(table, chain)] = [];
        foreach (string target in targets)
            _unreadJumps.Add((table, chain, target));
    }

    /// <summary>A chain with its rules as "-A CHAIN RULE".</summary>
    internal void Add(string table, string chain, IEnumerable<string> lines)
    {
        AddChain(table, chain);
        foreach (string line in lines)
            AddRule(table, line);
    }

    /// <summary>Whether a chain of one service is as it should be.</summary>
    public bool Holds(NatChain chain) => _owned.TryGetValue(chain.Name, out ulong fingerprint) && fingerprint == Fingerprint.Of(chain.Rules());

    public bool Has(string table, string chain) => _rules.ContainsKey((table, chain));

    /// <summary>The rules of a chain without "-A CHAIN ", as they were shown; for built-in chains those that lead to chains of ours.</summary>
    public IReadOnlyList<string> RulesOf(string table, string chain) => _rules.TryGetValue((table, chain), out List<string>? rules) ? rules : [];

    /// <summary>Rules outside of our chains that lead to chains of ours.</summary>
    public IEnumerable<(string Table, string Chain, string Rule)> Jumps() => _rules
        .SelectMany(static chain => chain.Value.Select(rule => (chain.Key.Table, chain.Key.Chain, rule)))
        .Where(static jump => jump.rule.Contains("-j KUBE-", StringComparison.Ordinal) || jump.rule.Contains("-g KUBE-", StringComparison.Ordinal));

    internal void Read(Stream stream)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, false, 1 << 16);
        string table = "";
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('*'))
                table = line[1..];
            else if (line.StartsWith(':'))
                AddChain(table, line[1..line.IndexOf(' ', StringComparison.Ordinal)]);
            else if (line.StartsWith("-A ", StringComparison.Ordinal))
                AddRule(table, line);
            else if (line.EndsWith("' is incompatible, use 'nft' tool.", StringComparison.Ordinal) && line.StartsWith("# Table `", StringComparison.Ordinal))
                _mixed.Add(line["# Table `".Length..line.IndexOf('\'', StringComparison.Ordinal)]);
        }
    }

    private void AddChain(string table, string chain)
    {
        if (table == "nat" && ChainName.IsOwned(chain))
            _owned[chain] = Fingerprint.Empty;
        else if (!_rules.ContainsKey((table, chain)))
            _rules[(table, chain)] = [];
    }

    private void AddRule(string table, string line)
    {
        int end = line.IndexOf(' ', 3);
        if (end < 0)
            return;
        ReadOnlySpan<char> chain = line.AsSpan(3, end - 3);
        ReadOnlySpan<char> rule = line.AsSpan(end + 1);
        if (table == "nat" && ChainName.IsOwned(chain))
        {
            // Without a string for the name of each of a hundred thousand rules.
            var byName = _owned.GetAlternateLookup<ReadOnlySpan<char>>();
            byName[chain] = Fingerprint.Add(byName[chain], rule);
        }
        else if (chain.StartsWith("KUBE-") || rule.Contains("-j KUBE-", StringComparison.Ordinal))
        {
            _rules[(table, chain.ToString())].Add(rule.ToString());
        }
    }
}

/// <summary>
/// FNV-1a over the rules of a chain. Runs of spaces count as one: iptables-save writes two in some matches, depending on its version.
/// </summary>
internal static class Fingerprint
{
    private const ulong Prime = 0x100000001b3;

    public const ulong Empty = 0xcbf29ce484222325;

    public static ulong Of(List<string> rules)
    {
        ulong fingerprint = Empty;
        foreach (string rule in rules)
            fingerprint = Add(fingerprint, rule);
        return fingerprint;
    }

    public static ulong Add(ulong fingerprint, ReadOnlySpan<char> rule)
    {
        char last = '\0';
        foreach (char c in rule)
        {
            if (c != ' ' || last != ' ')
                fingerprint = (fingerprint ^ c) * Prime;
            last = c;
        }
        return (fingerprint ^ '\n') * Prime;
    }

    /// <summary>A rule with runs of spaces made one, to compare it by.</summary>
    public static string Normalize(string rule)
    {
        while (rule.Contains("  ", StringComparison.Ordinal))
            rule = rule.Replace("  ", " ", StringComparison.Ordinal);
        return rule;
    }
}
