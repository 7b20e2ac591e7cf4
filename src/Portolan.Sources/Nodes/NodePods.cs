using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using Portolan.Sources.Api;
using Portolan.Sources.Configuration;

namespace Portolan.Sources.Nodes;

/// <summary>Finds the proxy's pods and runs commands in them, over an API server as a person's kubectl reaches it.</summary>
public sealed class NodePods : IDisposable
{
    private const int PageLength = 500;

    private static readonly string[] s_containers = ["portolan", "kube-proxy"];

    private readonly ApiClient _client;
    private readonly ProxyPlace _place;

    private NodePods(ApiClient client, ProxyPlace place) => (_client, _place) = (client, place);

    /// <summary>Reads the kubeconfig; connects to nothing yet.</summary>
    /// <param name="kubeconfig">Path of a kubeconfig; null for where kubectl looks (KUBECONFIG, ~/.kube/config).</param>
    /// <param name="context">The context; null for the current one.</param>
    /// <param name="place">Where the pods are.</param>
    /// <param name="answerTime">Most that is waited until the server begins to answer.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="SourceException">The kubeconfig cannot be used; one line.</exception>
    public static NodePods Open(string? kubeconfig, string? context, ProxyPlace place, TimeSpan answerTime, TimeProvider time)
    {
        try
        {
            return new NodePods(new ApiClient(KubectlAccess.Load(kubeconfig, context, Environment.GetEnvironmentVariable),
                answerTime, time),
                place);
        }
        // Certificates and keys are read when the client is made.
        catch (Exception failure) when (failure is not SourceException)
        {
            throw new SourceException($"The kubeconfig cannot be used: {ApiAccess.OneLine(failure)}", failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    /// <summary>The pod on a node; of two, as during an update, the one that is ready.</summary>
    /// <exception cref="SourceException">There is no such node, no pod there, it does not run, or it may not be looked for; one
    /// line.</exception>
    public async Task<ProxyPod> FindAsync(string node, CancellationToken cancel)
    {
        List<ProxyPod> pods = await PodsAsync($"&fieldSelector={Uri.EscapeDataString($"spec.nodeName={node}")}", cancel)
            .ConfigureAwait(false);
        if (Best(pods) is not { } pod)
            throw new SourceException(await WhyNoneAsync(node, cancel).ConfigureAwait(false));
        return pod.NotRunning is { } why ? throw new SourceException($"{pod} on {node} does not run: {why}.") : pod;
    }

    /// <summary>All nodes, and the pod on each.</summary>
    /// <exception cref="SourceException">The pods may not be listed, or the server cannot be reached; one line.</exception>
    public async Task<NodeList> ListAsync(CancellationToken cancel)
    {
        ILookup<string, ProxyPod> pods = (await PodsAsync("", cancel).ConfigureAwait(false)).ToLookup(static pod => pod.Node);
        try
        {
            List<string> nodes = await NodesAsync(cancel).ConfigureAwait(false);
            return new NodeList(Sorted(nodes.Union(pods.Select(static group => group.Key)), pods), null);
        }
        catch (ApiException refusal) when (refusal.Status is HttpStatusCode.Forbidden)
        {
            return new NodeList(Sorted(pods.Select(static group => group.Key), pods),
                $"nodes without a pod of the proxy are not known: {Denied("list", "nodes", refusal)}");
        }
        catch (Exception failure) when (failure is ApiException || ApiFailures.IsOfTheConnection(failure))
        {
            throw Told(failure, "a request for nodes", cancel);
        }
    }

    /// <summary>Runs a command in a pod.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="input">Sent to its standard input, which stays open afterwards.</param>
    /// <param name="output">Takes what it writes.</param>
    /// <param name="cancel">Gives it up: its standard input ends.</param>
    /// <exception cref="SourceException">It may not be run, or the server cannot be reached; one line.</exception>
    public async Task<ExecResult> RunAsync(
        ProxyPod pod, IReadOnlyList<string> command, ReadOnlyMemory<byte> input, ExecOutput output, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(pod);
        try
        {
            return await PodExec.RunAsync(_client, pod, command, input, output, cancel).ConfigureAwait(false);
        }
        catch (ApiException refusal) when (refusal.Status == HttpStatusCode.Forbidden)
        {
            throw new SourceException(
                $"not allowed to run a command in {pod}: your user needs the verbs get and create on pods/exec in namespace " +
                $"{pod.Namespace} (deploy/kubectl-rbac.yaml has the rule). The server says: {refusal.Message}", refusal);
        }
        catch (ApiException refusal) when (refusal.Status == HttpStatusCode.NotFound)
        {
            throw new SourceException($"{pod} on {pod.Node} is gone since it was looked for ({refusal.Message}); try again.", refusal);
        }
        catch (Exception failure) when (failure is ApiException || ApiFailures.IsOfTheConnection(failure))
        {
            throw Told(failure, $"a command in {pod} on {pod.Node}", cancel);
        }
    }

    /// <summary>Lists of objects as the API server sends them, page by page.</summary>
    internal async Task ListAsync(string path, string query, string accept, Action<JsonElement> item, CancellationToken cancel)
    {
        string next = "";
        do
        {
            await using Stream body = await _client.GetAsync($"{path}?limit={PageLength}{query}{next}", cancel, accept)
                .ConfigureAwait(false);
            using JsonDocument page = await JsonDocument.ParseAsync(body, cancellationToken: cancel).ConfigureAwait(false);
            foreach (JsonElement one in Items(page.RootElement))
                item(one);
            string? more = Text(page.RootElement, "metadata", "continue");
            next = string.IsNullOrEmpty(more) ? "" : $"&continue={Uri.EscapeDataString(more)}";
        }
        while (next.Length > 0);
    }

    private static ImmutableArray<(string Node, ProxyPod? Pod)> Sorted(
        IEnumerable<string> nodes, ILookup<string, ProxyPod> pods) =>
        [.. nodes.Order(StringComparer.Ordinal).Select(node => (node, Best(pods[node])))];

    private static ProxyPod? Best(IEnumerable<ProxyPod> pods) => pods
        .OrderBy(static pod => pod.NotRunning is not null).ThenBy(static pod => pod.IsEnding).ThenBy(static pod => !pod.IsReady)
        .ThenBy(static pod => pod.Name, StringComparer.Ordinal).FirstOrDefault();

    private async Task<List<ProxyPod>> PodsAsync(string query, CancellationToken cancel)
    {
        var pods = new List<ProxyPod>();
        try
        {
            await ListAsync($"/api/v1/namespaces/{Uri.EscapeDataString(_place.Namespace)}/pods",
                $"&labelSelector={Uri.EscapeDataString(_place.Selector)}{query}", "application/json", pod =>
                {
                    if (PodOf(pod) is { } one)
                        pods.Add(one);
                }, cancel).ConfigureAwait(false);
        }
        catch (ApiException refusal) when (refusal.Status == HttpStatusCode.Forbidden)
        {
            throw new SourceException($"{Denied("list", $"pods in namespace {_place.Namespace}", refusal)}", refusal);
        }
        catch (Exception failure) when (failure is ApiException || ApiFailures.IsOfTheConnection(failure))
        {
            throw Told(failure, "a request for pods", cancel);
        }
        return pods;
    }

    private async Task<List<string>> NodesAsync(CancellationToken cancel)
    {
        var nodes = new List<string>();
        // Names are all that is wanted; a Node with its images is many kilobytes.
        await ListAsync("/api/v1/nodes", "",
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json",
            node =>
            {
                // A proxy for Linux runs on no other.
                if (Text(node, "metadata", "name") is { Length: > 0 } name && OperatingSystemOf(node) is null or "linux")
                    nodes.Add(name);
            }, cancel).ConfigureAwait(false);
        return nodes;
    }

    private async Task<string> WhyNoneAsync(string node, CancellationToken cancel)
    {
        string none = $"no pod of the proxy runs on {node} (namespace {_place.Namespace}, labels {_place.Selector}); --proxy-namespace " +
            "and --proxy-selector say where else it is";
        try
        {
            List<string> nodes = await NodesAsync(cancel).ConfigureAwait(false);
            return nodes.Contains(node) ? none + "." : $"the cluster has no node '{node}'{NearestName.Question(node, nodes)}";
        }
        catch (Exception failure) when (failure is ApiException || ApiFailures.IsOfTheConnection(failure))
        {
            cancel.ThrowIfCancellationRequested();
            return $"{none}. Whether there is such a node could not be asked.";
        }
    }

    /// <summary>A failure as one line for the operator.</summary>
    internal SourceException Told(Exception failure, string what, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return failure is ApiException refusal
            ? new SourceException(refusal.Status == HttpStatusCode.Forbidden
                ? $"not allowed to make {what}. The server says: {refusal.Message}"
                : refusal.Status == HttpStatusCode.Unauthorized
                ? $"the API server at {_client.Server} does not accept your credentials ({refusal.Message})"
                : $"the API server at {_client.Server} answers {(int)refusal.Status} to {what} ({refusal.Message})", failure)
            : new SourceException(ApiFailures.Reason(failure, _client.Server), failure);
    }

    private static string Denied(string verb, string what, ApiException refusal) =>
        $"not allowed to {verb} {what} (deploy/kubectl-rbac.yaml has the rule). The server says: {refusal.Message}";

    private static ProxyPod? PodOf(JsonElement pod)
    {
        if (Text(pod, "metadata", "name") is not { Length: > 0 } name || Text(pod, "spec", "nodeName") is not { Length: > 0 } node)
            return null;
        string[] containers = [.. Names(pod)];
        string container = s_containers.FirstOrDefault(containers.Contains) ?? containers.FirstOrDefault() ?? "";
        return new ProxyPod(Text(pod, "metadata", "namespace") ?? "", name, container, node)
        {
            IsReady = Conditions(pod, "conditions").Any(static one => Text(one, "type") == "Ready" && Text(one, "status") == "True"),
            IsEnding = Text(pod, "metadata", "deletionTimestamp") is not null,
            NotRunning = WhyNotRunning(pod, container),
        };
    }

    private static string? WhyNotRunning(JsonElement pod, string container)
    {
        JsonElement? status = Conditions(pod, "containerStatuses").Where(one => Text(one, "name") == container)
            .Select(static one => (JsonElement?)one).FirstOrDefault();
        if (status is { } known && known.TryGetProperty("state", out JsonElement state) && state.ValueKind == JsonValueKind.Object)
        {
            if (state.TryGetProperty("running", out _))
                return null;
            foreach (string form in (string[])["waiting", "terminated"])
            {
                if (Text(state, form, "reason") is { } reason)
                    return Objects.Text.Printable(Text(state, form, "message") is { Length: > 0 } message
                        ? $"{reason}: {message}" : reason);
            }
        }
        string phase = Text(pod, "status", "phase") ?? "its phase is unknown";
        return phase == "Running" ? null : Objects.Text.Printable(phase);
    }

    private static IEnumerable<string> Names(JsonElement pod) =>
        pod.TryGetProperty("spec", out JsonElement spec) && spec.TryGetProperty("containers", out JsonElement containers)
        && containers.ValueKind == JsonValueKind.Array
            ? containers.EnumerateArray().Select(static one => Text(one, "name")).OfType<string>() : [];

    private static JsonElement[] Conditions(JsonElement pod, string list) =>
        pod.TryGetProperty("status", out JsonElement status) && status.ValueKind == JsonValueKind.Object
        && status.TryGetProperty(list, out JsonElement all) && all.ValueKind == JsonValueKind.Array ? [.. all.EnumerateArray()] : [];

    private static IEnumerable<JsonElement> Items(JsonElement list) =>
        list.ValueKind == JsonValueKind.Object && list.TryGetProperty("items", out JsonElement items)
        && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray().Where(static one => one.ValueKind == JsonValueKind.Object) : [];

    private static string? OperatingSystemOf(JsonElement node) =>
        node.TryGetProperty("metadata", out JsonElement metadata) ? Text(metadata, "labels", "kubernetes.io/os") : null;

    private static string? Text(JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (string name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
                return null;
        }
        return element.ValueKind == JsonValueKind.String ? element.GetString() : null;
    }
}
