using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>What users notice, or must not notice, while the cluster or the proxy changes. Each test has the machine to itself.</summary>
public sealed class ContinuityTests
{
    [Theory(DisableParallelization = true)]
    [InlineData(IpFamily.IPv4)]
    [InlineData(IpFamily.IPv6)]
    public async Task An_established_connection_survives_the_removal_of_its_endpoint(IpFamily family)
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(pods: 3);
        await service.StartAsync();
        using NamedClient connection = await NamedClient.ConnectAsync(service.Box.ClientSockets, ServiceInABox.Tcp(family), ServiceInABox.Patience);
        string pod = await connection.AskAsync(ServiceInABox.Patience);

        var others = service.Box.Pods.Where(other => other.Name != pod).ToList();
        service.ServeFrom(others);
        await service.ServedOnlyByAsync([.. others.Select(static other => other.Name)]);

        Assert.Equal(pod, await connection.AskAsync(ServiceInABox.Patience));
    }

    [Theory(DisableParallelization = true)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Established_and_new_connections_survive_a_restart_of_the_proxy(bool kill)
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(pods: 2);
        await service.StartAsync();
        using NamedClient connection = await NamedClient.ConnectAsync(service.Box.ClientSockets, ServiceInABox.Tcp(IpFamily.IPv4), ServiceInABox.Patience);
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

    [Fact(DisableParallelization = true)]
    public async Task No_connection_to_a_stable_service_is_lost_while_others_change()
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(pods: 3);
        await service.StartAsync();

        using var stop = new CancellationTokenSource(ChurnSettings.Churn);
        Task<int> churn = Task.Run(() => Churn(service, changesPerSecond: 100, stop.Token), CancellationToken.None);
        SteadyLoad load = await SteadyLoad.RunAsync(() => service.AskAsync(IpFamily.IPv4), perSecond: 200, stop.Token);
        int changes = await churn;

        Assert.Empty(load.Failures);
        TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
            $"{load.Requests} connections in {ChurnSettings.Churn.TotalSeconds} s during {changes} changes; p99 {load.Percentile(0.99):f1} ms"));
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
                () => NamedClient.AskOnceAsync(service.Box.ClientSockets, ServiceInABox.Tcp(IpFamily.IPv4), TimeSpan.FromMilliseconds(20)), ServiceInABox.Patience);
            times.Add(time.TotalMilliseconds);
        }
        times.Sort();
        TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
            $"healed {times.Count} times; median {times[times.Count / 2]:f1} ms, worst {times[^1]:f1} ms"));
    }

    [Fact(DisableParallelization = true)]
    public async Task A_service_answers_through_kills_at_random_instants_and_a_restart_converges()
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(pods: 3);
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
                    service.ServeFrom(change % 2 == 0 ? [service.Box.Pods[0], service.Box.Pods[1]] : [service.Box.Pods[0], service.Box.Pods[2]]);
                    Churn(service, random.Next(1, 4));
                }
            }
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
    private static void Change(ServiceInABox service, int number)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"other-{number % 20}");
        var address = InetAddress.FromIPv4((172u << 24) | (30u << 16) | (100u << 8) | (uint)(number % 20));
        JsonObject value = KubernetesObjects.Service("churn", name, [address], 80);
        IEnumerable<InetAddress> endpoints = Enumerable.Range(0, 1 + number % 7).Select(index => InetAddress.FromIPv4((10u << 24) | (181u << 16) | (uint)(number + index) % 60000));
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
