using System.Diagnostics;
using System.Globalization;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;

namespace Portolan.Bench;

/// <summary>
/// How long a node is without rules when somebody removes them, with a running proxy in this network namespace: from the commit that
/// deletes both tables to the commit that brings them back. Rules come back in one transaction, so the first rule seen means all of them.
/// </summary>
internal static class HealBench
{
    internal static HealResult Run(int runs)
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        var reader = new NfReader(socket);
        using var transaction = new NfTransaction();
        double[] times = new double[runs];
        for (int run = 0; run < runs; run++)
        {
            // The table a proxy has just repaired is left alone for a moment, as between two mishaps.
            Thread.Sleep(500);
            transaction.Reset();
            transaction.DeleteTable(TableSchema.Table(IpFamily.IPv4));
            transaction.DeleteTable(TableSchema.Table(IpFamily.IPv6));
            long start = Stopwatch.GetTimestamp();
            CommitResult result = transaction.Commit(socket);
            if (!result.IsCommitted)
                throw new InvalidOperationException($"is a proxy running here? {string.Join("; ", result.Refusals)}");
            while (!IsBack(reader, IpFamily.IPv4) || !IsBack(reader, IpFamily.IPv6))
            {
                if (Stopwatch.GetElapsedTime(start).TotalSeconds > 30)
                    throw new TimeoutException("the rules did not come back within 30 s");
                Thread.Sleep(1);
            }
            times[run] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        Array.Sort(times);
        return new HealResult(runs, Math.Round(times[0], 1), Math.Round(times[runs / 2], 1), Math.Round(times[^1], 1));
    }

    private static bool IsBack(NfReader reader, IpFamily family)
    {
        NfTableId table = TableSchema.Table(family);
        try
        {
            return reader.ReadTables(table.Family).Exists(one => one.Id == table) && reader.ReadRules(table, "prerouting").Count > 0;
        }
        catch (NetlinkException)
        {
            // It went between two requests.
            return false;
        }
    }
}

/// <summary>Milliseconds without rules.</summary>
internal sealed record HealResult(int Runs, double MinMs, double MedianMs, double MaxMs)
{
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{MedianMs:f1} ms ({MinMs:f1} to {MaxMs:f1}) of {Runs}");
}
