using System.Globalization;
using Portolan.DataPlanes.IpTables;

namespace Portolan.Bench.IpTables;

/// <summary>Benchmarks of mode iptables. To be run in a network namespace of its own (unshare -n): they write rules and leave them.</summary>
internal static class IpTablesBench
{
    public const string Usage = """
               Portolan.Bench iptables sync nft|legacy linear|tree SERVICES
               Portolan.Bench iptables dispatch nft|legacy linear|tree SERVICES
        """;

    public static int Run(string[] args)
    {
        if (args is not [var what, var tools, var kind, var count] || !int.TryParse(count, CultureInfo.InvariantCulture, out int services)
            || !Enum.TryParse(tools, ignoreCase: true, out IpTablesBackend backend) || !Enum.TryParse(kind, ignoreCase: true, out IpTablesDispatch dispatch))
        {
            Console.Error.WriteLine("usage:\n" + Usage);
            return 2;
        }
        if (what == "dispatch")
            DispatchBench.Run(backend, dispatch, services);
        else
            SyncBench.Run(backend, dispatch, services);
        return 0;
    }
}
