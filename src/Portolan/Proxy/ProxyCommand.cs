using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Portolan.Chart;
using Portolan.DataPlanes;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Host;
using Portolan.Netlink.Core;
using Portolan.Proxy.Logging;
using Portolan.Sources;
using Portolan.Sources.Configuration;
using Portolan.WebConsole;

namespace Portolan.Proxy;

/// <summary>"portolan proxy": keeps the kernel up to date with the cluster until SIGTERM, and leaves the rules in place.</summary>
internal static class ProxyCommand
{
    /// <summary>The release of kube-proxy whose place Portolan takes.</summary>
    internal const string KubernetesVersion = "v1.36.2";

    private const int Failed = 1;
    private const int EndedByQuit = 2;
    private const PosixSignal SIGUSR1 = (PosixSignal)10;
    private const PosixSignal SIGUSR2 = (PosixSignal)12;

    /// <summary>True when the program was started under kube-proxy's name.</summary>
    /// <param name="program">argv[0].</param>
    public static bool IsKubeProxy(string program) => Path.GetFileName(program) == "kube-proxy";

    public static Command Create()
    {
        var flags = new ProxyFlags();
        var planeFlags = new PlaneFlags();
        // What is no flag is told by name, with the nearest one, rather than with the whole help.
        var command = new Command("proxy", "Serve the cluster's Services on this node, as kube-proxy does.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        planeFlags.AddTo(command);
        flags.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            try
            {
                return await RunAsync(parsed, flags, planeFlags.From(parsed)).ConfigureAwait(false);
            }
            catch (SourceException wrong)
            {
                return Fail(wrong.Message);
            }
        });
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, ProxyFlags flags, ImmutableDictionary<string, string> given)
    {
        if (ProxyFlags.Unknown(parsed) is { } unknown)
            return Fail(unknown);
        if (flags.ValueOf(parsed, ProxyFlags.Version) is { } version and not "false")
            return PrintVersion(version);
        string? file = flags.ValueOf(parsed, ProxyFlags.Config);
        bool isCleanUp = flags.IsOn(parsed, ProxyFlags.Cleanup);
        KubeProxyConfig read = KubeProxyConfig.Load(file, flags.From(parsed));
        if (flags.ValueOf(parsed, ProxyFlags.WriteConfigTo) is { } target)
            return WriteConfig(read, target);
        if (flags.IsOn(parsed, ProxyFlags.InitOnly))
            return InitOnly(read);
        if (KernelSupport.WhatIsMissing() is { } missing)
            return Fail($"portolan proxy cannot run: {missing}.");
        if (isCleanUp)
            return CleanUp();
        if (flags.ValueOf(parsed, ProxyFlags.Manifests) is null && TlsLibrary.WhatIsMissing() is { } library)
            return Fail($"portolan proxy cannot run: {library}.");
        ModeChoice choice = ModeChoice.Of(read, config => PlaneOptionsOf(config, given));
        if (choice.Provider is not { } provider)
            return Fail($"{choice.Reason}.");
        (IPEndPoint Address, string? Token)? console = ConsoleOf(flags.ValueOf(parsed, ProxyFlags.Console),
            flags.ValueOf(parsed, ProxyFlags.ConsoleTokenFile));
        return await RunAsync(new ProxySettings(choice.Config, provider, PlaneOptionsOf(choice.Config, given))
        {
            ConfigFile = file,
            ActsAsKubeProxy = file is not null || IsKubeProxy(ProgramName.Read()),
            Manifests = flags.ValueOf(parsed, ProxyFlags.Manifests),
            Master = flags.ValueOf(parsed, ProxyFlags.Master),
            ModeReason = choice.Reason,
            Probes = choice.Probes,
            Console = console,
            Timeline = console is null ? null : new Timeline(TimeProvider.System),
            Warnings = [.. read.Warnings, .. flags.Overridden(parsed), .. ConfigFields.Warnings(read)],
        }).ConfigureAwait(false);
    }

    private static (IPEndPoint Address, string? Token)? ConsoleOf(string? text, string? tokenFile)
    {
        if (text is null)
            return tokenFile is null ? null : throw new SourceException($"{ProxyFlags.ConsoleTokenFile}: there is no {ProxyFlags.Console}");
        if (!ConsoleCommand.TryAddress(text, out IPEndPoint address) || address.Port == 0)
            throw new SourceException($"{ProxyFlags.Console}: '{text}' is not address:port, such as 127.0.0.1:8484");
        if (!PageFiles.ArePresent)
            throw new SourceException($"{ProxyFlags.Console}: {ConsoleCommand.NoPage}");
        return ConsoleToken.TryRead(tokenFile, address.Address, out string? token, out string problem) ? (address, token)
            : throw new SourceException($"{ProxyFlags.ConsoleTokenFile}: {problem}");
    }

    private static int PrintVersion(string form)
    {
        string version = typeof(ProxyCommand).Assembly.GetName().Version?.ToString(3) ?? "";
        switch (form)
        {
            case "raw":
                Console.WriteLine($"version.Info{{Component:\"portolan\", Version:\"{version}\", InPlaceOf:\"kube-proxy\", " +
                    $"KubernetesVersion:\"{KubernetesVersion}\"}}");
                return 0;
            case "true":
                Console.WriteLine($"Portolan {version} (in place of kube-proxy {KubernetesVersion})");
                return 0;
            default:
                return Fail("--version: takes true, false or raw");
        }
    }

    private static int WriteConfig(KubeProxyConfig config, string target)
    {
        try
        {
            File.WriteAllText(target, KubeProxyConfigWriter.Write(config));
            return 0;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Fail($"--write-config-to: {target} cannot be written: {failure.Message}");
        }
    }

    // What the machine's root does once, so that the proxy itself may run with CAP_NET_ADMIN alone.
    private static int InitOnly(KubeProxyConfig config)
    {
        try
        {
            IDataPlaneProvider? provider = Registry.Find(config.ModeName);
            string[] problems =
            [
                .. Composition.PrepareMachine(config),
                .. provider?.PrepareMachine(PlaneOptionsOf(config, ImmutableDictionary<string, string>.Empty)) ?? [],
            ];
            return problems.Length == 0 ? 0 : Fail(string.Join('\n', problems));
        }
        catch (NetlinkException failure)
        {
            return Fail(failure.Message);
        }
    }

    private static DataPlaneOptions PlaneOptionsOf(KubeProxyConfig config, ImmutableDictionary<string, string> given) => new()
    {
        MasqueradeBit = config.ModeInUse.MasqueradeBit,
        SyncPeriod = config.ModeInUse.SyncPeriod,
        WithIPv6 = Socket.OSSupportsIPv6,
        DropsInvalid = !config.Conntrack.TcpBeLiberal,
        Ipvs = IpvsSettingsOf(config.Ipvs),
        Given = given,
    };

    private static IpvsSettings IpvsSettingsOf(IpvsConfig config) => new()
    {
        Scheduler = config.Scheduler,
        ExcludeCidrs = config.ExcludeCidrs,
        StrictArp = config.StrictArp,
        TcpTimeout = config.TcpTimeout,
        TcpFinTimeout = config.TcpFinTimeout,
        UdpTimeout = config.UdpTimeout,
    };

    private static async Task<int> RunAsync(ProxySettings settings)
    {
        using var stop = new CancellationTokenSource();
        using PosixSignalRegistration onTerm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration onQuit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Stop);
        // Log rotators and curious people send these; kube-proxy does not mind them.
        using PosixSignalRegistration onUser1 = PosixSignalRegistration.Create(SIGUSR1, Ignore);
        using PosixSignalRegistration onUser2 = PosixSignalRegistration.Create(SIGUSR2, Ignore);
        bool isQuit = false;
        using ILoggerFactory loggers =
            ProxyLogging.Create(settings.Config.LogFormat == "json", settings.Config.LogVerbosity, TimeProvider.System, settings.Timeline);
        try
        {
            await Composition.RunProxyAsync(settings, loggers, stop.Token).ConfigureAwait(false);
            return isQuit ? EndedByQuit : 0;
        }
        catch (Exception failure) when (failure is SourceException or NetlinkException or IOException)
        {
            return Fail(failure.Message);
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            isQuit = signal.Signal == PosixSignal.SIGQUIT;
            stop.Cancel();
        }

        static void Ignore(PosixSignalContext signal) => signal.Cancel = true;
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
        LastWords.Say(message.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        return Failed;
    }
}
