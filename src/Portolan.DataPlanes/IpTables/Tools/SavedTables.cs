using System.Text;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>
/// What iptables-save prints, reduced to what is compared: a fingerprint per chain that belongs to one service, the rules themselves of
/// chains that services share and of our hooks in other chains.
/// </summary>
internal sealed class SavedTables
{
    private const string JumpToOurs = "-j " + KubeProxyIptables.Prefix, GotoOurs = "-g " + KubeProxyIptables.Prefix;

    private readonly Dictionary<ChainId, List<ShownRule>> _rules = [];
    private readonly Dictionary<string, ChainFingerprint> _owned = [];
    private readonly List<IpTable> _mixed = [];
    private readonly HashSet<(ChainId Chain, string Target)> _unreadJumps = [];
    private readonly List<(InetAddress Address, ushort Port)> _udpFrontends = [];

    /// <summary>The nat table's chains that belong to one service or branch.</summary>
    public IEnumerable<ChainId> Owned => _owned.Keys.Select(ChainId.Nat);

    /// <summary>Chains of a service proxy that are not owned by one service.</summary>
    public IEnumerable<ChainId> Shared => _rules.Keys.Where(static chain => KubeProxyIptables.RoleOf(chain.Name).IsShared());

    /// <summary>Chains that only a kube-proxy in mode ipvs has.</summary>
    public IEnumerable<ChainId> OfIpvs => _rules.Keys.Where(static chain => chain.Table is IpTable.Nat or IpTable.Filter
        && KubeProxyIpvsLeftovers.IsChain(chain.Name, isNat: chain.Table == IpTable.Nat));

    /// <summary>True if there is nothing that belongs to a service.</summary>
    public bool HasNoServices => _owned.Count == 0;

    /// <summary>
    /// Tables that iptables-save does not print because they contain rules of nft: their chains are only partly known.
    /// </summary>
    public IReadOnlyList<IpTable> Mixed => _mixed;

    /// <summary>The addresses and ports of UDP that rules of the nat table lead on by; the default address for NodePorts.</summary>
    public IReadOnlyList<(InetAddress Address, ushort Port)> UdpFrontends => _udpFrontends;

    public static SavedTables Read(IpTablesTool tool)
    {
        var saved = new SavedTables();
        tool.Save(saved.Read);
        foreach (IpTable table in saved._mixed)
            MixedTables.Complete(saved, tool, table);
        return saved;
    }

    /// <summary>True if a chain whose rules cannot be printed jumps to a target.</summary>
    public bool LeadsUnread(ChainId chain, string target) => _unreadJumps.Contains((chain, target));

    /// <summary>A chain of one service, whose rules were not read: they count as wrong.</summary>
    internal void AddUnread(string chain) => _owned[chain] = ChainFingerprint.Unread;

    /// <summary>
    /// A shared chain or one of others, whose rules cannot be printed. Ours count as missing, to be rewritten as a whole.
    /// </summary>
    internal void AddUnread(ChainId chain, IEnumerable<string> targets)
    {
        if (!KubeProxyIptables.RoleOf(chain.Name).IsShared())
            _rules[chain] = [];
        foreach (string target in targets)
            _unreadJumps.Add((chain, target));
    }

    /// <summary>A chain with its rules as "-A CHAIN RULE".</summary>
    internal void Add(ChainId chain, IEnumerable<string> lines)
    {
        AddChain(chain);
        foreach (string line in lines)
            AddRule(chain.Table, line);
    }

    /// <summary>Whether a chain of one service has the rules it should have.</summary>
    public bool Holds(RuleChain chain) =>
        _owned.TryGetValue(chain.Name, out ChainFingerprint fingerprint) && fingerprint == ChainFingerprint.Of(chain.Rules());

    public bool Has(ChainId chain) => _rules.ContainsKey(chain);

    /// <summary>The rules of a chain; for built-in chains those that jump to chains of ours.</summary>
    public IReadOnlyList<ShownRule> RulesOf(ChainId chain) => _rules.TryGetValue(chain, out List<ShownRule>? rules) ? rules : [];

    /// <summary>Rules that jump to chains of ours, except those in chains of one service.</summary>
    public IEnumerable<(ChainId Chain, ShownRule Rule)> Jumps() => _rules
        .SelectMany(static chain => chain.Value.Select(rule => (chain.Key, rule)))
        .Where(static jump => jump.rule.Target.StartsWith(KubeProxyIptables.Prefix, StringComparison.Ordinal));

    internal void Read(Stream stream)
    {
        const string Incompatible = "' is incompatible, use 'nft' tool.", Table = "# Table `";
        using var reader = new StreamReader(stream, Encoding.UTF8, false, 1 << 16);
        IpTable? table = null;
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('*'))
                table = IpTableNames.Parse(line[1..]);
            else if (line.StartsWith(Table, StringComparison.Ordinal) && line.EndsWith(Incompatible, StringComparison.Ordinal))
                AddMixed(line[Table.Length..^Incompatible.Length]);
            else if (table is null)
                continue;
            else if (line.StartsWith(':'))
                AddChain(new(table.Value, line[1..line.IndexOf(' ', StringComparison.Ordinal)]));
            else if (line.StartsWith("-A ", StringComparison.Ordinal))
                AddRule(table.Value, line);
        }
    }

    private void AddMixed(string table)
    {
        if (IpTableNames.Parse(table) is { } mixed)
            _mixed.Add(mixed);
    }

    private void AddChain(ChainId chain)
    {
        if (IsOwned(chain.Table, chain.Name))
            _owned[chain.Name] = ChainFingerprint.Empty;
        else
            _rules.TryAdd(chain, []);
    }

    private void AddRule(IpTable table, string line)
    {
        int end = line.IndexOf(' ', 3);
        if (end < 0)
            return;
        ReadOnlySpan<char> chain = line.AsSpan(3, end - 3);
        ReadOnlySpan<char> rule = line.AsSpan(end + 1);
        if (IsOwned(table, chain))
        {
            // Without allocating a string for the chain name of each of a hundred thousand rules.
            var byName = _owned.GetAlternateLookup<ReadOnlySpan<char>>();
            ChainFingerprint before = byName[chain];
            IpRule? read = RuleText.TryParse(rule);
            byName[chain] = read is not null ? before.With(read) : before.WithForeign(rule);
            NoteUdp(read);
        }
        else if (chain.StartsWith(KubeProxyIptables.Prefix) || rule.Contains(JumpToOurs, StringComparison.Ordinal)
            || rule.Contains(GotoOurs, StringComparison.Ordinal))
        {
            ShownRule shown = ShownRule.Read(rule.ToString());
            _rules[new(table, chain.ToString())].Add(shown);
            if (table == IpTable.Nat)
                NoteUdp(shown.Rule);
        }
    }

    private void NoteUdp(IpRule? rule)
    {
        if (rule is { Protocol: IpProtocol.Udp, Port: not 0, Destination: null or { IsNegated: false } })
            _udpFrontends.Add((rule.Destination?.Prefix.Address ?? default, rule.Port));
    }

    private static bool IsOwned(IpTable table, ReadOnlySpan<char> chain) =>
        table == IpTable.Nat && KubeProxyIptables.RoleOf(chain).IsOwned();
}
