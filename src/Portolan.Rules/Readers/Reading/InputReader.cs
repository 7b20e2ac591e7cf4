using System.Globalization;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Ipsets;
using Portolan.Rules.Readers.Iptables;
using Portolan.Rules.Readers.Ipvs;
using Portolan.Rules.Readers.Nftables;
using Portolan.Rules.Readers.Routing;

namespace Portolan.Rules.Readers.Reading;

/// <summary>Reads one input, which may hold listings of several kinds with prose between them.</summary>
internal sealed class InputReader(ReadContext context)
{
    private readonly ISectionReader[] _readers = [new SaveReader(context), new ListingReader(context), new NftTextReader(context),
        new NftJsonReader(context),
        new IpSetReader(context), new IpSetListReader(context), new VirtualServerReader(context), new AddressReader(context),
        new AddressTextReader(context), new RouteReader(context),
        new RoutingRuleReader(context), new RecentListReader(context)];
    private readonly HashSet<int> _cutLines = [];
    private bool _isForeignNamed;
    private string? _skipped;

    /// <summary>True for a line that begins a listing of any kind: an unfinished section ends there.</summary>
    public static bool BeginsOther(ReadOnlySpan<char> line) =>
        SaveReader.Begins(line) || ListingReader.Begins(line) || NftTextReader.Begins(line) || IpSetReader.Begins(line)
        || IpSetListReader.Begins(line) || VirtualServerReader.Begins(line) || ForeignInput.LookAlike(line) is not null;

    public void Read()
    {
        if (ForeignInput.Packed(context.Source.Bytes) is { } packed)
        {
            context.Problems.Partial(0, packed);
            return;
        }
        var line = new LineCursor(context.Source);
        ISectionReader? section = null;
        while (line.MoveNext())
        {
            (int number, int? cutAt) = (line.Number, line.IsCut ? line.Length : null);
            if (section is null || !section.Take(line))
            {
                section?.End();
                section = _skipped is null || EndsSkipped(line.Line) ? Begin(line) : null;
                if (section is null)
                    TakeProse(line);
            }
            if (cutAt is { } kept && section is not (NftJsonReader or AddressReader or RouteReader or RoutingRuleReader))
                ReportCut(number, kept);
        }
        section?.End();
        MarkCutRules();
        if (context.Tables.Count == 0 && context.IpSets.Count == 0 && context.Interfaces is null && context.RecentClients is null
            && context.VirtualServers is null && context.Routes.Count == 0 && context.RoutingRules.Count == 0
            && !context.SawEmptyRuleset && !context.SawUselessListing && !_isForeignNamed)
            ReportNothingFound();
    }

    private void ReportCut(int line, int kept)
    {
        _cutLines.Add(line);
        context.Problems.Partial(line, string.Create(CultureInfo.InvariantCulture,
            $"the line is longer than {LineCursor.LongestLine} bytes: only the first {kept} were read, and what follows is unknown"));
    }

    /// <summary>Marks rules of a line that was not read to its end as incomplete.</summary>
    private void MarkCutRules()
    {
        if (_cutLines.Count == 0)
            return;
        foreach (ChainBuilder chain in context.Tables.SelectMany(table => table.Chains))
        {
            for (int i = 0; i < chain.Rules.Count; i++)
            {
                if (_cutLines.Contains(chain.Rules[i].Source.Line))
                    chain.Rules[i] = chain.Rules[i].With(RuleGaps.Tail);
            }
        }
    }

    private void ReportNothingFound() => context.Problems.Partial(0, context.Source.Bytes.IsEmpty ? "the input is empty"
        : ForeignInput.DescribeJson(context.Source.Bytes)
        ?? (context.Source.Bytes[..Math.Min(context.Source.Bytes.Length, 4096)].Contains((byte)0)
            ? "this is a binary file: expected " : "no rules were found: expected ")
            + "the output of iptables-save, iptables -L, nft list ruleset, nft -j list ruleset, ipset save, ipvsadm -Ln, ip addr, " +
            "ip route or ip rule");

    private ISectionReader? Begin(LineCursor line)
    {
        if (ForeignInput.LookAlike(line.Line) is not { } tool)
            return Array.Find(_readers, reader => reader.Take(line));
        _skipped = tool;
        _isForeignNamed = true;
        context.Problems.Partial(line.Number, tool == "ebtables"
            ? "the rules of ebtables that begin here are left out: they see frames on bridges; the chart follows IP packets"
            : "the rules of arptables that begin here are left out: they see ARP; the chart follows IP packets");
        return null;
    }

    /// <summary>A dump of ebtables or arptables uses the syntax of iptables-save: only another header ends it.</summary>
    private bool EndsSkipped(ReadOnlySpan<char> line)
    {
        if (IptablesHint.Read(line) is null && !NftTextReader.Begins(line) && !IpSetReader.Begins(line)
            && !VirtualServerReader.Begins(line)
            && ForeignInput.LookAlike(line) is null)
            return false;
        _skipped = null;
        return true;
    }

    private void TakeProse(LineCursor line)
    {
        if (_skipped is not null)
            return;
        if (line.Line.Contains("-legacy tables present", StringComparison.Ordinal))
            context.Problems.Note(line.Number, "iptables says that there are iptables-legacy rules too: both back-ends are in use");
        // Once per dump: a foreign dump has many lines.
        else if (!_isForeignNamed && ForeignInput.Describe(line.Line) is { } foreign)
        {
            _isForeignNamed = true;
            context.Problems.Partial(line.Number, foreign);
        }
        else if (IptablesHint.Read(line.Line) is { } hint)
            context.Hint = hint;
    }
}
