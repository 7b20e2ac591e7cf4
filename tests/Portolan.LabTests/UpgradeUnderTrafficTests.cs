using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>The table that an earlier version left behind is replaced while connections come and go.</summary>
public sealed class UpgradeUnderTrafficTests
{
    /// <summary>data/layout-1.nft is what the last version with layout 1 left for this service in this box, as nft lists it.</summary>
    [Fact(DisableParallelization = true)]
    public async Task A_table_of_layout_1_is_replaced_without_a_lost_connection()
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithout("nft");
        using var service = new ServiceInABox(pods: 3);
        string listing = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "data", "layout-1.nft"),
            TestContext.Current.CancellationToken);
        service.Box.Node.Run(() => Tool.Run("nft", ["-f", "-"], listing));
        using NamedClient connection = await NamedClient.ConnectAsync(service.Box.ClientSockets, ServiceInABox.Tcp(IpFamily.IPv4),
            ServiceInABox.Patience);
        string pod = await connection.AskAsync(ServiceInABox.Patience);
        using var stop = new CancellationTokenSource();
        Task<SteadyLoad> load = SteadyLoad.RunAsync(() => service.AskAsync(IpFamily.IPv4), perSecond: 200, stop.Token);
        Task<SteadyLoad> load6 = SteadyLoad.RunAsync(() => service.AskAsync(IpFamily.IPv6), perSecond: 50, stop.Token);

        service.StartOnly();
        await service.UntilAsync(
            () => Task.FromResult(service.Box.Node.Run(static () => Tool.Run("nft", ["list", "table", "ip", "portolan"]))),
            ServiceInABox.Patience * 4, static listing => !listing.Contains("layout 1", StringComparison.Ordinal));
        service.ServeFrom([service.Box.Pods[1]]);
        await service.ServedOnlyByAsync(["pod-2"]);
        await stop.CancelAsync();

        Assert.Empty((await load).Failures);
        Assert.Empty((await load6).Failures);
        Assert.Equal(pod, await connection.AskAsync(ServiceInABox.Patience));
    }
}
