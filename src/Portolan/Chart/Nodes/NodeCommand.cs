using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text;
using Portolan.Sources;
using Portolan.Sources.Nodes;

namespace Portolan.Chart.Nodes;

/// <summary>Runs a command of the chart on a node of the cluster: the same command, in the proxy's pod there.</summary>
internal static class NodeCommand
{
    // Where every image has the binary (deploy/image/rootfs.sh).
    private const string Binary = "/usr/local/bin/kube-proxy";
    private const int Interrupted = 130;
    // What a version says that does not know an option, or a kube-proxy that is none of ours.
    private static readonly string[] s_refusals = ["Unrecognized command or argument", "unknown command", "unknown flag",
        "unknown shorthand"];
    private static readonly TimeSpan s_answerTime = TimeSpan.FromSeconds(30);

    /// <summary>
    /// True when the command line asks for rules that are not this machine's, or cannot be: kubectl's users sit elsewhere.
    /// </summary>
    internal static bool Concerns(ParseResult parsed, ChartOptions options)
    {
        bool isAnotherInput = ((string[])["--rules", "--netns", "--manifests", "--in-cluster"])
            .Any(name => parsed.GetResult(name) is OptionResult { Implicit: false });
        return !isAnotherInput && (parsed.GetValue(options.Nodes.Node) is not null || IsOfAll(parsed, options) || KubectlPlugin.IsActive);
    }

