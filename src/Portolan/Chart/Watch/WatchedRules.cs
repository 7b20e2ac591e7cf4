using Portolan.Inspect.Simulation;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Model;

namespace Portolan.Chart.Watch;

/// <summary>
/// Finds the rules that traces name. A trace has a rule's handle, listings have its position; the two are matched within one
/// generation of the ruleset, so that a rule is never mistaken for another.
/// </summary>
internal sealed class WatchedRules
{
    private const int MostAttempts = 3;

    // Small tables are read in full, so that rules that change soon after are still known; of large ones only the chains that packets pass.
    private const int MostRulesAtOnce = 20_000;

    // Reading a large ruleset is slow, and a proxy may commit every second: most of the time must remain for packets.
    private const int WaitPerReading = 4;
    private static readonly TimeSpan s_shortestWait = TimeSpan.FromMilliseconds(200);

    private readonly Func<ChartInput?> _read;
    private readonly NfReader _reader;
    private readonly TimeProvider _time;
    private readonly Dictionary<(NfTableId Table, string Chain), List<ulong>> _handles = [];
    private uint? _generation;
    private long _readAt;
    private TimeSpan _wait;

    private WatchedRules(Func<ChartInput?> read, NfReader reader, TimeProvider time) => (_read, _reader, _time) = (read, reader, time);

    /// <summary>The rules as last read.</summary>
    internal ChartInput Input { get; private set; } = null!;

    /// <summary>Reads the rules; null when they cannot be read.</summary>
    internal static WatchedRules? Open(Func<ChartInput?> read, NfReader reader, TimeProvider time)
    {
        var rules = new WatchedRules(read, reader, time);
        return rules.Load() ? rules : null;
    }

    /// <summary>The rule of a step; null when it is not among the rules read, because they changed since.</summary>
    internal RuleRef? Find(NfTraceEvent step)
    {
        if (step.RuleHandle == 0)
            return null;
        RuleRef? place = Lookup(step);
        if (place is null && _time.GetElapsedTime(_readAt) > _wait && _reader.ReadGeneration().Id != _generation && Load())
            place = Lookup(step);
        return place;
    }

    /// <summary>The hook of a base chain; null for others.</summary>
    internal BaseChain? HookOf(NfTraceEvent step) => TableOf(step)?.FindChain(step.Chain)?.Base;

    private RuleRef? Lookup(NfTraceEvent step)
    {
        if (TableOf(step) is not { } table || table.FindChain(step.Chain) is not { } chain)
            return null;
        if (!_handles.TryGetValue((step.Table, step.Chain), out List<ulong>? handles))
        {
            handles = [.. _reader.ReadRules(step.Table, step.Chain).Select(rule => rule.Handle)];
            if (_generation is null || _reader.ReadGeneration().Id != _generation || handles.Count != chain.Rules.Length)
                return null;
            _handles[(step.Table, step.Chain)] = handles;
        }
        int index = handles.IndexOf(step.RuleHandle);
        return index < 0 ? null : new RuleRef(table, chain, index);
    }

    private RuleTable? TableOf(NfTraceEvent step)
    {
        TableFamily family = step.Table.Family
            switch
        { NfFamily.IPv4 => TableFamily.Ip, NfFamily.IPv6 => TableFamily.Ip6, _ => TableFamily.Inet };
        return Input.Rules.Tables.FirstOrDefault(item => item.Family == family && item.Name == step.Table.Name
            && item.Backend != RuleBackend.IptablesLegacy);
    }

    private bool Load()
    {
        long started = _time.GetTimestamp();
        _generation = null;
        for (int attempt = 0; attempt < MostAttempts && _generation is null; attempt++)
        {
            _handles.Clear();
            uint before = _reader.ReadGeneration().Id;
            if (_read() is not { } input)
                return false;
            Input = input;
            foreach (RuleTable table in input.Rules.Tables.Where(table => table.Backend != RuleBackend.IptablesLegacy))
                ReadHandles(table);
            _generation = _reader.ReadGeneration().Id == before ? before : null;
        }
        // Handles of one generation and rules of another must not be matched.
        if (_generation is null)
            _handles.Clear();
        _readAt = _time.GetTimestamp();
        TimeSpan took = _time.GetElapsedTime(started, _readAt) * WaitPerReading;
        _wait = took > s_shortestWait ? took : s_shortestWait;
        return true;
    }

    private void ReadHandles(RuleTable table)
    {
        if (FamilyOf(table.Family) is not { } family || table.Chains.Sum(chain => chain.Rules.Length) > MostRulesAtOnce)
            return;
        var id = new NfTableId(family, table.Name);
        ILookup<string, ulong> handles = _reader.ReadRules(id).ToLookup(rule => rule.Chain, rule => rule.Handle);
        foreach (Chain chain in table.Chains.Where(chain => handles[chain.Name].Count() == chain.Rules.Length))
            _handles[(id, chain.Name)] = [.. handles[chain.Name]];
    }

    private static NfFamily? FamilyOf(TableFamily family) => family switch
    {
        TableFamily.Ip => NfFamily.IPv4,
        TableFamily.Ip6 => NfFamily.IPv6,
        TableFamily.Inet => NfFamily.Inet,
        _ => null,
    };
}
