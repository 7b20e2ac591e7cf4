using Portolan.Chart;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;

namespace Portolan.WebConsole;

/// <summary>Notices that live rules have changed, while somebody looks.</summary>
internal static class RulesClock
{
    // To listen for changes would make the kernel report every element of them, and slow down whoever commits.
    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromSeconds(2);

    /// <summary>Tells viewers of changes until the console ends.</summary>
    internal static async Task FollowAsync(string? networkNamespace, ConsoleServer server, ChartOutput output, CancellationToken stop)
    {
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter,
                new NetlinkSocketOptions { NetworkNamespace = networkNamespace });
            var reader = new NfReader(socket);
            var rates = new ServiceRates(networkNamespace, TimeProvider.System);
            uint? last = null;
            while (true)
            {
                await server.Viewers.WaitForViewerAsync(stop);
                uint generation = reader.ReadGeneration().Id;
                if (last is { } before && generation != before)
                    server.Changed();
                last = generation;
                if (rates.Next() is { } counted)
                    server.Viewers.Send("counters", counted);
                await Task.Delay(s_betweenLooks, stop);
            }
        }
        catch (NetlinkException)
        {
            output.Message("the kernel does not tell when rules change (root may ask): reload the page to have them read again");
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }
    }
}
