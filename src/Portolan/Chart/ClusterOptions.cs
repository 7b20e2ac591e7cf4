using System.CommandLine;
using System.CommandLine.Parsing;
using Portolan.Chart.Nodes;
using Portolan.Inspect.Causes;
using Portolan.Services.Planning;

namespace Portolan.Chart;

/// <summary>Where a command that compares rules with the cluster reads the cluster from: one of three.</summary>
internal sealed class ClusterOptions
{
    private readonly ChartSession _session;
    private readonly NodeOptions _nodes;
    private readonly Option<string[]>? _several;

    /// <param name="options">The chart's options.</param>
    /// <param name="severalNodes">The command's own --node, which may be given several times; null for the usual one.</param>
    internal ClusterOptions(ChartOptions options, Option<string[]>? severalNodes = null)
    {
        (_session, _nodes, _several) = (options.Session, options.Nodes, severalNodes);
        Kubeconfig.Description = "Compare with the API server of this kubeconfig. It is only read: Services, EndpointSlices, the " +
            "Node and ServiceCIDRs, once. With --node or --all-nodes also how the API server is reached, instead of " +
            "KUBECONFIG or ~/.kube/config.";
        Node.Description = "Run this command on that node of the cluster, in the proxy's pod there. With --rules, --manifests, " +
            "--netns or --in-cluster: the node the rules are from; default: the host's name.";
    }

    internal Option<string?> Manifests { get; } = new("--manifests")
    {
        Description = "Folder or file with the cluster's Services, EndpointSlices and Nodes, to compare with; '-' is standard " +
            "input.",
        HelpName = "DIR",
    };

    internal Option<string?> Kubeconfig => _nodes.Kubeconfig;

    internal Option<bool> InCluster { get; } = new("--in-cluster")
    {
        Description = "Compare with the API server of the cluster whose pod this runs in, as its service account.",
    };

    internal Option<string?> Node => _nodes.Node;

    internal void AddTo(Command command)
    {
        command.Options.Add(Manifests);
        command.Options.Add(InCluster);
        command.Validators.Add(result =>
        {
            if (result.Children.Count(child => child is OptionResult { Implicit: false } option
                && (option.Option == Manifests || option.Option == Kubeconfig || option.Option == InCluster)) > 1)
                result.AddError("Only one of --manifests, --kubeconfig and --in-cluster can be given.");
        });
    }

    internal string NodeName(ParseResult parsed) => _session.Held?.Cluster?.Node
        ?? (_several is null ? parsed.GetValue(Node) : parsed.GetValue(_several)?.FirstOrDefault())
        ?? Environment.MachineName.ToLowerInvariant();

    /// <summary>The API server to read from: a kubeconfig, an empty string for the pod's own, null for none.</summary>
    internal string? Server(ParseResult parsed) => parsed.GetValue(InCluster) ? string.Empty : parsed.GetValue(Kubeconfig);

    /// <summary>The cluster's state, and whether reading it succeeded; no state when no source was given.</summary>
    internal async Task<(bool IsGood, ClusterFacts? Facts)> ReadFactsAsync(ParseResult parsed, ChartOutput chart, CancellationToken cancel)
    {
        if (_session.Held is { } held)
            return (true, held.Cluster?.Facts);
        string node = NodeName(parsed);
        if (parsed.GetValue(Manifests) is { } path)
            return ClusterInput.FactsFromManifests(path, node, chart) is { } facts ? (true, facts) : (false, null);
        if (Server(parsed) is { } server)
            return await ClusterInput.FactsFromApiAsync(server, node, chart, cancel) is { } facts ? (true, facts) : (false, null);
        return (true, null);
    }
    /// <summary>What the node should serve, and whether reading it succeeded; no table when no source was given.</summary>
    internal async Task<(bool IsGood, ServiceTable? Table)> ReadTableAsync(ParseResult parsed, ChartOutput chart, CancellationToken cancel)
    {
        if (_session.Held is { } held)
            return (true, held.Cluster?.Table);
        string node = NodeName(parsed);
        if (parsed.GetValue(Manifests) is { } path)
            return ClusterInput.FromManifests(path, node, chart) is { } table ? (true, table) : (false, null);
        if (Server(parsed) is { } server)
            return await ClusterInput.FromApiAsync(server, node, chart, cancel) is { } table ? (true, table) : (false, null);
        return (true, null);
    }
}
