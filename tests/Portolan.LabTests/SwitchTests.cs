using System.Globalization;
using Portolan.Testing.Proxies;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>
/// A live node changes its rules for others: kube-proxy's for ours, one mode for another, one way to write a mode for another.
/// </summary>
public sealed class SwitchTests
{
    private const string Nft = "iptables nft modern linear", Legacy = "iptables legacy modern linear";

    private static readonly string[] s_others =
        ["kube-proxy-1.36 nftables", "kube-proxy-1.36 nft", "kube-proxy-1.36 legacy", "kube-proxy-1.20 nft", "kube-proxy-1.20 legacy"];

    private static readonly (string From, string To)[] s_usual =
    [
        ("kube-proxy-1.36 nftables", "nftables"), ("kube-proxy-1.36 nft", "nftables"), ("kube-proxy-1.20 legacy", Nft), ("nftables", Nft),
            (Nft, "nftables"),
        (Legacy, Nft), (Nft, "iptables nft classic tree"), ("nftables", "ipvs"), ("ipvs", "nftables"),
        ("kube-proxy-1.36 ipvs nft", "ipvs"), ("kube-proxy-1.36 ipvs legacy", "ipvs"),
    ];

    private static readonly (string From, string To)[] s_all =
    [
        .. s_usual,
        .. from other in s_others from to in (string[])["nftables", Nft, Legacy, "iptables nft classic linear"] select (other, to),
        ("nftables", Legacy), (Legacy, "nftables"), (Nft, Legacy), (Nft, "ipvs"), ("ipvs", Nft),
        .. from backend in (string[])["nft", "legacy"]
           from change in ((string, string)[])
               [("modern linear", "classic linear"), ("classic linear", "modern linear"), ("modern linear", "modern tree"),
               ("modern tree", "modern linear"), ("classic tree", "modern linear")]
           select ($"iptables {backend} {change.Item1}", $"iptables {backend} {change.Item2}"),
    ];

    /// <summary>PORTOLAN_LAB_VARIANTS=all: every direction; ipvs: those from and to mode ipvs; else the usual ones.</summary>
    public static TheoryData<string, string> Directions { get; } =
        new((Environment.GetEnvironmentVariable("PORTOLAN_LAB_VARIANTS") switch
        {
            "all" => s_all,
            "ipvs" => s_all.Where(static way => IsIpvs(way.From) || IsIpvs(way.To)),
            _ => s_usual,
        }).Distinct());

    [Theory(DisableParallelization = true)]
    [MemberData(nameof(Directions))]
    public async Task A_switch_loses_no_connection_and_leaves_nothing_behind(string from, string to)
    {
        Lab.SkipWithoutNamespaces();
        SkipWithoutKernelFor(from, to);
        Lab.SkipWithout("nft", "iptables-nft-restore", "iptables-legacy-restore");
        using var harbor = new HarborInABox();
        await harbor.PutInForceAsync(from);
        harbor.AddForeignRules();
        NamedClient[] connections = await harbor.ConnectAsync();
        try
        {
            string[] pods = await Task.WhenAll(connections.Select(static connection => connection.AskAsync(ServiceInABox.Patience)));
            using var stop = new CancellationTokenSource();
            int number = 0;
            Task<SteadyLoad> load = SteadyLoad.RunAsync(() => harbor.AskAsync(Interlocked.Increment(ref number)),
                RateFor(from, to), stop.Token);
            await harbor.TakeOverAsync(ProxyVariant.Parse(to));
            await Task.Delay(TimeSpan.FromSeconds(0.5), TestContext.Current.CancellationToken);
            await stop.CancelAsync();
            SteadyLoad result = await load;

            Assert.Empty(result.Failures);
            TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
                $"{from} -> {to}: {result.Requests} connections; slowest {result.Percentile(1):f1} ms"));
            // On a busy path it comes again after the connection is open; rules of before must not take it for a new one.
            harbor.RepeatFirstSegments(connections);
            await Task.Delay(TimeSpan.FromSeconds(0.5), TestContext.Current.CancellationToken);
            Assert.Equal(pods, await Task.WhenAll(connections.Select(static connection => connection.AskAsync(ServiceInABox.Patience))));
            harbor.AssertForeignRulesStay();
        }
        finally
        {
            foreach (NamedClient connection in connections)
                connection.Dispose();
        }
    }

    /// <summary>A canary that is taken back: the ways that docs/migrate.md describes, in the order in which nothing is lost.</summary>
    [Theory(DisableParallelization = true)]
    [InlineData("kube-proxy-1.36 nftables", "nftables")]
    [InlineData("kube-proxy-1.36 nft", "nftables")]
    [InlineData("kube-proxy-1.36 nft", Nft)]
    [InlineData("kube-proxy-1.36 ipvs nft", "ipvs")]
    [InlineData("kube-proxy-1.36 ipvs legacy", "ipvs")]
    public async Task From_kube_proxy_and_back_to_it_loses_no_connection(string kubeProxy, string ours)
    {
        Lab.SkipWithoutNamespaces();
        SkipWithoutKernelFor(kubeProxy, ours);
        Lab.SkipWithout("nft", "iptables-nft-restore", "iptables-legacy-restore");
        using var harbor = new HarborInABox();
        await harbor.PutInForceAsync(kubeProxy);
        NamedClient[] connections = await harbor.ConnectAsync();
        try
        {
            string[] pods = await Task.WhenAll(connections.Select(static connection => connection.AskAsync(ServiceInABox.Patience)));
            using var stop = new CancellationTokenSource();
            int number = 0;
            Task<SteadyLoad> load = SteadyLoad.RunAsync(() => harbor.AskAsync(Interlocked.Increment(ref number)),
                RateFor(kubeProxy, ours), stop.Token);
            await harbor.TakeOverAsync(ProxyVariant.Parse(ours));
            await Task.Delay(TimeSpan.FromSeconds(0.5), TestContext.Current.CancellationToken);
            int before = Volatile.Read(ref number);
            await harbor.GoBackAsync(kubeProxy);
            await Task.Delay(TimeSpan.FromSeconds(0.5), TestContext.Current.CancellationToken);
            await stop.CancelAsync();
            SteadyLoad result = await load;

            Assert.Empty(result.Failures);
            Assert.True(Volatile.Read(ref number) > before, "no connection was made on the way back");
            // What serves now is kube-proxy's alone, and what was open stayed with its endpoint all along.
            Assert.DoesNotContain("portolan", harbor.Tables(), StringComparison.Ordinal);
            Assert.Equal(pods, await Task.WhenAll(connections.Select(static connection => connection.AskAsync(ServiceInABox.Patience))));
        }
        finally
        {
            foreach (NamedClient connection in connections)
                connection.Dispose();
        }
    }

    private static bool IsIpvs(string rules) => rules.Split(' ').Contains("ipvs");

    // Mode ipvs runs in emulated machines, which make fewer connections a second.
    private static double RateFor(string from, string to) => IsIpvs(from) || IsIpvs(to) ? 50 : 200;

    private static void SkipWithoutKernelFor(params ReadOnlySpan<string> rules)
    {
        foreach (string one in rules)
        {
            if (!IsIpvs(one))
                continue;
            Lab.SkipWithoutKernelFor("ipvs");
            Lab.SkipWithout("ipvsadm", "ipset");
        }
    }
}
