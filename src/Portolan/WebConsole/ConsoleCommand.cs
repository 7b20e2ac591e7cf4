using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.Chart;
using Portolan.Http;
using Portolan.Inet;
using Portolan.Sources;

namespace Portolan.WebConsole;

/// <summary>portolan console: the chart as a page, over dumps, over the live kernel, or over nodes of a cluster.</summary>
internal static class ConsoleCommand
{
    /// <summary>What a build says that has no page in it.</summary>
    internal const string NoPage = "This build of portolan has no page in it: it was built without node. './build.sh' on a machine with " +
        "node and npm puts it in.";

    private const int Failed = 1;

    internal static Command Create()
    {
        var chart = new ChartOptions(ChartSession.Terminal);
        var nodes = new Option<string[]>("--node")
        {
            Description = "A node of the cluster to look at, through the proxy's pod there; several are compared. With --rules, --netns, " +
                "--manifests or --in-cluster: the node the rules are from.",
            HelpName = "NAME",
        };
        var cluster = new ClusterOptions(chart, nodes);
        var listen = new Option<string>("--listen")
        {
            Description = "Where to serve the page: address:port. Anything but loopback asks viewers for a token.",
            DefaultValueFactory = static _ => "127.0.0.1:8484",
            HelpName = "ADDRESS",
        };
        var token = TokenOption();
        var command = new Command("console",
            "Serve the chart as a page: which service is broken, for whom, and where its packets stop. Over dumps (--rules), over nodes " +
            "of a cluster (--node, as with kubectl portolan), or over this machine's live rules. The page can be given further " +
            "dumps: drop them on it. It changes nothing and loads nothing from elsewhere.\n\n" +
            "Examples:\n  portolan console --rules iptables-save.txt\n  portolan console --node node-a --node node-b\n" +
            "  sudo portolan console")
        {
            nodes, listen, token,
        };
        command.Options.Add(chart.Rules);
        command.Options.Add(chart.Netns);
        command.Options.Add(chart.LocalAddress);
        cluster.AddTo(command);
        chart.Nodes.AddTo(command, nodes);
        command.SetAction(async (parsed, cancel) =>
        {
            var output = new ChartOutput();
            if (!TryAddress(parsed.GetValue(listen)!, out IPEndPoint address))
            {
                output.Error($"--listen: '{parsed.GetValue(listen)}' is not address:port, such as 127.0.0.1:8484.");
                return ExitStatus.CouldNotRun;
            }
            if (!PageFiles.ArePresent)
            {
                output.Error(NoPage);
                return ExitStatus.CouldNotRun;
            }
            if (!ConsoleToken.TryRead(parsed.GetValue(token), address.Address, out string? secret, out string problem))
            {
                output.Error($"--token-file: {problem}");
                return ExitStatus.CouldNotRun;
            }
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            using EndingSignals signals = EndingSignals.Cancelling(stop);
            try
            {
                var inputs = new ConsoleInputs(parsed, chart, cluster, parsed.GetValue(nodes) ?? [], output);
                return await inputs.SetUpAsync(stop.Token) is not { } setup ? ExitStatus.CouldNotRun
                    : await ServeAsync(setup, address, secret, inputs, output, stop.Token);
            }
            catch (SourceException wrong)
            {
                output.Error(wrong.Message);
                return ExitStatus.CouldNotRun;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return ExitStatus.Ok;
            }
        });
        return command;
    }

    /// <summary>The option that names a file with the token.</summary>
    internal static Option<string?> TokenOption() => new("--token-file")
    {
        Description = "A file with the token that viewers must know. Without it, one is made and printed when the address is not loopback.",
        HelpName = "FILE",
    };

    /// <summary>Reads "127.0.0.1:8484", "[::1]:8484" or ":8484".</summary>
    internal static bool TryAddress(string text, out IPEndPoint address)
    {
        address = new IPEndPoint(IPAddress.Loopback, 0);
        if (text.StartsWith(':'))
            text = "0.0.0.0" + text;
        if (!InetEndpoint.TryParse(text, out InetEndpoint endpoint))
            return false;
        address = new IPEndPoint(endpoint.Address.ToIPAddress(), endpoint.Port);
        return true;
    }

    private static async Task<int> ServeAsync(
        ConsoleSetup setup, IPEndPoint address, string? secret, ConsoleInputs inputs, ChartOutput output, CancellationToken stop)
    {
        using var server = new ConsoleServer(setup, new RequestGuard(address, secret), TimeProvider.System, stop);
        var http = new HttpServer(NullLoggerFactory.Instance, TimeProvider.System);
        await using (http)
        {
            await http.StartAsync(stop);
            IDisposable listener;
            try
            {
                listener = http.ListenForPages(address, server.HandleAsync);
            }
            catch (SocketException failure)
            {
                output.Error($"--listen: cannot listen on {address}: {failure.Message}. --listen names another address; port 0 takes any " +
                    "that is free.");
                return Failed;
            }
            using (listener)
            {
                if (listener is Socket { LocalEndPoint: IPEndPoint bound })
                    address = new IPEndPoint(address.Address, bound.Port);
                output.Line($"the console shows {setup.Input.Title} at {ConsoleToken.AddressOf(address, secret)}; press Ctrl-C to end it");
                await inputs.FollowAsync(server, stop);
                return ExitStatus.Ok;
            }
        }
    }
}
