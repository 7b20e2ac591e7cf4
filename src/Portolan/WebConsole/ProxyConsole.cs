using System.Collections.Immutable;
using System.Net;

namespace Portolan.WebConsole;

/// <summary>
/// The console of a running proxy. Questions about its rules are answered by processes of their own: nothing that the page asks for stays
/// in the proxy's memory, or can stop it.
/// </summary>
internal sealed class ProxyConsole : IDisposable
{
    // As often as a page may be told something.
    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromSeconds(1);

    private readonly ConsoleServer _server;
    private readonly ServiceRates _rates;
    private readonly ProcessQuestions _questions;
    private int _hasChanged;
    private int _hasEntry;

    /// <param name="address">Where it answers.</param>
    /// <param name="token">What viewers must know; null for none.</param>
    /// <param name="node">The node's name.</param>
    /// <param name="cluster">Where questions read the cluster; empty for nowhere.</param>
    /// <param name="clusterCommands">Which questions do.</param>
    /// <param name="manifests">The folder of manifests that is served from; null for an API server.</param>
    /// <param name="timeline">What happened lately.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends it.</param>
    internal ProxyConsole(IPEndPoint address, string? token, string node, ImmutableArray<string> cluster,
        ImmutableArray<string> clusterCommands, string? manifests, Func<ReadOnlyMemory<byte>> timeline, TimeProvider time,
        CancellationToken stop)
    {
        _questions = new ProcessQuestions([], cluster, clusterCommands);
        _rates = new ServiceRates(null, time);
        var input = new ConsoleInput("proxy", $"node {node}", _questions) { ReadAt = time.GetUtcNow(), HasCluster = !cluster.IsEmpty };
        _server = new ConsoleServer(new ConsoleSetup(input)
        {
            Open = ConsoleInputs.OpenDropped,
            Timeline = timeline,
            Objects = manifests is null ? null : ClusterObjects.OfManifests(manifests),
        },
            new RequestGuard(address, token), time, stop);
    }

    /// <summary>Answers one request.</summary>
    internal Task HandleAsync(Microsoft.AspNetCore.Http.HttpContext context) => _server.HandleAsync(context);

    /// <summary>The rules have changed.</summary>
    internal void NoteChange() => Volatile.Write(ref _hasChanged, 1);

    /// <summary>Something happened.</summary>
    internal void NoteEntry() => Volatile.Write(ref _hasEntry, 1);

    /// <summary>Tells viewers what is new, until cancelled; does nothing while nobody looks.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await _server.Viewers.WaitForViewerAsync(stop);
            if (Interlocked.Exchange(ref _hasChanged, 0) == 1)
                _server.Changed();
            if (Interlocked.Exchange(ref _hasEntry, 0) == 1)
                _server.Viewers.Send("timeline", "{}");
            if (_rates.Next() is { } rates)
                _server.Viewers.Send("counters", rates);
            await Task.Delay(s_betweenLooks, stop);
        }
    }

    public void Dispose()
    {
        _server.Dispose();
        _questions.Dispose();
    }
}
