using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Host;
using Portolan.DataPlanes.Sync;
using Portolan.Http;
using Portolan.Inet;
using Portolan.Proxy.Health;
using Portolan.Services.Planning;
using Portolan.Sources;
using Portolan.Sources.Api;
using Portolan.Sources.Configuration;
using Portolan.Sources.Manifests;
using Portolan.WebConsole;

namespace Portolan.Proxy;

/// <summary>Composes the proxy: source -> loop ->  service table -> plane -> kernel, and the observers of the loop.</summary>
internal static class Composition
{
    private static readonly TimeSpan s_bindRetry = TimeSpan.FromSeconds(5);

    /// <summary>Runs the proxy until cancelled; the rules stay. First waits for any other proxy in this network namespace.</summary>
    /// <exception cref="SourceException">The source cannot be used as configured.</exception>
    /// <exception cref="Netlink.Core.NetlinkException">The kernel cannot be reached over netlink.</exception>
    /// <exception cref="IOException">Listening on a port failed, and bindAddressHardFail is set.</exception>
    public static async Task RunProxyAsync(ProxySettings settings, ILoggerFactory loggers, CancellationToken stop)
    {
        KubeProxyConfig config = settings.Config;
        TimeProvider time = TimeProvider.System;
        var log = new ProxyLog(loggers.CreateLogger<ProxyLog>());
        string nodeName = config.NodeName(File.ReadAllText("/proc/sys/kernel/hostname"));
        // First of all: what is wrong with it stays the only line.
        var changes = new PendingChanges(time);
        var metrics = new ProxyMetrics(settings.PlaneOptions.WithIPv6, changes);
        EventRecorder? recorder = settings.Manifests is not null ? null
            : new EventRecorder(nodeName, loggers.CreateLogger<EventRecorder>(), time);
        IClusterSource source = SourceFor(settings, nodeName, metrics, recorder, loggers, time);
        foreach (string warning in settings.Warnings)
            log.ConfigWarning(warning);
        IPEndPoint healthzAddress = HealthzAddress(settings);
        using NamespaceLease? lease = await NamespaceLease.WaitAsync(healthzAddress, log, loggers, stop).ConfigureAwait(false);
        if (lease is null)
            return;
        if (NodeSettings.SetOomScore(config.OomScoreAdj) is { } failure)
            log.OomScoreNotSet(config.OomScoreAdj, failure);
        foreach (string problem in PrepareMachine(config))
            log.SettingNotMade(problem);

        using IDataPlane plane = settings.Provider.Open(settings.PlaneOptions, loggers);
        using KernelLocalAddresses addresses = KernelLocalAddresses.Open();
        using KernelConntrackTable conntrack = KernelConntrackTable.Open();
        log.ModeChosen(settings.ModeReason);
        using var loop = new SyncLoop(
            plane,
            new ServiceTable(config.PolicyFor(nodeName)),
            addresses,
            new SyncLoopOptions { MinSyncPeriod = config.ModeInUse.MinSyncPeriod },
            loggers.CreateLogger<SyncLoop>(),
            time);

        var background = new BackgroundWork(loggers.CreateLogger<BackgroundWork>(), time);
        var cleaner = new ConntrackObserver(new ConntrackCleaner(conntrack), loggers.CreateLogger<ConntrackObserver>())
        {
            Cleaned = metrics.NoteConntrack,
        };
        // kube-proxy: a change that waits for two sync periods makes the proxy unhealthy.
        var health = new ProxyHealth(loop, config.ModeInUse.SyncPeriod * 2, metrics, background, cleaner, time)
        {
            Details = new ProxyDetails(settings, loop, nodeName, time).Write,
        };
        var events = new ProxyEvents(recorder, nodeName);
        var pages = new DebugPages(config, metrics, plane.Mode, time);
        var http = new HttpServer(loggers, time);
        await using (http.ConfigureAwait(false))
        {
            using var healthChecks = new HealthCheckPorts(http, health, events, loggers.CreateLogger<HealthCheckPorts>(), time);
            // First, because a client that still sends to an endpoint that no longer exists waits for this.
            loop.Observe("conntrack clean-up", cleaner.Follow);
            loop.Observe("health check ports", healthChecks.Follow);
            loop.Observe("events", events.Follow);
            metrics.Watch(loop);
            metrics.Watch(plane, settings.ModeReason);

            using ProxyConsole? console = ConsoleOf(settings, nodeName, loop, time, stop);
            var nodeCheck = new NodeCheck(config, nodeName, log);
            var changesIn = new ClusterTap(loop.Events, (change, _) => nodeCheck.Look(change), changes.Note);
            events.Started();
            using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
            _ = RemoveOtherRulesAsync(loop, plane, log, end.Token);
            await http.StartAsync(end.Token).ConfigureAwait(false);
            // The predecessor's addresses become free a moment after its lease, not before.
            bool hardFail = config.BindAddressHardFail && !lease.HasWaited;
            Task[] work =
            [
                ListenAsync(http, "healthzBindAddress", healthzAddress, health.HandleAsync, hardFail, log, events, end.Token),
                ListenAsync(
                    http, "metricsBindAddress", EndPointOf(config.MetricsBindAddress), pages.HandleAsync, hardFail, log, events, end.Token),
                background.RunAsync("following the node's addresses", addresses.FollowAsync, end.Token),
                background.RunAsync("conntrack clean-up", cleaner.RunAsync, end.Token),
                // On pool threads: neither the source's reading nor the loop's writing may delay the start of the other.
                Task.Run(() => loop.RunAsync(end.Token), CancellationToken.None),
                Task.Run(() => source.RunAsync(changesIn, end.Token), CancellationToken.None),
                ConfigFileWatch.RunAsync(settings.ConfigFile, log, time, end.Token),
                .. ConsoleWork(settings, console, http, background, log, events, end.Token),
            ];
            await RunUntilOneEndsAsync(work, end).ConfigureAwait(false);
        }
    }

