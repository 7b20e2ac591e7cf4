using System.Collections.Immutable;
using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Host;
using Portolan.Netlink.Core;
using Portolan.Proxy.Logging;
using Portolan.Sources;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>"portolan proxy": keeps the kernel up to date with the cluster until SIGTERM, and leaves the rules in place.</summary>
internal static class ProxyCommand
{
    private const int Failed = 1;

    public static Command Create()
    {
        var flags = new ProxyFlags();
        Option<string> config = new("--config") { Description = "A KubeProxyConfiguration file, as kube-proxy reads it." };
        Option<string> manifests = new("--manifests")
        {
            Description = "A folder of Services, EndpointSlices and Nodes as YAML or JSON, watched for changes, instead of an API server.",
        };
        Option<string> master = new("--master") { Description = "Address of the API server, instead of the kubeconfig's." };
        Option<bool> cleanup = new("--cleanup")
        {
            Description = "Remove all rules Portolan ever wrote, in every mode, and exit.",
            Aliases = { "--cleanup-iptables" }
        };
        var planeFlags = new PlaneFlags();
        var command = new Command("proxy", "Serve the cluster's Services on this node, as kube-proxy does.")
        {
            config, manifests, master, cleanup,
        };
        planeFlags.AddTo(command);
        flags.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            KubeProxyConfig read;
            try
            {
                read = KubeProxyConfig.Load(parsed.GetValue(config), flags.From(parsed));
            }
            catch (SourceException wrong)
            {
                return Fail(wrong.Message);
            }
            if (KernelSupport.WhatIsMissing() is { } missing)
                return Fail($"portolan proxy cannot run: {missing}.");
            if (parsed.GetValue(cleanup))
                return CleanUp();
            ImmutableDictionary<string, string> given = planeFlags.From(parsed);
            ModeChoice choice = ModeChoice.Of(read, config => PlaneOptionsOf(config, given));
            if (choice.Provider is not { } provider)
                return Fail($"{choice.Reason}.");
            var settings = new ProxySettings(choice.Config, provider, PlaneOptionsOf(choice.Config, given))
            {
                Manifests = parsed.GetValue(manifests),
                Master = parsed.GetValue(master),
                ModeReason = choice.Reason,
            };
            return await RunAsync(settings).ConfigureAwait(false);
        });
        return command;
    }

    private static DataPlaneOptions PlaneOptionsOf(KubeProxyConfig config, ImmutableDictionary<string, string> given) => new()
    {
        MasqueradeBit = config.ModeInUse.MasqueradeBit,
        SyncPeriod = config.ModeInUse.SyncPeriod,
        WithIPv6 = Socket.OSSupportsIPv6,
        DropsInvalid = !config.Conntrack.TcpBeLiberal,
        Given = given,
    };

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
                return Fail($"nothing was removed: a proxy is active in this network namespace and would write its rules again: " +
                    $"{holder?.ToString() ?? "it cannot be identified"}.  " +
                    $"Stop it first; 'ss -xlp' on the node shows who holds {ProxyLock.ShownName}.");
            }
            CleanUpResult result = OtherRules.Remove(Registry.Providers, inForce: null);
            if (!result.Removed.IsEmpty)
                Console.WriteLine($"Removed {string.Join(", ", result.Removed)}.");
            else if (result.Failures.IsEmpty)
                Console.WriteLine("There was nothing to remove.");
            return result.Failures.IsEmpty ? 0 : Fail($"not everything could be removed: {string.Join("; ", result.Failures)}");
        }
        catch (Exception failure) when (failure is IOException or SocketException)
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
