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

namespace Portolan.Proxy;

/// <summary>Composes the proxy: source -> loop ->  service table -> plane -> kernel, and the observers of the loop.</summary>
internal static class Composition
{
    private static readonly TimeSpan s_bindRetry = TimeSpan.FromSeconds(5);

    // Fields that have an effect here; a section includes everything below it. Other fields in a file are accepted with a warning.
    private static readonly HashSet<string> s_honouredFields = new(StringComparer.Ordinal)
    {
        "apiVersion", "kind", "bindAddress", "bindAddressHardFail", "clientConnection.kubeconfig", "clusterCIDR", "conntrack",
            "detectLocal",
        "detectLocalMode", "healthzBindAddress", "hostnameOverride", "iptables", "logging.format", "logging.verbosity",
            "metricsBindAddress",
        "mode", "nftables", "nodePortAddresses", "oomScoreAdj",
    };

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
        foreach (string warning in config.Unhonoured(s_honouredFields))
            log.ConfigWarning(warning);
        using NamespaceLease? lease = await NamespaceLease.WaitAsync(HealthzAddress(config), log, loggers, stop).ConfigureAwait(false);
        if (lease is null)
            return;
        PrepareMachine(config, log);

        using IDataPlane plane = settings.Provider.Open(settings.PlaneOptions, loggers);
        using KernelLocalAddresses addresses = KernelLocalAddresses.Open();
        using KernelConntrackTable conntrack = KernelConntrackTable.Open();
        IClusterSource source = SourceFor(settings, nodeName, loggers, time);
        log.ModeChosen(settings.ModeReason);
        using var loop = new SyncLoop(
            plane,
            new ServiceTable(config.PolicyFor(nodeName)),
            addresses,
            new SyncLoopOptions { MinSyncPeriod = config.ModeInUse.MinSyncPeriod },
            loggers.CreateLogger<SyncLoop>(),
            time);

        var background = new BackgroundWork(log, time);
        var metrics = new ProxyMetrics();
        // kube-proxy: a change that waits for two sync periods makes the proxy unhealthy.
        var health = new ProxyHealth(loop, config.ModeInUse.SyncPeriod * 2, metrics, background, time);
        var http = new HttpServer(loggers);
        await using (http.ConfigureAwait(false))
        {
            using var healthChecks = new HealthCheckPorts(http, health, loggers.CreateLogger<HealthCheckPorts>(), time);
            var cleaner = new ConntrackObserver(new ConntrackCleaner(conntrack), loggers.CreateLogger<ConntrackObserver>());
            // First, because a client that still sends to an endpoint that no longer exists waits for this.
            loop.Observe("conntrack clean-up", cleaner.Follow);
            loop.Observe("health check ports", healthChecks.Follow);
            metrics.Watch(loop);
            metrics.Watch(plane);

            using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
            _ = RemoveOtherRulesAsync(loop, plane, log, end.Token);
            await http.StartAsync(end.Token).ConfigureAwait(false);
            // The predecessor's addresses become free a moment after its lease, not before.
            bool hardFail = config.BindAddressHardFail && !lease.HasWaited;
            Task[] work =
            [
                ListenAsync(http, "healthzBindAddress", HealthzAddress(config), health.HandleAsync, hardFail, log, end.Token),
                ListenAsync(http, "metricsBindAddress", EndPointOf(config.MetricsBindAddress),
                    context => AnswerMetricsAsync(context, metrics, plane.Mode),
                    hardFail, log, end.Token),
                background.RunAsync("following the node's addresses", addresses.FollowAsync, end.Token),
                // On pool threads: neither the source's reading nor the loop's writing may delay the start of the other.
                Task.Run(() => loop.RunAsync(end.Token), CancellationToken.None),
                Task.Run(() => source.RunAsync(loop.Events, end.Token), CancellationToken.None),
            ];
            await RunUntilOneEndsAsync(work, end).ConfigureAwait(false);
        }
    }

    private static void PrepareMachine(KubeProxyConfig config, ProxyLog log)
    {
        if (NodeSettings.SetOomScore(config.OomScoreAdj) is { } failure)
            log.OomScoreNotSet(config.OomScoreAdj, failure);
        ConntrackConfig conntrack = config.Conntrack;
        var settings = new ConntrackSettings(
            conntrack.MaxPerCore == 0
                ? 0 : Math.Max(conntrack.Min, (int)Math.Min(int.MaxValue, (long)conntrack.MaxPerCore * Environment.ProcessorCount)),
            conntrack.TcpEstablishedTimeout, conntrack.TcpCloseWaitTimeout, conntrack.TcpBeLiberal, conntrack.UdpTimeout,
                conntrack.UdpStreamTimeout);
        foreach (string problem in NodeSettings.Apply(settings))
            log.SettingNotMade(problem);
    }

    private static IClusterSource SourceFor(ProxySettings settings, string nodeName, ILoggerFactory loggers, TimeProvider time) =>
        settings.Manifests is { } folder
            ? new ManifestSource(folder, nodeName, loggers.CreateLogger<ManifestSource>(), time)
            : new KubernetesSource(
                settings.Config.ClientConnection.Kubeconfig, nodeName, loggers.CreateLogger<KubernetesSource>(), time, Random.Shared,
                    settings.Master);

    // kube-proxy listens on all addresses by default. Here nothing is open to the network unless it is configured.
    private static IPEndPoint HealthzAddress(KubeProxyConfig config) => config.FieldsSet.Contains("healthzBindAddress")
        ? EndPointOf(config.HealthzBindAddress)
        : new IPEndPoint(IPAddress.Loopback, config.HealthzBindAddress.Port);

    private static IPEndPoint EndPointOf(InetEndpoint endpoint) => new(endpoint.Address.ToIPAddress(), endpoint.Port);

    private static async Task ListenAsync(
        HttpServer http, string field, IPEndPoint address, RequestDelegate handler, bool hardFail, ProxyLog log, CancellationToken cancel)
    {
        for (bool isFirst = true; ; isFirst = false)
        {
            try
            {
                using IDisposable listener = http.Listen(address, handler);
                await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(false);
            }
            catch (SocketException failure) when (hardFail)
            {
                throw new IOException($"{field}: cannot listen on {address}: {failure.Message}", failure);
            }
            catch (SocketException failure)
            {
                if (isFirst)
                    log.NotListening(field, address, failure.Message, s_bindRetry.TotalSeconds);
                await Task.Delay(s_bindRetry, cancel).ConfigureAwait(false);
            }
        }
    }

    private static Task AnswerMetricsAsync(HttpContext context, ProxyMetrics metrics, string mode) => context.Request.Path.Value switch
    {
        "/metrics" => metrics.HandleAsync(context),
        "/proxyMode" => Answers.TextAsync(context, mode),
        "/healthz" => Answers.TextAsync(context, "ok"),
        _ => Answers.NotFoundAsync(context),
    };

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
