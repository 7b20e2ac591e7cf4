using System.Globalization;

namespace Portolan.Bench.IpTables;

/// <summary>One line of the table of ways to find a service.</summary>
/// <param name="Services">How many there were.</param>
/// <param name="Backend">legacy, nft or nftables.</param>
/// <param name="Dispatch">linear, tree or map.</param>
/// <param name="Walked">Rules walked, median over services.</param>
/// <param name="MostWalked">The same for the service that is farthest away.</param>
/// <param name="SendMicroseconds">Time to send a datagram that opens a connection, median.</param>
/// <param name="SlowSendMicroseconds">The same, 99th percentile.</param>
/// <param name="AddMilliseconds">Time to add a service, median.</param>
internal sealed record DispatchRow(
    int Services, string Backend, string Dispatch, int Walked, int MostWalked, double SendMicroseconds, double SlowSendMicroseconds,
        double AddMilliseconds)
{
    public const string TableHead = """
        | services | rules | walked: median, most | first datagram: median, 99 % | one service added |
        |---|---|---|---|---|
        """;

    public string Kind => Backend == "nftables" ? "mode nftables" : $"iptables-{Backend}, {Dispatch}";

    public string ToTableLine() => string.Create(CultureInfo.InvariantCulture,
        $"| {Services:n0} | {Kind} | {Walked:n0}, {MostWalked:n0} | {SendMicroseconds:f1} µs, {SlowSendMicroseconds:f1} µs | " +
        $"{AddMilliseconds:0.##} ms |");

    public string ToText() => string.Create(CultureInfo.InvariantCulture,
        $"{Services},{Backend},{Dispatch},{Walked},{MostWalked},{SendMicroseconds:f1},{SlowSendMicroseconds:f1},{AddMilliseconds:f2}");

    /// <summary>Reads <see cref="ToText"/>.</summary>
    public static DispatchRow Parse(string text)
    {
        string[] fields = text.Split(',');
        return new(Int(0), fields[1], fields[2], Int(3), Int(4), Real(5), Real(6), Real(7));

        int Int(int field) => int.Parse(fields[field], CultureInfo.InvariantCulture);
        double Real(int field) => double.Parse(fields[field], CultureInfo.InvariantCulture);
    }
}
