using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>What users notice, or must not notice, while the cluster or the proxy changes. Each test has the machine to itself.</summary>
public sealed class ContinuityTests
{
    /// <summary>Variants that differ in how rules get into the kernel.</summary>
    public static TheoryData<string> Variants { get; } = ["nftables", "iptables nft modern linear", "iptables legacy modern tree", "ipvs"];

    public static TheoryData<string, IpFamily> VariantsAndFamilies { get; } = new(
        from variant in Variants from family in (IpFamily[])[IpFamily.IPv4, IpFamily.IPv6] select ((string)variant, family));

    [Theory(DisableParallelization = true)]
    [MemberData(nameof(VariantsAndFamilies))]
    public async Task An_established_connection_survives_the_removal_of_its_endpoint(string variant, IpFamily family)
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithoutKernelFor(variant);
        using var service = new ServiceInABox(pods: 3, variant);
        await service.StartAsync();
        using NamedClient connection = await NamedClient.ConnectAsync(service.Box.ClientSockets, ServiceInABox.Tcp(family),
            ServiceInABox.Patience);
        string pod = await connection.AskAsync(ServiceInABox.Patience);

        var others = service.Box.Pods.Where(other => other.Name != pod).ToList();
        service.ServeFrom(others);
        await service.ServedOnlyByAsync([.. others.Select(static other => other.Name)]);

