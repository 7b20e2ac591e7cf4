using System.Collections.Immutable;
using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Sources;
using Portolan.Sources.Api;
using Portolan.Sources.Manifests;

namespace Portolan.Chart;

/// <summary>Reads once what a node should serve, from manifests or an API server.</summary>
internal static class ClusterInput
{
    private const string StandardInput = "-";

    /// <summary>From a folder or file of manifests; null after an error.</summary>
    internal static ServiceTable? FromManifests(string path, string nodeName, ChartOutput output)
    {
        if (path != StandardInput && !File.Exists(path) && !Directory.Exists(path))
        {
            output.Error($"--manifests: {path} does not exist.");
            return null;
        }
        try
        {
            (IReadOnlyList<ClusterEvent> events, IReadOnlyList<Problem> problems) = ReadManifests(path, nodeName);
            return Table(events, problems, nodeName, output);
        }
        catch (SourceException error)
        {
            output.Error(error.Message);
            return null;
        }
    }

    /// <summary>From an API server; null after an error.</summary>
    /// <param name="kubeconfig">Path of a kubeconfig; empty for the service account of the pod this runs in.</param>
    /// <param name="nodeName">Name of the node the rules are from.</param>
    /// <param name="output">Where problems are printed.</param>
    /// <param name="cancel">Ends the reading.</param>
    internal static async Task<ServiceTable?> FromApiAsync(string kubeconfig, string nodeName, ChartOutput output, CancellationToken cancel)
    {
        try
        {
            using ProgressLine? progress = ProgressLine.Start("reading from the API server");
            ApiSnapshot snapshot = await ApiSnapshot.ReadAsync(kubeconfig, nodeName, TimeProvider.System, cancel);
            if (snapshot.HasNode == false)
            {
                output.Error($"The cluster has no node '{nodeName}', so which endpoints are local is unknown. --node NAME says which " +
                    "node the rules are from.");
                return null;
            }
            return Table(snapshot.Events, snapshot.Problems, nodeName, output);
        }
        catch (SourceException error)
        {
            output.Error(error.Message);
            return null;
        }
    }

    /// <summary>Services and endpoints from manifests; null after an error.</summary>
    internal static ClusterFacts? FactsFromManifests(string path, string nodeName, ChartOutput output)
    {
        if (path != StandardInput && !File.Exists(path) && !Directory.Exists(path))
        {
            output.Error($"--manifests: {path} does not exist.");
            return null;
        }
        try
        {
            return ClusterFacts.Of(ReadManifests(path, nodeName).Events);
        }
        catch (SourceException error)
        {
            output.Error(error.Message);
            return null;
        }
    }

    /// <summary>Services and endpoints from an API server; null after an error.</summary>
    internal static async Task<ClusterFacts?> FactsFromApiAsync(string kubeconfig, string nodeName, ChartOutput output,
        CancellationToken cancel)
    {
        try
        {
            using ProgressLine? progress = ProgressLine.Start("reading from the API server");
            ApiSnapshot snapshot = await ApiSnapshot.ReadAsync(kubeconfig, nodeName, TimeProvider.System, cancel);
            return ClusterFacts.Of(snapshot.Events);
        }
        catch (SourceException error)
        {
            output.Error(error.Message);
            return null;
        }
    }

    /// <summary>The ranges of --pod-cidr; null after an error.</summary>
    internal static List<InetPrefix>? PodRanges(IEnumerable<string> texts, ChartOutput output)
    {
        var ranges = new List<InetPrefix>();
        foreach (string text in texts.SelectMany(text => text.Split(',')))
        {
            if (!InetPrefix.TryParse(text, out InetPrefix range))
            {
                output.Error($"--pod-cidr: '{text}' is not a range of addresses such as 10.244.0.0/16.");
                return null;
            }
            ranges.Add(range);
        }
        return ranges;
    }

    // Never ends by ".json": YAML is the wider of the two.
    private static (IReadOnlyList<ClusterEvent> Events, ImmutableArray<Problem> Problems) ReadManifests(string path, string nodeName) =>
        path == StandardInput
            ? ManifestSource.ReadText("standard input", Encoding.UTF8.GetBytes(Console.In.ReadToEnd()), nodeName)
            : ManifestSource.ReadOnce(path, nodeName);

    private static ServiceTable Table(IEnumerable<ClusterEvent> events, IEnumerable<Problem> problems, string nodeName, ChartOutput output)
    {
        // Pods are recognised by the rules' ranges; a plan does not depend on them.
        var table = new ServiceTable(new ProxyPolicy { NodeName = nodeName });
        foreach (ClusterEvent change in events)
            table.Apply(change);
        table.Apply(new ClusterEvent.Synced());
        table.Drain();
        foreach (Problem problem in problems.Concat(table.Problems))
            output.Message(problem.ToString());
        return table;
    }
}
