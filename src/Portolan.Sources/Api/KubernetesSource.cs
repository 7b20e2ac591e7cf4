using System.Collections.Immutable;
using System.Threading.Channels;
using k8s;
using Microsoft.Extensions.Logging;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Api;

/// <summary>
/// A cluster as its API server tells it: Services and EndpointSlices with kube-proxy's selectors, this Node, and ServiceCIDRs where the
/// server has them, each listed once and then watched.
/// </summary>
/// <remarks>
/// While the server is away the last state stays; when it is back, watches go on where they ended, and what was compacted away meanwhile is
/// made up for by comparing a new list with what was sent. Without permission to read Nodes or ServiceCIDRs the source goes on without them
/// and says so; without Services or EndpointSlices it never sends <see cref="ClusterEvent.Synced"/>.
/// </remarks>
public sealed class KubernetesSource : IClusterSource
{
    // The address in a pod's environment is the cluster IP of Service default/kubernetes.
    private const string AdviceForClusterIP = "That is the cluster IP of Service default/kubernetes, which nobody serves on a node whose " +
        "proxy has not started yet: set clientConnection.kubeconfig to a kubeconfig with the API server's own address (kubeadm's " +
        "ConfigMap kube-system/kube-proxy has one), or --master to that address";

    private static readonly TimeSpan s_firstAnswer = TimeSpan.FromSeconds(2);

    private readonly Func<KubernetesClientConfiguration> _load;
    private readonly string _nodeName;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ApiTimings _timings;
    private readonly SourceProblems _problems;
    private readonly ApiHealth _health;
    private KubernetesClientConfiguration? _prepared;

    /// <summary>A source that follows the API server of a kubeconfig.</summary>
    /// <param name="kubeconfig">Path of a kubeconfig; empty for the service account of the pod this runs in.</param>
    /// <param name="nodeName">metadata.name of the Node this proxy runs on.</param>
    /// <param name="logger">Told when the server goes and is back, and about objects that cannot be used.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">For the jitter of waits.</param>
    /// <param name="master">Address of the API server in place of the kubeconfig's; alone, a server that asks for no credentials. Or
    /// null.</param>
    public KubernetesSource(
        string kubeconfig, string nodeName, ILogger<KubernetesSource> logger, TimeProvider time, Random random, string? master = null)
        : this(() => ApiAccess.Load(kubeconfig, master), nodeName, logger, time, random, ApiTimings.Default,
            string.IsNullOrEmpty(kubeconfig) && master is null ? AdviceForClusterIP : null)
    {
    }

    internal KubernetesSource(
        Func<KubernetesClientConfiguration> load, string nodeName, ILogger logger, TimeProvider time, Random random, ApiTimings timings,
        string? advice = null)
    {
        _load = load;
        _nodeName = nodeName;
        _time = time;
        _random = random;
        _timings = timings;
        _problems = new SourceProblems(logger);
        _health = new ApiHealth(logger) { Advice = advice };
    }

    /// <inheritdoc/>
    public ImmutableArray<Problem> Problems => _problems.All;

    /// <summary>True while the last request of every kind worked; for health reports.</summary>
    public bool IsReachable => _health.IsReachable;

    /// <summary>What is recorded here is written over the source's connection while it runs; null for none.</summary>
    public EventRecorder? Events { get; init; }

    /// <summary>Most requests per second to the server; zero or below for no limit.</summary>
    public double RequestsPerSecond { get; init; }

    /// <summary>Requests that may be made at once.</summary>
    public int RequestsAtOnce { get; init; } = 1;

    /// <summary>Is told of each request to the server; any thread.</summary>
    public Action<ApiRequest>? Requested { get; init; }

    /// <summary>Reads the kubeconfig now rather than when running begins, so that a wrong one is the first thing said.</summary>
    /// <exception cref="SourceException">It cannot be used.</exception>
    public void Prepare() => _prepared = _load();

    /// <inheritdoc/>
    public async Task RunAsync(ChannelWriter<ClusterEvent> events, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(events);
        using var session = new ApiSession(() => Interlocked.Exchange(ref _prepared, null) ?? _load(), _timings, _time, Requested,
            new RequestRate(RequestsPerSecond, RequestsAtOnce, _time));
        // One kind that fails for a fault of ours ends them all, rather than leaving a source that looks alive and is half blind.
        using var together = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        ObjectFollower[] followers =
        [
            Follow(ApiResource.EndpointSlices, null, session, events),
            Follow(ApiResource.Services, null, session, events),
            Follow(ApiResource.Node(_nodeName), _nodeName, session, events),
            Follow(ApiResource.ServiceCidrs, null, session, events),
        ];
        List<Task> running = [.. followers.Select(follower => follower.RunAsync(together.Token))];
        if (Events is { } recorder)
            running.Add(recorder.RunAsync(session, together.Token));
        running.Add(SayWhenSyncedAsync(followers, events, together.Token));
        if (_health.Advice is not null)
            running.Add(SayWhenSilentAsync(followers, session, together.Token));
        try
        {
            while (running.Count > 0)
            {
                Task ended = await Task.WhenAny(running).ConfigureAwait(false);
                running.Remove(ended);
                await ended.ConfigureAwait(false);
            }
        }
        finally
        {
            await together.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task SayWhenSyncedAsync(
        IEnumerable<ObjectFollower> followers, ChannelWriter<ClusterEvent> events, CancellationToken cancel)
    {
        await Task.WhenAll(followers.Select(follower => follower.Listed)).WaitAsync(cancel).ConfigureAwait(false);
        await events.WriteAsync(new ClusterEvent.Synced(), cancel).ConfigureAwait(false);
    }

    // A connection to an address that nobody serves may take many seconds to fail.
    private async Task SayWhenSilentAsync(IEnumerable<ObjectFollower> followers, ApiSession session, CancellationToken cancel)
    {
        Task first = Task.WhenAny(followers.Select(follower => follower.Listed));
        await Task.WhenAny(first, Task.Delay(s_firstAnswer, _time, cancel)).ConfigureAwait(false);
        cancel.ThrowIfCancellationRequested();
        if (!first.IsCompleted)
            _health.Silent(session.Client.Server, s_firstAnswer);
    }

    private ObjectFollower Follow(ApiResource resource, string? onlyName, ApiSession session, ChannelWriter<ClusterEvent> events) =>
        new(resource, session, _health, new ObjectSink(resource.Kind, onlyName, events, _problems), _timings, _time,
            new Random(_random.Next())); // Random is not for concurrent use.
}
