using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Chart;
using Portolan.Chart.Nodes;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Causes;
using Portolan.Rules.Model;
using Portolan.Services.Planning;
using Portolan.Sources.Nodes;

namespace Portolan.WebConsole;

/// <summary>What a console that was started from a command line looks at, and how it notices changes.</summary>
internal sealed class ConsoleInputs(ParseResult parsed, ChartOptions chart, ClusterOptions cluster, string[] nodes, ChartOutput output)
{
    private static readonly TimeSpan s_answerTime = TimeSpan.FromSeconds(30);

    private readonly string[] _files = parsed.GetValue(chart.Rules) ?? [];

    /// <summary>Reads, or makes ready to ask; null after an error.</summary>
    internal async Task<ConsoleSetup?> SetUpAsync(CancellationToken cancel)
    {
        bool isElsewhere = nodes.Length > 0 && _files.Length == 0 && parsed.GetValue(chart.Netns) is null
            && parsed.GetValue(cluster.Manifests) is null && !parsed.GetValue(cluster.InCluster);
        if (KubectlPlugin.IsActive && nodes.Length == 0 && _files.Length == 0)
        {
            output.Error("Which nodes? Give --node NAME, once for each; or dumps with --rules FILE.");
            return null;
        }
        if (isElsewhere)
            return OfNodes();
        if (nodes.Length > 1)
        {
            output.Error("Several --node are for nodes of a cluster: without --rules, --netns, --manifests and --in-cluster.");
            return null;
        }
        return _files.Length > 0 ? await OfFilesAsync(cancel) : OfLiveRules();
    }

    /// <summary>Tells the viewers when what they look at has changed, until the console ends.</summary>
    internal async Task FollowAsync(ConsoleServer server, CancellationToken stop)
    {
        if (_files.Length > 0 || nodes.Length > 0)
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        await RulesClock.FollowAsync(parsed.GetValue(chart.Netns), server, output, stop);
    }

    /// <summary>Reads a file that was dropped.</summary>
    internal static (ConsoleInput? Input, IReadOnlyList<string> Messages, int Services) OpenDropped(string name, byte[] bytes)
    {
        using var messages = new StringWriter();
        var said = new ChartOutput(Stream.Null, messages);
        var reading = new RuleReading(InputKind.Files, null, [new SourceText(name, bytes)],
            [new InputSource { Name = name, Bytes = bytes.Length }], IsWhole: true);
        ChartInput? rules = ChartInput.Of(reading, [], isVerbose: true, said, canBeEmpty: false);
        ImmutableArray<string> lines = Answered.Lines(messages.ToString());
        return rules is null ? (null, lines, 0) : (new ConsoleInput("dropped", name,
            new HeldQuestions(new HeldInput(rules, null), [$"--rules={name}"], []))
        {
            ReadAt = TimeProvider.System.GetUtcNow(),
            Account = rules.ReportedInput,
        }, lines, rules.Services.Services.Length);
    }

    private async Task<ConsoleSetup?> OfFilesAsync(CancellationToken cancel)
    {
        RuleReading reading = RuleFiles.Read(_files);
        foreach (InputSource source in reading.Sources.Where(static source => source.Error is not null))
            output.Error($"{source.Name}: {source.Error}");
        if (reading.Texts.IsEmpty)
            return null;
        if (ChartInput.LocalAddresses(parsed, chart, output) is not { } local)
            return null;
        (bool isGood, HeldCluster? held) = await ReadClusterAsync(cancel);
        if (!isGood || ChartInput.Of(reading, local, isVerbose: true, output, canBeEmpty: held is not null) is not { } rules)
            return null;
        if (held is not null)
            rules.Name(services => services.Named(held.Facts.Services));
        string title = string.Join(", ", reading.Sources.Select(static source => source.Name));
        var input = new ConsoleInput("files", title, new HeldQuestions(new HeldInput(rules, held), [.. InputArguments()],
            [.. ClusterArguments()]))
        {
            ReadAt = TimeProvider.System.GetUtcNow(),
            HasCluster = held is not null,
            Account = rules.ReportedInput,
        };
        return new ConsoleSetup(input) { Open = OpenDropped, Objects = Objects() };
    }

    private Func<string, CancellationToken, Task<string?>>? Objects() =>
        parsed.GetValue(cluster.Manifests) is { } path ? ClusterObjects.OfManifests(path)
        : parsed.GetValue(cluster.Kubeconfig) is not null ? ClusterObjects.OfServer(chart.Nodes.Open(parsed, s_answerTime))
        : null;

    private ConsoleSetup OfLiveRules()
    {
        string? netns = parsed.GetValue(chart.Netns);
        var input = new ConsoleInput("live", netns is null ? "this machine's rules" : $"the rules of network namespace {netns}",
            new ProcessQuestions([.. InputArguments()], [.. ClusterArguments()], ClusterCommands.All))
        {
            ReadAt = TimeProvider.System.GetUtcNow(),
            HasCluster = parsed.GetValue(cluster.Manifests) is not null || cluster.Server(parsed) is not null,
        };
        return new ConsoleSetup(input) { Open = OpenDropped, Objects = Objects() };
    }

    private ConsoleSetup OfNodes()
    {
        NodePods pods = chart.Nodes.Open(parsed, s_answerTime);
        (string Name, ConsoleInput Input)[] all = [.. nodes.Distinct().Select(name => (name, new ConsoleInput("nodes", $"node {name}",
            new NodeQuestions(pods, name))
        {
            ReadAt = TimeProvider.System.GetUtcNow(),
            HasCluster = true,
        }))];
        return new ConsoleSetup(all[0].Input) { Nodes = all, Open = OpenDropped, Objects = ClusterObjects.OfServer(pods) };
    }

    private async Task<(bool IsGood, HeldCluster? Cluster)> ReadClusterAsync(CancellationToken cancel)
    {
        (bool isGood, ClusterFacts? facts) = await cluster.ReadFactsAsync(parsed, output, cancel);
        if (!isGood || facts is null)
            return (isGood, null);
        (_, ServiceTable? table) = await cluster.ReadTableAsync(parsed, output, cancel);
        return table is null ? (false, null) : (true, new HeldCluster(facts, table, cluster.NodeName(parsed)));
    }

    // What each command is given, as its own command line has it.
    private IEnumerable<string> InputArguments()
    {
        foreach (string file in _files)
            yield return $"--rules={file}";
        if (parsed.GetValue(chart.Netns) is { } netns)
            yield return $"--netns={netns}";
        foreach (string address in parsed.GetValue(chart.LocalAddress) ?? [])
            yield return $"--local-address={address}";
    }

    private IEnumerable<string> ClusterArguments()
    {
        if (parsed.GetValue(cluster.Manifests) is { } manifests)
            yield return $"--manifests={manifests}";
        if (parsed.GetValue(cluster.Kubeconfig) is { } kubeconfig)
            yield return $"--kubeconfig={kubeconfig}";
        if (parsed.GetValue(cluster.InCluster))
            yield return "--in-cluster";
        if (nodes is [var node])
            yield return $"--node={node}";
    }
}
