using System.Collections.Immutable;
using System.Net;
using System.Threading.Channels;
using k8s;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.Services.Cluster;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Api;

/// <summary>A cluster as an API server reports it at one moment, for tools that read it without watching it.</summary>
/// <param name="Events">Its objects as events, without <see cref="ClusterEvent.Synced"/>.</param>
/// <param name="Problems">Objects that cannot be used, and kinds that may not be read.</param>
/// <param name="HasNode">Whether the cluster has the Node; null when Nodes may not be read.</param>
public sealed record ApiSnapshot(ImmutableArray<ClusterEvent> Events, ImmutableArray<Problem> Problems, bool? HasNode)
{
    // A list whose continue token expires between two pages is restarted; a server that expires tokens faster than it lists is beyond help.
    private const int MostAttempts = 3;

    /// <summary>Lists Services, EndpointSlices, the Node and ServiceCIDRs once, with the selectors of a service proxy.</summary>
    /// <param name="kubeconfig">Path of a kubeconfig; empty for the service account of the pod this runs in.</param>
    /// <param name="nodeName">metadata.name of the Node.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="SourceException">The kubeconfig cannot be used, the server cannot be reached, or it refuses what is needed; one
    /// line.</exception>
    public static Task<ApiSnapshot> ReadAsync(string kubeconfig, string nodeName, TimeProvider time, CancellationToken cancel) =>
        ReadAsync(() => ApiAccess.Load(kubeconfig), nodeName, ApiTimings.Default, time, cancel);

    internal static async Task<ApiSnapshot> ReadAsync(
        Func<KubernetesClientConfiguration> load, string nodeName, ApiTimings timings, TimeProvider time, CancellationToken cancel)
    {
        using var session = new ApiSession(load, timings, time);
        ApiClient client = session.Client;
        var events = Channel.CreateUnbounded<ClusterEvent>();
        var problems = new SourceProblems(NullLogger.Instance);
        var reader = new ObjectReader();
        var unread = new List<Problem>();
        bool canReadNode = true;
        // EndpointSlices first, as the proxy does: a service without its slices would look empty for a moment, slices without service do
        // not.
        foreach (ApiResource resource in (ApiResource[])[ApiResource.EndpointSlices, ApiResource.Services, ApiResource.Node(nodeName),
            ApiResource.ServiceCidrs])
        {
            var sink = new ObjectSink(resource.Kind, resource.Kind == ObjectKind.Node ? nodeName : null, events.Writer, problems);
            try
            {
                await ListAsync(client, resource, timings, time, reader, sink, cancel).ConfigureAwait(false);
            }
            catch (ApiException refusal)
                when (!resource.IsRequired && refusal.Status is HttpStatusCode.NotFound or HttpStatusCode.Forbidden)
            {
                canReadNode &= resource.Kind != ObjectKind.Node;
                if (refusal.Status == HttpStatusCode.Forbidden)
                    unread.Add(new Problem(ObjectKinds.NameOf(resource.Kind), resource.Plural, "",
                        ApiFailures.Describe(refusal, resource, client.Server)));
            }
            catch (ApiException refusal)
            {
                throw new SourceException(ApiFailures.Describe(refusal, resource, client.Server), refusal);
            }
            catch (Exception failure) when (ApiFailures.IsOfTheConnection(failure))
            {
                cancel.ThrowIfCancellationRequested();
                throw new SourceException(ApiFailures.Reason(failure, client.Server), failure);
            }
        }
        events.Writer.Complete();
        ImmutableArray<ClusterEvent> all = [.. await events.Reader.ReadAllAsync(cancel).ToListAsync(cancel).ConfigureAwait(false)];
        return new ApiSnapshot(all, [.. unread, .. problems.All],
            canReadNode ? all.Any(change => change is ClusterEvent.NodeSet { Node: not null }) : null);
    }

    private static async Task ListAsync(
        ApiClient client, ApiResource resource, ApiTimings timings, TimeProvider time, ObjectReader reader, ObjectSink sink,
            CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await ObjectLister.ListAsync(client, resource, "0", timings, time, reader, sink, cancel).ConfigureAwait(false);
                return;
            }
            catch (ApiException refusal) when (refusal.IsExpired && attempt < MostAttempts)
            {
                // Restarted; the sink only sends again what has changed.
            }
        }
    }
}