        Assert.Equal(pod, await connection.AskAsync(ServiceInABox.Patience));
    }

    [Theory(DisableParallelization = true)]
    [InlineData("nftables", false)]
    [InlineData("nftables", true)]
    [InlineData("iptables nft modern linear", true)]
    [InlineData("iptables legacy modern tree", false)]
    [InlineData("ipvs", false)]
    [InlineData("ipvs", true)]
    public async Task Established_and_new_connections_survive_a_restart_of_the_proxy(string variant, bool kill)
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithoutKernelFor(variant);
        using var service = new ServiceInABox(pods: 2, variant);
        await service.StartAsync();
        using NamedClient connection = await NamedClient.ConnectAsync(service.Box.ClientSockets, ServiceInABox.Tcp(IpFamily.IPv4),
            ServiceInABox.Patience);
        string pod = await connection.AskAsync(ServiceInABox.Patience);

        using var stop = new CancellationTokenSource();
        Task<SteadyLoad> load = SteadyLoad.RunAsync(() => service.AskAsync(IpFamily.IPv4), perSecond: 100, stop.Token);
        service.Stop(kill);
        string afterStop = await service.AskAsync(IpFamily.IPv6);
        // Only after the proxy has picked up a change made while it was away is the restart over.
        service.ServeFrom([service.Box.Pods[1]]);
        await service.StartAsync();
        await service.ServedOnlyByAsync(["pod-2"]);
        // A native binary is through in a few hundredths of a second: some requests shall come after it, too.
        await Task.Delay(TimeSpan.FromSeconds(0.5), TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        SteadyLoad result = await load;

        Assert.StartsWith("pod-", afterStop, StringComparison.Ordinal);
        Assert.Equal(pod, await connection.AskAsync(ServiceInABox.Patience));
        Assert.Empty(result.Failures);
        Assert.True(result.Requests > 10, $"only {result.Requests} requests were made");
    }

    [Theory(DisableParallelization = true)]
    [MemberData(nameof(Variants))]
    public async Task No_connection_to_a_stable_service_is_lost_while_others_change(string variant)
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithoutKernelFor(variant);
        using var service = new ServiceInABox(pods: 3, variant);
        await service.StartAsync();

        using var stop = new CancellationTokenSource(ChurnSettings.Churn);
        Task<int> churn = Task.Run(() => Churn(service, changesPerSecond: 100, stop.Token), CancellationToken.None);
        SteadyLoad load = await SteadyLoad.RunAsync(() => service.AskAsync(IpFamily.IPv4), perSecond: 200, stop.Token);
        int changes = await churn;

        Assert.Empty(load.Failures);
        TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
            $"{variant}: {load.Requests} connections in {ChurnSettings.Churn.TotalSeconds} s during {changes} changes; p99 " +
            $"{load.Percentile(0.99):f1} ms"));
        Assert.True(changes > ChurnSettings.Churn.TotalSeconds * 20, $"only {changes} changes were made");
    }

    [Fact(DisableParallelization = true)]
    public async Task A_flush_of_all_rules_by_somebody_else_heals_by_itself()
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithout("nft");
        using var service = new ServiceInABox(pods: 2);
        await service.StartAsync();
        var times = new List<double>();
        for (int round = 0; round < ChurnSettings.Flushes; round++)
        {
            service.Box.Node.Run(static () => Tool.Run("nft", ["flush", "ruleset"]));
            TimeSpan time = await service.UntilAsync(
                () => NamedClient.AskOnceAsync(service.Box.ClientSockets, ServiceInABox.Tcp(IpFamily.IPv4), TimeSpan.FromMilliseconds(20)),
                    ServiceInABox.Patience);
            times.Add(time.TotalMilliseconds);
        }
        times.Sort();
        TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
            $"healed {times.Count} times; median {times[times.Count / 2]:f1} ms, worst {times[^1]:f1} ms"));
    }

    /// <summary>What firewalls and people do to rules. In mode iptables somebody has to look, every iptables.syncPeriod.</summary>
    [Theory(DisableParallelization = true)]
    [InlineData("nft", "flush of filter", "iptables-nft -F")]
    [InlineData("nft", "flush of nat", "iptables-nft -t nat -F")]
    [InlineData("nft", "flush of everything", "nft flush ruleset")]
    [InlineData("legacy", "flush of filter", "iptables-legacy -F")]
    [InlineData("legacy", "flush of nat", "iptables-legacy -t nat -F")]
    [InlineData("nft", "reload", "iptables-nft-restore")]
    [InlineData("legacy", "reload", "iptables-legacy-restore")]
    public async Task Mode_iptables_heals_what_somebody_else_does(string backend, string what, string command)
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(pods: 2, $"iptables {backend} modern linear",
            new() { ["iptables"] = new JsonObject { ["syncPeriod"] = "500ms" } });
        await service.StartAsync();
        string Save() => service.Box.Node.Run(() => string.Join('\n', Tool.Run($"iptables-{backend}-save", []).Split('\n')
            .Where(static line => line.StartsWith("-A ", StringComparison.Ordinal)).Order(StringComparer.Ordinal)));
        string firewall = service.Box.Node.Run(() => Tool.Run($"iptables-{backend}-save", []));
        service.ServeFrom([service.Box.Pods[1]]);
        await service.ServedOnlyByAsync(["pod-2"]);
        // The other service may follow a moment later.
        await service.UntilAsync(() => Task.FromResult(Save()), ServiceInABox.Patience,
            saved => !saved.Contains($"{service.Box.Pods[0].V4}", StringComparison.Ordinal));
        string right = Save();

        string[] words = command.Split(' ');
        service.Box.Node.Run(() => Tool.Run(words[0], words[1..], what == "reload" ? firewall : ""));
        Assert.NotEqual(right, Save());

        await service.UntilAsync(() => Task.FromResult(Save()), TimeSpan.FromSeconds(30), saved => saved == right);
        await service.ServedOnlyByAsync(["pod-2"]);
    }

    /// <summary>Before, during and after the moment when the new rules are in force and the old ones go.</summary>
    [Theory(DisableParallelization = true)]
    [InlineData("nftables", "iptables nft modern linear")]
    [InlineData("iptables legacy modern linear", "iptables nft classic tree")]
    public async Task A_service_answers_through_kills_during_a_switch_and_the_next_start_completes_it(string one, string other)
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(pods: 3, one);
        for (int number = 0; number < 200; number++)
            Change(service, number % 20, apart: number / 20);
        await service.StartAsync();
        int seed = Environment.TickCount;
        var random = new Random(seed);
        for (int round = 0; round < ChurnSettings.Kills; round++)
        {
            service.Stop(kill: true);
            service.Variant = ProxyVariant.Parse(round % 2 == 0 ? other : one);
            service.StartOnly();
            await Task.Delay(random.Next(5, 700), TestContext.Current.CancellationToken);
            if (random.Next(2) == 0)
                service.KillWithTools();
            else
                service.Stop(kill: true);
            for (int request = 0; request < 10; request++)
                await AssertAnswersAsync(service, $"after kill {round}, seed {seed}");
            if (round % 3 != 2 && round != ChurnSettings.Kills - 1)
                continue;
            service.ServeFrom([service.Box.Pods[round % 2]]);
            service.StartOnly();
            await service.ServedOnlyByAsync([service.Box.Pods[round % 2].Name], isStarting: true);
        }
    }

    [Theory(DisableParallelization = true)]
    [MemberData(nameof(Variants))]
    public async Task A_service_answers_through_kills_at_random_instants_and_a_restart_converges(string variant)
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithoutKernelFor(variant);
        using var service = new ServiceInABox(pods: 3, variant);
        await service.StartAsync();
        // The seed is in the message of a failure: the same instants can be tried again.
        int seed = Environment.TickCount;
        var random = new Random(seed);
        for (int round = 0; round < ChurnSettings.Kills; round++)
        {
            using (var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(random.Next(5, 120))))
            {
                // pod-1 stays an endpoint before and after every change, so the service has to answer at every instant.
                for (int change = 0; !stop.IsCancellationRequested; change++)
                {
                    service.ServeFrom(change % 2 == 0 ? [service.Box.Pods[0], service.Box.Pods[1]]
                        : [service.Box.Pods[0], service.Box.Pods[2]]);
                    Churn(service, random.Next(1, 4));
                }
            }
            // A tool that lives on finishes what it was given, while the next proxy starts.
            if (random.Next(2) == 0)
                service.KillWithTools();
            else
                service.Stop(kill: true);
            for (int request = 0; request < 10; request++)
                await AssertAnswersAsync(service, $"after kill {round}, seed {seed}");
            service.ServeFrom([service.Box.Pods[0]]);
            service.StartOnly();
            await service.ServedOnlyByAsync(["pod-1"]);
        }
    }

    private static async Task AssertAnswersAsync(ServiceInABox service, string when)
    {
        try
        {
            await service.AskAsync(IpFamily.IPv4);
        }
        catch (Exception failure) when (failure is SocketException or OperationCanceledException or IOException)
        {
            Assert.Fail($"{when}: {failure.Message}\n{service.Box.Node.Run(static () => Tool.TryRun("nft", ["list", "ruleset"]).Output)}");
        }
    }

    private static int Churn(ServiceInABox service, double changesPerSecond, CancellationToken cancel)
    {
        long start = Stopwatch.GetTimestamp();
        int changes = 0;
        for (; !cancel.IsCancellationRequested; changes++)
        {
            Change(service, changes);
            TimeSpan due = TimeSpan.FromSeconds(changes / changesPerSecond) - Stopwatch.GetElapsedTime(start);
            if (due > TimeSpan.Zero)
                Thread.Sleep(due);
        }
        return changes;
    }

    private static void Churn(ServiceInABox service, int changes)
    {
        for (int number = 0; number < changes; number++)
            Change(service, number);
    }

    // Twenty services that come, change their endpoints and go.
    private static void Change(ServiceInABox service, int number, int apart = 0)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"other-{number % 20}-{apart}");
        var address = InetAddress.FromIPv4((172u << 24) | (30u << 16) | ((100u + (uint)apart) << 8) | (uint)(number % 20));
        JsonObject value = KubernetesObjects.Service("churn", name, [address], 80);
        IEnumerable<InetAddress> endpoints = Enumerable.Range(0, 1 + number % 7)
            .Select(index => InetAddress.FromIPv4((10u << 24) | (181u << 16) | (uint)(number + index) % 60000));
        JsonObject slice = KubernetesObjects.Slice("churn", name, IpFamily.IPv4, endpoints, 8080, node: null);
        switch (number / 20 % 4)
        {
            case 0:
                service.Apply(value);
                service.Apply(slice);
                break;
            case 3:
                service.Delete(slice);
                service.Delete(value);
                break;
            default:
                service.Apply(slice);
                break;
        }
    }
}
