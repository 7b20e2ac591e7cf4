using System.Diagnostics;
using System.Globalization;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>
/// kill -9 during the very first sync, on a node without any rules: the next start leaves exactly what an undisturbed one does.
/// </summary>
public sealed class FirstSyncKillTests
{
    private const int Services = 150;

    public static TheoryData<string> Variants { get; } =
        ["nftables", "iptables nft modern linear", "iptables nft classic tree", "iptables legacy modern tree",
        "iptables legacy classic linear"];

    [Theory(DisableParallelization = true)]
    [MemberData(nameof(Variants))]
    public async Task The_next_start_converges_and_leaves_nothing_of_the_first(string variant)
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithout("nft", "iptables-nft-save", "iptables-legacy-save");
        (string[] wanted, TimeSpan time) = await UndisturbedAsync(variant);
        // The seed is in the message of a failure: the same instants can be tried again.
        int seed = Environment.TickCount, unfinished = 0;
        var random = new Random(seed);
        for (int round = 0; round < ChurnSettings.Kills; round++)
        {
            using ServiceInABox service = New(variant);
            service.StartOnly();
            await Task.Delay(time * random.NextDouble(), TestContext.Current.CancellationToken);
            // A tool that lives on finishes what it was given, while the next proxy starts.
            if (random.Next(2) == 0)
                service.KillWithTools();
            else
                service.Stop(kill: true);
            unfinished += Rules(service).SequenceEqual(wanted) ? 0 : 1;
            service.StartOnly();
            string[] rules = [];
            for (long started = Stopwatch.GetTimestamp(); !(rules = Rules(service))
                .SequenceEqual(wanted); await Task.Delay(20, TestContext.Current.CancellationToken))
            {
                if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(20))
                {
                    Assert.Fail($"after kill {round}, seed {seed}: missing {string.Join("\n", wanted.Except(rules).Take(20))}\nleft over " +
                        $"{string.Join("\n", rules.Except(wanted).Take(20))}\n"
                        + service.Describe());
                }
            }
            await service.ServedOnlyByAsync(["pod-1"], isStarting: true);
        }
        TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
            $"{variant}: {ChurnSettings.Kills} kills within {time.TotalMilliseconds:f0} ms of the start, {unfinished} of them before the " +
            $"rules were complete"));
    }

    private static async Task<(string[] Rules, TimeSpan Time)> UndisturbedAsync(string variant)
    {
        using ServiceInABox service = New(variant);
        long started = Stopwatch.GetTimestamp();
        service.StartOnly();
        await service.UntilAsync(() => Task.FromResult(service.Describe()), TimeSpan.FromSeconds(20),
            static log => log.Contains(" are in force", StringComparison.Ordinal));
        TimeSpan time = Stopwatch.GetElapsedTime(started);
        await service.ServedOnlyByAsync(["pod-1"], isStarting: true);
        return (Rules(service), time);
    }

    private static ServiceInABox New(string variant)
    {
        var service = new ServiceInABox(pods: 1, variant);
        for (int number = 1; number <= Services; number++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"other-{number}");
            service.Apply(KubernetesObjects.Service("shop", name,
                [InetAddress.FromIPv4((172u << 24) | (30u << 16) | (1u << 8) | (uint)number)], 80));
            IEnumerable<InetAddress> endpoints = Enumerable.Range(0, number % 6)
                .Select(index => InetAddress.FromIPv4((10u << 24) | (181u << 16) | ((uint)number << 8) | (uint)(index + 1)));
            service.Apply(KubernetesObjects.Slice("shop", name, IpFamily.IPv4, endpoints, 8080, node: null));
        }
        return service;
    }

    // Every rule and element by itself, in an order that stays: which of two equal starts wrote first is nobody's business.
    private static string[] Rules(ServiceInABox service) => service.Box.Node.Run(() =>
    {
        List<string> rules = [];
        if (service.Variant.Mode == ProxyMode.NfTables)
            rules.AddRange(Tool.Run("nft", ["--stateless", "list", "ruleset"])
                .Split([',', '{', '}', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        foreach (string tool in (string[])["iptables-nft-save", "ip6tables-nft-save", "iptables-legacy-save", "ip6tables-legacy-save"])
        {
            rules.AddRange(Tool.Run(tool, []).Split('\n', StringSplitOptions.TrimEntries).Where(static line => !line.StartsWith('#'))
                .Select(line => $"{tool}: {(line.StartsWith(':') ? line[..line.IndexOf('[', StringComparison.Ordinal)] : line)}"));
        }
        rules.Sort(StringComparer.Ordinal);
        return rules.ToArray();
    });
}