    /// <summary>Makes the settings of connection tracking.</summary>
    /// <returns>One line for each that could not be made.</returns>
    internal static IReadOnlyList<string> PrepareMachine(KubeProxyConfig config)
    {
        ConntrackConfig conntrack = config.Conntrack;
        return NodeSettings.Apply(new ConntrackSettings(
            ConntrackSettings.MaxFor(conntrack.MaxPerCore, conntrack.Min, NodeSettings.CountCpus()),
            conntrack.TcpEstablishedTimeout, conntrack.TcpCloseWaitTimeout, conntrack.TcpBeLiberal, conntrack.UdpTimeout,
            conntrack.UdpStreamTimeout));
    }

    private static ProxyConsole? ConsoleOf(
        ProxySettings settings, string nodeName, SyncLoop loop, TimeProvider time, CancellationToken stop)
    {
        if (settings is not { Console: var (address, token), Timeline: { } timeline })
            return null;
        ImmutableArray<string> cluster = settings.Manifests is { } folder ? [$"--manifests={folder}", $"--node={nodeName}"]
            : settings.Config.ClientConnection.Kubeconfig.Length == 0 ? ["--in-cluster", $"--node={nodeName}"] : [];
        var console = new ProxyConsole(address, token, nodeName, cluster,
            settings.Manifests is null ? ClusterCommands.OfOneService : ClusterCommands.All, settings.Manifests,
            () => timeline.ToJson(settings), time, stop);
        timeline.Added = console.NoteEntry;
        loop.Observe("timeline", timeline.Follow);
        loop.Observe("console", _ => console.NoteChange());
        return console;
    }

