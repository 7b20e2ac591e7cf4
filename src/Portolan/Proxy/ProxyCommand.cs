using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Host;
using Portolan.DataPlanes.IpTables;
using Portolan.Netlink.Core;
using Portolan.Proxy.Logging;
using Portolan.Sources;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>"portolan proxy": keeps the kernel in step with the cluster until SIGTERM, and leaves the rules in place.</summary>
internal static class ProxyCommand
{
    private const int Failed = 1;

    public static Command Create()
    {
        var flags = new ProxyFlags();
        Option<string> config = new("--config") { Description = "A KubeProxyConfiguration file, as kube-proxy reads it." };
        Option<string> manifests = new("--manifests")
        {
            Description = "A folder of Services, EndpointSlices and Nodes as YAML or JSON, followed live in place of an API server.",
        };
        Option<string> master = new("--master") { Description = "Address of the API server, in place of the kubeconfig's." };
        Option<bool> cleanup = new("--cleanup") { Description = "Remove all rules Portolan ever wrote, in every mode, and end.", Aliases = { "--cleanup-iptables" } };
        Option<bool> counters = new("--counters") { Description = "Count new connections for each frontend (mode nftables)." };
        Option<IpTablesLayout> layout = new("--iptables-layout") { Description = "Chains of mode iptables: modern as kube-proxy v1.36, classic as before v1.24." };
        Option<IpTablesDispatch> dispatch = new("--iptables-dispatch") { Description = "How mode iptables finds a service: linear or tree." };
        Option<IpTablesBackend> backend = new("--iptables-backend") { Description = "Kernel interface of mode iptables: auto, nft or legacy." };
        var command = new Command("proxy", "Serve the cluster's Services on this node: the work of kube-proxy.")
        {
            config, manifests, master, cleanup, counters, layout, dispatch, backend,
        };
        flags.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            ProxySettings settings;
            try
            {
                KubeProxyConfig read = KubeProxyConfig.Load(parsed.GetValue(config), flags.From(parsed));
                settings = new ProxySettings(read, parsed.GetValue(manifests))
                {
                    Master = parsed.GetValue(master),
                    WithCounters = parsed.GetValue(counters),
                    Layout = parsed.GetValue(layout),
                    Dispatch = parsed.GetValue(dispatch),
                    Backend = parsed.GetValue(backend),
                };
            }
            catch (SourceException wrong)
            {
                return Fail(wrong.Message);
            }
            if (settings.Config.Mode == ProxyMode.Ipvs)
                return Fail("mode: ipvs is not served by Portolan; take nftables or iptables.");
            if (KernelSupport.WhatIsMissing() is { } missing)
                return Fail($"portolan proxy cannot run: {missing}.");
            if (parsed.GetValue(cleanup))
                return CleanUp();
            if (settings.Config.Mode == ProxyMode.IpTables && IpTablesPlane.WhatIsMissing(settings.Backend, Socket.OSSupportsIPv6) is { } tools)
                return Fail($"portolan proxy cannot run: {tools}.");
            return await RunAsync(settings).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<int> RunAsync(ProxySettings settings)
    {
        using var stop = new CancellationTokenSource();
        using PosixSignalRegistration onTerm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using ILoggerFactory loggers =
            ProxyLogging.Create(settings.Config.LogFormat == "json", settings.Config.LogVerbosity, TimeProvider.System);
        try
        {
            await Composition.RunProxyAsync(settings, loggers, stop.Token).ConfigureAwait(false);
            return 0;
        }
        catch (Exception failure) when (failure is SourceException or NetlinkException or IOException)
        {
            return Fail(failure.Message);
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    private static int CleanUp()
    {
        try
        {
            using ProxyLock? held = ProxyLock.TryTake();
            if (held is null)
            {
                using ProxyLock.Holder? holder = ProxyLock.FindHolder();
                return Fail($"nothing was removed: a proxy works in this network namespace and would write its rules again: " +
                    $"{holder?.ToString() ?? "it cannot be asked who it is"}. " +
                    $"End it first; 'ss -xlp' on the node shows who holds {ProxyLock.ShownName}.");
            }
            IReadOnlyList<string> removed = OtherRules.RemoveAll();
            Console.WriteLine(removed.Count == 0 ? "There was nothing to remove." : $"Removed {string.Join(", ", removed)}.");
            return 0;
        }
        catch (Exception failure) when (failure is NetlinkException or IOException or InvalidOperationException or SocketException)
        {
            return Fail($"not everything could be removed: {failure.Message}");
        }
    }

    private static int Fail(string message)
    {
        foreach (string line in message.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Console.Error.WriteLine(line);
        return Failed;
    }
}
