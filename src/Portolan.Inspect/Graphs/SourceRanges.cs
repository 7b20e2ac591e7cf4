using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Graphs;

/// <summary>The ranges of source addresses that rules ask for: by the service whose rules ask, or by rules that concern all.</summary>
internal sealed class SourceRanges
{
    // A range of addresses is seldom more than a few prefixes; a set may hold a whole country's.
    private const int MostOfOneMatch = 64;

    private readonly Ruleset _rules;
    private readonly Dictionary<string, HashSet<InetPrefix>> _ofServices = new(StringComparer.Ordinal);
    private readonly HashSet<InetPrefix> _ofAll = [];

    internal SourceRanges(Ruleset rules, ChainGuide guide)
    {
        _rules = rules;
        foreach (RuleTable table in rules.Tables)
        {
            foreach (Chain chain in table.Chains)
            {
                for (int index = 0; index < chain.Rules.Length; index++)
                    Learn(new RuleRef(table, chain, index), guide);
            }
        }
    }

    /// <summary>True when a match names more ranges than are looked at.</summary>
    internal bool IsCut { get; private set; }

    /// <summary>The ranges that may matter to a service port.</summary>
    internal IEnumerable<InetPrefix> Of(ProgrammedService service) => _ofAll.Concat(service.SourceRanges)
        .Concat(_ofServices.TryGetValue(service.DisplayName, out HashSet<InetPrefix>? own) ? own : [])
        .Where(range => range.Family == service.Family && range.Length > 0).Distinct();

    private void Learn(RuleRef place, ChainGuide guide)
    {
        HashSet<InetPrefix>? ranges = null;
        foreach (Statement statement in place.Rule.Statements)
        {
            foreach (InetPrefix range in In(statement, place.Table).Take(MostOfOneMatch + 1))
            {
                if (ranges is null)
                {
                    string? service = guide.ServiceOf(place);
                    if (service is null)
                        ranges = _ofAll;
                    else if (!_ofServices.TryGetValue(service, out ranges))
                        _ofServices[service] = ranges = [];
                }
                ranges.Add(range);
            }
        }
    }

    private IEnumerable<InetPrefix> In(Statement statement, RuleTable table) =>
        statement switch
        {
            AddressMatch { Side: PacketSide.Source } match => [match.Prefix],
            AddressRangeMatch { Side: PacketSide.Source } match => Between(match.First, match.Last),
            IpSetMatch match when match.Sides.Contains(PacketSide.Source) && _rules.IpSets.TryGetValue(match.Set, out IpSet? set) => Cut(
                set.Entries.SelectMany(static entry => entry.Parts.ToImmutableArray())
                    .OfType<IpSetAddress>()
                    .SelectMany(static part => Between(part.First, part.Last))
            ),
            RelationalMatch { Left: SelectorExpression { Field: PacketField.IpSource or PacketField.Ip6Source } } match => In(
                match.Right,
                table
            ),
            // Portolan's and kube-proxy's own sets are known as the services' ranges.
            VerdictMapStatement { Key: SelectorExpression { Field: PacketField.IpSource or PacketField.Ip6Source } } map
                when !ServiceTables.IsOwn(table) => In(map.Map, table),
            _ => [],
        };

    private IEnumerable<InetPrefix> In(Expression value, RuleTable table) => value switch
    {
        AddressValue address => [InetPrefix.Host(address.Address)],
        PrefixValue prefix => [prefix.Prefix],
        RangeValue { First: AddressValue first, Last: AddressValue last } => Between(first.Address, last.Address),
        AnonymousSet set => Cut(set.Elements.ToImmutableArray().SelectMany(element => In(element.Key, table))),
        SetReference set when !ServiceTables.IsOwn(table) =>
            Cut((table.FindSet(set.Name)?.Elements ?? []).SelectMany(element => In(element.Key, table))),
        _ => [],
    };

    private IEnumerable<InetPrefix> Cut(IEnumerable<InetPrefix> ranges)
    {
        InetPrefix[] some = [.. ranges.Take(MostOfOneMatch + 1)];
        IsCut |= some.Length > MostOfOneMatch;
        return some.Take(MostOfOneMatch);
    }

    /// <summary>The prefixes that make up a range of addresses.</summary>
    internal static IEnumerable<InetPrefix> Between(InetAddress first, InetAddress last)
    {
        if (first.Family != last.Family || first.Family == IpFamily.None)
            yield break;
        int bits = first.Length * 8;
        UInt128 from = first.ToNumber(), to = last.ToNumber();
        while (from <= to)
        {
            // The largest block that begins here, is aligned, and ends within the range.
            int free = 0;
            while (free < bits && (from >> free & 1) == 0 && Last(free + 1) <= to)
                free++;
            yield return new InetPrefix(first.Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)from) : InetAddress.FromIPv6(from),
                (byte)(bits - free));
            if (Last(free) == UInt128.MaxValue)
                yield break;
            from = Last(free) + 1;
        }

        UInt128 Last(int free) => free >= 128 ? UInt128.MaxValue : from | ((UInt128.One << free) - 1);
    }
}