    private static IEnumerable<Task> ConsoleWork(
        ProxySettings settings, ProxyConsole? console, HttpServer http, BackgroundWork background, ProxyLog log, ProxyEvents events,
        CancellationToken cancel)
    {
        if (console is null || settings.Console is not var (address, token))
            yield break;
        yield return ListenAsync(http, "console", address, console.HandleAsync, hardFail: false, log, events, cancel);
        yield return background.RunAsync("the console", console.RunAsync, cancel);
        log.ConsoleAt(ConsoleToken.AddressOf(address, token));
    }

    private static IClusterSource SourceFor(
        ProxySettings settings, string nodeName, ProxyMetrics metrics, EventRecorder? recorder, ILoggerFactory loggers,
        TimeProvider time)
    {
        if (settings.Manifests is { } folder)
            return new ManifestSource(folder, nodeName, loggers.CreateLogger<ManifestSource>(), time);
        var source = new KubernetesSource(
            settings.Config.ClientConnection.Kubeconfig, nodeName, loggers.CreateLogger<KubernetesSource>(), time, Random.Shared,
            settings.Master)
        {
            Requested = metrics.Api.Note,
            Events = recorder,
            RequestsPerSecond = settings.Config.ClientConnection.Qps,
            RequestsAtOnce = settings.Config.ClientConnection.Burst,
        };
        source.Prepare();
        return source;
    }

    // kube-proxy answers on all addresses unless told otherwise, and load balancers of clouds rely on it. Without its name and its
    // configuration nothing is open to the network that nobody asked for.
    private static IPEndPoint HealthzAddress(ProxySettings settings)
    {
        KubeProxyConfig config = settings.Config;
        return settings.ActsAsKubeProxy || config.FieldsSet.Contains("healthzBindAddress")
            ? EndPointOf(config.HealthzBindAddress)
            : new IPEndPoint(IPAddress.Loopback, config.HealthzBindAddress.Port);
    }

    private static IPEndPoint EndPointOf(InetEndpoint endpoint) => new(endpoint.Address.ToIPAddress(), endpoint.Port);

    private static async Task ListenAsync(
        HttpServer http, string field, IPEndPoint address, RequestDelegate handler, bool hardFail, ProxyLog log, ProxyEvents events,
        CancellationToken cancel)
    {
        // Turned off by --healthz-port=0 or --metrics-port=0.
        if (address.Port == 0)
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(false);
        for (bool isFirst = true; ; isFirst = false)
        {
            try
            {
                using IDisposable listener = http.ListenForPages(address, handler);
                log.Listening(field, address, address.Address.Equals(IPAddress.Any) || address.Address.Equals(IPAddress.IPv6Any)
                    ? "all addresses of both families" : "this address alone");
                await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(false);
            }
            catch (SocketException failure) when (hardFail)
            {
                throw new IOException($"{field}: cannot listen on {address}: {failure.Message}", failure);
            }
            catch (SocketException failure)
            {
                if (isFirst)
                {
                    log.NotListening(field, address, failure.Message, s_bindRetry.TotalSeconds);
                    events.NotListening(field, address, failure.Message);
                }
                await Task.Delay(s_bindRetry, cancel).ConfigureAwait(false);
            }
        }
    }

    private static async Task RemoveOtherRulesAsync(SyncLoop loop, IDataPlane plane, ProxyLog log, CancellationToken cancel)
    {
        try
        {
            await loop.InitialSyncCompleted.WaitAsync(cancel).ConfigureAwait(false);
            CleanUpResult result = OtherRules.Remove(Registry.Providers, plane);
            foreach (string removed in result.Removed)
                log.OtherRulesRemoved(plane.Mode, removed);
            foreach (CleanUpFailure failure in result.Failures)
                log.OtherRulesStay(plane.Mode, failure.Mode, failure.Reason);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Nothing is in force, so no other rules may be removed.
        }
    }

    private static async Task RunUntilOneEndsAsync(Task[] work, CancellationTokenSource end)
    {
        Task first = await Task.WhenAny(work).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        try
        {
            await first.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }
}
