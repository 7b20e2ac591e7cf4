using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Portolan.Inet;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>
/// Two proxies in one network namespace, as during an update of a DaemonSet, or by mistake: one works, the other waits for its end.
/// </summary>
public sealed class TwoProxiesTests
{
    private const string Name = "\0portolan/proxy";
    private static readonly Uri s_healthz = new("http://127.0.0.1:10356/healthz"), s_livez = new("http://127.0.0.1:10356/livez");

    [Theory(DisableParallelization = true)]
    [InlineData("nftables", "nftables", true)]
    [InlineData("nftables", "iptables nft modern linear", true)]
    [InlineData("iptables legacy modern linear", "nftables", false)]
    [InlineData("iptables nft classic tree", "iptables nft modern linear", true)]
    public async Task The_second_waits_and_takes_over_without_a_lost_connection(string one, string other, bool kill)
    {
        Lab.SkipWithoutNamespaces();
        Lab.SkipWithout("nft", "iptables-legacy-save");
        using var service = new ServiceInABox(pods: 3, one);
        await service.StartAsync();
        using NamedClient connection = await NamedClient.ConnectAsync(service.Box.ClientSockets, ServiceInABox.Tcp(IpFamily.IPv4),
            ServiceInABox.Patience);
        string pod = await connection.AskAsync(ServiceInABox.Patience);
        string rules = Rules(service);
        using var second = new NodeProgram(service.Box.Node, [.. SecondProxy(service, other)]);

        await second.UntilAsync(() => second.Errors.Contains($"process {service.ProcessId} (", StringComparison.Ordinal),
            "a line that names the first proxy");
        Assert.Contains("Nothing is written here until it ends", second.Errors, StringComparison.Ordinal);
        await second.UntilAsync(() => Answers(service, s_healthz, 503), "healthz that says 503");
        Assert.True(Answers(service, s_livez, 200), "livez is not well");
        Assert.Equal(rules, Rules(service));
        // The first goes on with its work.
        service.ServeFrom([service.Box.Pods[0], service.Box.Pods[1]]);
        await service.ServedOnlyByAsync(["pod-1", "pod-2"]);
        Assert.DoesNotContain("in force", second.Errors, StringComparison.Ordinal);

        using var stop = new CancellationTokenSource();
        Task<SteadyLoad> load = SteadyLoad.RunAsync(() => service.AskAsync(IpFamily.IPv4), perSecond: 200, stop.Token);
        long ended = Stopwatch.GetTimestamp();
        service.Stop(kill);
        await second.UntilAsync(() => second.Errors.Contains(" are in force", StringComparison.Ordinal), "the second proxy's rules");
        TimeSpan gap = Stopwatch.GetElapsedTime(ended);
        service.ServeFrom([service.Box.Pods[1]]);
        await service.ServedOnlyByAsync(["pod-2"]);
        await second.UntilAsync(() => Answers(service, s_healthz, 200), "healthz that says 200");
        await stop.CancelAsync();
        SteadyLoad result = await load;

        Assert.Empty(result.Failures);
        Assert.Equal(pod, await connection.AskAsync(ServiceInABox.Patience));
        TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
            $"{one}, then {other}: {gap.TotalMilliseconds:f0} ms from the end of one to the rules of the other; {result.Requests} " +
            $"connections, slowest {result.Percentile(1):f1} ms"));
    }

    [Fact]
    public async Task Whoever_has_the_name_is_named_and_is_waited_for()
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(pods: 1);
        Socket anybody = service.Box.Node.Run(static () => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
        using (anybody)
        {
            anybody.Bind(new UnixDomainSocketEndPoint(Name));
            // It does not listen: it cannot be asked.
            using var proxy = new NodeProgram(service.Box.Node, [.. SecondProxy(service, "nftables")]);
            await proxy.UntilAsync(() => proxy.Errors.Contains("a process that cannot be identified", StringComparison.Ordinal),
                "a line about a silent holder");

            anybody.Listen();
            await proxy.UntilAsync(() => proxy.Errors.Contains($"process {Environment.ProcessId} (", StringComparison.Ordinal),
                "a line that names this test");
            (int status, string output, string errors) = NodeProgram.Run(service.Box.Node, "proxy", "--cleanup");
            Assert.Equal((1, ""), (status, output));
            Assert.Contains($"nothing was removed: a proxy is active in this network namespace and would write its rules again: process " +
                $"{Environment.ProcessId} (", errors, StringComparison.Ordinal);

            anybody.Dispose();
            await proxy.UntilAsync(() => proxy.Errors.Contains("taking over", StringComparison.Ordinal), "the end of the wait");
            await service.ServedOnlyByAsync(["pod-1"], isStarting: true);
        }
    }

    [Fact]
    public async Task A_proxy_that_waits_can_be_stopped_and_leaves_the_first_alone()
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(pods: 1);
        await service.StartAsync();
        using var second = new NodeProgram(service.Box.Node, [.. SecondProxy(service, "nftables")]);
        await second.UntilAsync(() => second.Errors.Contains("another proxy is active", StringComparison.Ordinal), "the wait");

        second.Signal("TERM");

        Assert.Equal(0, second.WaitForExit());
        await service.ServedOnlyByAsync(["pod-1"]);
    }

    [Fact]
    public async Task Proxies_of_two_namespaces_know_nothing_of_each_other()
    {
        Lab.SkipWithoutNamespaces();
        using var one = new ServiceInABox(pods: 1);
        using var other = new ServiceInABox(pods: 1);

        await Task.WhenAll(one.StartAsync(), other.StartAsync());

        Assert.DoesNotContain("another proxy is active", one.Describe() + other.Describe(), StringComparison.Ordinal);
    }

    private static string[] SecondProxy(ServiceInABox service, string variant)
    {
        ProxyVariant parsed = ProxyVariant.Parse(variant);
        return
        [
            "proxy", "--manifests", service.Manifests, "--hostname-override", NodeInABox.NodeName, "--proxy-mode",
                parsed.Mode.ToConfigText(), .. parsed.Flags,
            "--cluster-cidr", "10.0.0.0/8,fd00:10::/32", "--conntrack-max-per-core", "0",
            "--healthz-bind-address", "127.0.0.1:10356", "--metrics-bind-address", "127.0.0.1:10349",
        ];
    }

    private static bool Answers(ServiceInABox service, Uri url, int status) =>
        service.Box.Node.Run(() => LabHttp.Check(new HttpProbe(url, status, Contains: null, Header: null))) is null;

    // Without what packets change: counters of chains and rules.
    private static string Rules(ServiceInABox service) => service.Box.Node.Run(static () =>
        Tool.Run("nft", ["--stateless", "list", "ruleset"]) + string.Join('\n', Tool.Run("iptables-legacy-save", []).Split('\n')
            .Where(static line => !line.StartsWith('#')).Select(static line => line.Split('[')[0])));
}
