using System.Globalization;
using Portolan.DataPlanes.IpTables;

namespace Portolan.Bench.IpTables;

/// <summary>
/// Benchmarks of mode iptables. All but `dispatch`, which makes its own, are to be run in a network namespace of their own (unshare -n):
/// they write rules and leave them.
/// </summary>
internal static class IpTablesBench
{
    public const string Usage = """
               Portolan.Bench iptables sync nft|legacy linear|tree SERVICES [--mixed]
               Portolan.Bench iptables dispatch [FILE.svg]
               Portolan.Bench iptables walk nft|legacy|nftables linear|tree|map SERVICES
               Portolan.Bench iptables plot FILE.svg < lines of walk
        """;

    public static int Run(string[] args)
    {
        switch (args)
        {
            case ["dispatch", .. { Length: <= 1 } plot]:
                DispatchBench.RunAll(plot.FirstOrDefault());
                return 0;
            case ["walk", var backend, var dispatch, var count]:
                DispatchBench.Run(backend, dispatch, int.Parse(count, CultureInfo.InvariantCulture));
                return 0;
            case ["plot", var file]:
                DispatchBench.Show(Console.In, file);
                return 0;
            case ["sync", var backend, var dispatch, var count, .. { Length: <= 1 } mixed]:
                new SyncBench(Enum.Parse<IpTablesBackend>(backend, ignoreCase: true),
                    Enum.Parse<IpTablesDispatch>(dispatch, ignoreCase: true),
                    int.Parse(count, CultureInfo.InvariantCulture), isMixed: mixed is ["--mixed"]).Run();
                return 0;
            default:
                Console.Error.WriteLine("usage:\n" + Usage);
                return 2;
        }
    }
}