    internal static async Task<int> RunAsync(ParseResult parsed, ChartOptions options, ChartOutput chart, CancellationToken cancel)
    {
        if (parsed.GetValue(options.Nodes.Node) is null && !IsOfAll(parsed, options))
        {
            chart.Error("Which node's rules? Give --node NAME" +
                $"{(options.Nodes.CanAskAll(parsed) ? ", or --all-nodes for every one" : "")}; or a dump with --rules FILE.");
            return ExitStatus.CouldNotRun;
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using EndingSignals signals = EndingSignals.Cancelling(stop);
        try
        {
            using NodePods pods = options.Nodes.Open(parsed, s_answerTime);
            return IsOfAll(parsed, options)
                ? await AllNodes.AskAsync(pods, parsed, options, chart, stop.Token)
                : await RunOnOneAsync(pods, parsed, options, chart, stop.Token);
        }
        catch (SourceException wrong)
        {
            chart.Error(wrong.Message);
            return ExitStatus.CouldNotRun;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Interrupted;
        }
    }

    /// <summary>Program and arguments for a node.</summary>
    /// <param name="parsed">The command line here.</param>
    /// <param name="options">The command's options.</param>
    /// <param name="without">Options besides the asker's own that mean nothing there.</param>
    /// <param name="chart">The terminal here; null when a program reads the answer.</param>
    /// <param name="facts">The cluster's objects, which go to its standard input; null for none.</param>
    /// <param name="node">The node's name.</param>
    internal static List<string> CommandFor(
        ParseResult parsed, ChartOptions options, IEnumerable<Option> without, ChartOutput? chart, byte[]? facts, string node)
    {
        List<string> command = RemoteCall.Arguments(parsed, [.. options.Nodes.OfTheAsker, .. without], chart, facts?.Length ?? 0);
        // Behind the bracket and the command's name.
        if (facts is not null)
            command.InsertRange(2, ["--manifests=-", $"--node={node}"]);
        return [Binary, .. command];
    }

    /// <summary>
    /// The cluster's objects that the command compares with; null when it compares with none, or after a message.
    /// </summary>
    internal static async Task<byte[]?> FactsAsync(
        NodePods pods, ParseResult parsed, ChartOptions options, ChartOutput chart, CancellationToken cancel)
    {
        try
        {
            if (options.Asked is { } asked)
            {
                return await ClusterExtract.OfServiceAsync(pods, ServiceNameOf(parsed.GetValue(asked)!), cancel);
            }
            return parsed.CommandResult.Command.Name == "check" && parsed.GetValue(options.Nodes.Kubeconfig) is not null
                ? await ClusterExtract.OfAllAsync(pods, cancel) : null;
        }
        catch (SourceException refusal)
        {
            chart.Message($"rules are not compared with the cluster's objects: {refusal.Message}");
            return null;
        }
    }

    /// <summary>What a person can do about a command that a node's program refused; null when it did not.</summary>
    internal static string? VersionHint(ProxyPod pod, int? status, string errors) =>
        status is not (null or 0) && Array.Exists(s_refusals, refusal => errors.Contains(refusal, StringComparison.Ordinal))
            ? $"{Binary} in {pod} on {pod.Node} does not know this command or option: it is another version than this one, or not " +
                "portolan. --proxy-namespace and --proxy-selector say which pods are meant."
            : null;

    private static bool IsOfAll(ParseResult parsed, ChartOptions options) =>
        options.Nodes.CanAskAll(parsed) && parsed.GetValue(options.Nodes.AllNodes);

    /// <summary>The service that a question is about, as the cluster calls it.</summary>
    internal static string ServiceNameOf(string asked) => WithoutPortName(ServiceNames.NameOf(asked));

    /// <summary>Program and arguments for a node, of a command that is no command line's.</summary>
    internal static List<string> CommandFor(IReadOnlyList<string> arguments, byte[] facts, string node)
    {
        List<string> command = [Binary, RemoteCall.Bracket(facts.Length), .. arguments];
        if (facts.Length > 0)
            command.InsertRange(3, ["--manifests=-", $"--node={node}"]);
        return command;
    }

    // "shop/web:http" is asked for by its name; an address with its port stays whole.
    private static string WithoutPortName(string name) =>
        System.Net.IPEndPoint.TryParse(name, out _) ? name : name.Split(':')[0];

    private static async Task<int> RunOnOneAsync(
        NodePods pods, ParseResult parsed, ChartOptions options, ChartOutput chart, CancellationToken cancel)
    {
        string node = parsed.GetValue(options.Nodes.Node)!;
        var progress = ProgressLine.Start($"asking {node}");
        try
        {
            ProxyPod pod = await pods.FindAsync(node, cancel);
            if (!pod.IsReady)
                chart.Message($"{pod} on {node} is not ready: what it shows may not be the newest state.");
            byte[]? facts = await FactsAsync(pods, parsed, options, chart, cancel);
            string? file = options.LocalFile is { } local ? parsed.GetValue(local) : null;
            List<string> command = CommandFor(parsed, options, options.LocalFile is { } own ? [own] : [],
                file is null ? chart : null, facts, node);
            using Stream target = file is null ? Console.OpenStandardOutput() : File.Create(file);
            using Stream errorTarget = Console.OpenStandardError();
            var output = new RemoteText(target, chart.HasColors && file is null);
            var errors = new RemoteText(errorTarget, !Console.IsErrorRedirected);
            var said = new StringBuilder();
            ExecResult result = await pods.RunAsync(pod, command, facts ?? [], (bytes, isError) =>
            {
                progress?.Dispose();
                progress = null;
                if (isError && said.Length < 4096)
                    said.Append(Encoding.UTF8.GetString(bytes));
                (isError ? errors : output).Write(bytes);
            }, cancel);
            output.End();
            errors.End();
            if (VersionHint(pod, result.Status, said.ToString()) is { } hint)
                chart.Error(hint);
            if (result.Status is { } status)
                return status;
            chart.Error(WhyNoStatus(pod, result));
            return ExitStatus.CouldNotRun;
        }
        finally
        {
            progress?.Dispose();
        }
    }

    /// <summary>Why a command in a pod has no exit status.</summary>
    internal static string WhyNoStatus(ProxyPod pod, ExecResult result) => result.WasStarted
        ? $"{pod.Node}: {result.Failure}."
        : string.Create(CultureInfo.InvariantCulture,
            $"{Binary} could not be started in {pod} on {pod.Node}: {result.Failure}. Is portolan in that pod?");
}
