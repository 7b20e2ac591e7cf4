using System.Globalization;

namespace Portolan.Bench.Planes;

/// <summary>What a connection to a service costs with one kind of rules.</summary>
/// <param name="Services">How many there were.</param>
/// <param name="Kind">linear, tree, ipvs, nftables, or none for connections to an endpoint itself.</param>
/// <param name="Met">Rules and look-ups that the first packet meets until its service is found, median over services.</param>
/// <param name="MostMet">The same for the service that is farthest away.</param>
/// <param name="ConnectMicroseconds">Time of connect(), the least of many to a service, median over services.</param>
/// <param name="SlowConnectMicroseconds">The same for the slowest service.</param>
internal sealed record PlaneRow(int Services, string Kind, int Met, int MostMet, double ConnectMicroseconds, double SlowConnectMicroseconds)
{
    internal const string TableHead = """
        | services | plane | rules and look-ups met: median, most | connect(): median, most | more than without rules, median |
        |---|---|---|---|---|
        """;

    /// <summary>The name of the kind in a plot and a table.</summary>
    internal string Name => Kind switch
    {
        "linear" => "iptables, kube-proxy's chains",
        "tree" => "iptables, tree",
        "none" => "no rules",
        _ => Kind,
    };

    /// <param name="without">The row without rules.</param>
    internal string ToTableLine(PlaneRow without) => string.Create(CultureInfo.InvariantCulture,
        $"| {Services:n0} | {Name} | {Met:n0}, {MostMet:n0} | {ConnectMicroseconds:n0} µs, {SlowConnectMicroseconds:n0} µs | " +
        $"{ConnectMicroseconds - without.ConnectMicroseconds:n0} µs |");

    internal string ToText() => string.Create(CultureInfo.InvariantCulture,
        $"{Services},{Kind},{Met},{MostMet},{ConnectMicroseconds:f1},{SlowConnectMicroseconds:f1}");

    /// <summary>Reads <see cref="ToText"/>.</summary>
    internal static PlaneRow Parse(string text)
    {
        string[] fields = text.Split(',');
        return new(int.Parse(fields[0], CultureInfo.InvariantCulture), fields[1], int.Parse(fields[2], CultureInfo.InvariantCulture),
            int.Parse(fields[3], CultureInfo.InvariantCulture), double.Parse(fields[4], CultureInfo.InvariantCulture),
            double.Parse(fields[5], CultureInfo.InvariantCulture));
    }
}
