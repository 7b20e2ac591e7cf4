using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>One object for statements that occur in thousands of rules.</summary>
internal sealed class StatementCache(TextPool pool)
{
    private readonly ProtocolMatch?[] _protocols = new ProtocolMatch?[256];
    private readonly Dictionary<int, PortMatch> _destinationPorts = [];
    private readonly Dictionary<string, StatisticRandomMatch> _statistics = new(StringComparer.Ordinal);

    public static VerdictStatement Accept { get; } = new(Verdict.Accept);

    public static VerdictStatement Drop { get; } = new(Verdict.Drop);

    public static VerdictStatement Return { get; } = new(Verdict.Return);

    public TextPool Pool => pool;

    public ProtocolMatch Protocol(IpProtocol protocol) => _protocols[(byte)protocol] ??= new(protocol);

    public PortMatch Port(PacketSide side, PortRange range, bool negated)
    {
        if (side != PacketSide.Destination || negated || range.First != range.Last)
            return new(side, [range], negated);
        if (!_destinationPorts.TryGetValue(range.First, out PortMatch? match))
            _destinationPorts.Add(range.First, match = new(side, [range]));
        return match;
    }

    /// <summary>The match of a printed probability; null when the text is not a number from 0 to 1.</summary>
    public StatisticRandomMatch? Statistic(ReadOnlySpan<char> printed, bool negated)
    {
        if (!negated && _statistics.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(printed, out StatisticRandomMatch? known))
            return known;
        if (!decimal.TryParse(printed, System.Globalization.NumberStyles.AllowDecimalPoint,
                System.Globalization.CultureInfo.InvariantCulture, out decimal probability) || probability > 1)
            return null;
        // iptables: lround(0x80000000 * probability), libxt_statistic.c
        uint threshold = (uint)Math.Round(probability * 2147483648m, MidpointRounding.AwayFromZero);
        var match = new StatisticRandomMatch(threshold, pool.Get(printed), negated);
        if (!negated)
            _statistics[match.Printed] = match;
        return match;
    }
}
