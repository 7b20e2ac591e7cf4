using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Portolan.Inet;
using Portolan.Netlink.Conntrack;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>
/// Somebody flushes all rules again and again. What begins before they are back is not translated, and would stay so for as long as its
/// client tries.
/// </summary>
public sealed class FlushLoopTests
{
    private const ushort SinkPort = 514, SinkPodPort = 9514;
    private const int SendersPerFlush = 4;
    private static readonly TimeSpan s_betweenFlushes = TimeSpan.FromMilliseconds(200);
    private static readonly InetAddress s_sink = InetAddress.Parse("172.30.0.14");

    // A client whose packets fell into several gaps tries again after 1, 2, 4 and 8 seconds.
    private static readonly TimeSpan s_patienceOfClients = TimeSpan.FromSeconds(40);

    [Theory(DisableParallelization = true)]
    [InlineData("nftables", "nft flush ruleset")]
    [InlineData("iptables nft modern linear", "nft flush ruleset")]
    [InlineData("iptables legacy modern tree", "iptables-legacy -t nat -F")]
    public async Task Nobody_is_stuck_five_seconds_after_the_last_flush(string variant, string command)
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithout(command.Split(' ')[0]);
        using var service = new ServiceInABox(pods: 2, variant);
        ConcurrentDictionary<int, int> received = new();
        DatagramSink[] sinks = [.. service.Box.Pods.Select(pod =>
            service.Box.Pod(pod.Name).Run(() => new DatagramSink(SinkPodPort, received)))];
        service.Apply(KubernetesObjects.Service("shop", "sink", [s_sink], SinkPort, "UDP"));
        service.Apply(KubernetesObjects.Slice("shop", "sink", IpFamily.IPv4, service.Box.Pods.Select(static pod => pod.V4), SinkPodPort,
            NodeInABox.NodeName, "UDP"));
        await service.StartAsync();
        using NamedClient established = await NamedClient.ConnectAsync(service.Box.ClientSockets, ServiceInABox.Tcp(IpFamily.IPv4),
            ServiceInABox.Patience);
        string pod = await established.AskAsync(ServiceInABox.Patience);
        using var senders = new DatagramSenders(service.Box.ClientSockets, new IPEndPoint(s_sink.ToIPAddress(), SinkPort));

        using var stop = new CancellationTokenSource();
        Task<SteadyLoad> load = SteadyLoad.RunAsync(() => ConnectAsync(service), perSecond: 100, stop.Token);
        int flushes = await FlushAsync(service, command, senders);
        await stop.CancelAsync();

        await Task.Delay(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        var sink = new InetEndpoint(s_sink, SinkPort);
        var web = new InetEndpoint(InetAddress.From(ServiceInABox.Tcp(IpFamily.IPv4).Address), 80);
        ConntrackEntry[] stuck = [.. TrackedConnections.To(service.Box.Node, IpProtocol.Udp, sink)
            .Concat(TrackedConnections.To(service.Box.Node, IpProtocol.Tcp, web))
            .Where(static entry => !TrackedConnections.IsTranslated(entry) && (entry.Status & ConntrackStatus.SeenReply) == 0)];
        Dictionary<int, int> before = new(received);
        await service.UntilAsync(
            () => Task.FromResult(string.Join(' ', Enumerable.Range(0, senders.Count).Where(number =>
                received.GetValueOrDefault(number) == before.GetValueOrDefault(number)))),
            ServiceInABox.Patience, static silent => silent.Length == 0);
        SteadyLoad result = await load;

        TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
            $"{variant}: {flushes} flushes, {result.Requests} connections, {senders.Count} senders; p99 {result.Percentile(0.99):f1} ms"));
        Assert.Empty(stuck);
        // A flush takes translation from open connections as well, for as long as it lasts: what is reset by it may begin again at once.
        Assert.DoesNotContain(result.Failures, static failure => !failure.Contains("refused", StringComparison.Ordinal)
            && !failure.Contains("reset", StringComparison.Ordinal));
        Assert.Equal(pod, await established.AskAsync(ServiceInABox.Patience));
        Assert.True(senders.Count >= 100, $"only {senders.Count} senders");
        Array.ForEach(sinks, static each => each.Dispose());
    }

    private static async Task ConnectAsync(ServiceInABox service)
    {
        using NamedClient client = await NamedClient.ConnectAsync(service.Box.ClientSockets, ServiceInABox.Tcp(IpFamily.IPv4),
            s_patienceOfClients);
    }

    private static async Task<int> FlushAsync(ServiceInABox service, string command, DatagramSenders senders)
    {
        string[] words = command.Split(' ');
        long start = Stopwatch.GetTimestamp();
        int round = 0;
        for (; round * s_betweenFlushes < ChurnSettings.FlushLoop; round++)
        {
            Task flush = Task.Run(() => service.Box.Node.Run(() => Tool.Run(words[0], words[1..])), CancellationToken.None);
            // Some of them fall into the gap, wherever it is.
            for (int sender = 0; sender < SendersPerFlush; sender++)
            {
                senders.Add();
                await Task.Delay(TimeSpan.FromMilliseconds(5), TestContext.Current.CancellationToken);
            }
            await flush;
            TimeSpan due = (round + 1) * s_betweenFlushes - Stopwatch.GetElapsedTime(start);
            if (due > TimeSpan.Zero)
                await Task.Delay(due, TestContext.Current.CancellationToken);
        }
        return round;
    }
}
