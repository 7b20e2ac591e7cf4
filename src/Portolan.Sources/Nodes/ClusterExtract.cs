using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Portolan.Sources.Api;

namespace Portolan.Sources.Nodes;

/// <summary>
/// The cluster's objects that a question is about, as one List of manifests: a node whose rules are broken may not reach the API server
/// itself.
/// </summary>
public static class ClusterExtract
{
    private const string Json = "application/json";
    // A name without a namespace may be common; more of them make no answer better.
    private const int MostServices = 32;

    /// <summary>The services of a name, address or node port, and their EndpointSlices.</summary>
    /// <param name="pods">The API server.</param>
    /// <param name="name">"shop/web", "web", an address, or a node port.</param>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="SourceException">They cannot be read; one line.</exception>
    public static Task<byte[]> OfServiceAsync(NodePods pods, string name, CancellationToken cancel) =>
        ToldAsync(pods, async writer =>
        {
            var found = new List<(string Namespace, string Name)>();
            string space = name.Split('/') is [{ Length: > 0 } one, _] ? $"namespaces/{Uri.EscapeDataString(one)}/" : "";
            string wanted = name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..];
            await pods.ListAsync($"/api/v1/{space}services", "", Json, service =>
            {
                if (found.Count >= MostServices || !IsMeant(service, wanted))
                    return;
                Write(writer, service, "v1", "Service");
                JsonElement metadata = service.GetProperty("metadata");
                found.Add((metadata.GetProperty("namespace").GetString()!, metadata.GetProperty("name").GetString()!));
            }, cancel).ConfigureAwait(false);
            foreach ((string @namespace, string service) in found)
            {
                string label = Uri.EscapeDataString($"kubernetes.io/service-name={service}");
                await pods.ListAsync($"/apis/discovery.k8s.io/v1/namespaces/{Uri.EscapeDataString(@namespace)}/endpointslices",
                    $"&labelSelector={label}", Json, slice => Write(writer, slice, "discovery.k8s.io/v1", "EndpointSlice"), cancel)
                    .ConfigureAwait(false);
            }
        }, cancel);

    /// <summary>All Services, EndpointSlices and Nodes.</summary>
    /// <param name="pods">The API server.</param>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="SourceException">They cannot be read; one line.</exception>
    public static Task<byte[]> OfAllAsync(NodePods pods, CancellationToken cancel) =>
        ToldAsync(pods, async writer =>
        {
            foreach ((string path, string version, string kind) in ((string, string, string)[])
                [("/api/v1/services", "v1", "Service"),
                    ("/apis/discovery.k8s.io/v1/endpointslices", "discovery.k8s.io/v1", "EndpointSlice"),
                ("/api/v1/nodes", "v1", "Node")])
                await pods.ListAsync(path, "", Json, one => Write(writer, one, version, kind), cancel).ConfigureAwait(false);
        }, cancel);

    private static async Task<byte[]> ToldAsync(NodePods pods, Func<Utf8JsonWriter, Task> write, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(pods);
        var bytes = new ArrayBufferWriter<byte>();
        await using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteString("apiVersion", "v1");
            writer.WriteString("kind", "List");
            writer.WriteStartArray("items");
            try
            {
                await write(writer).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is ApiException or KeyNotFoundException || ApiFailures.IsOfTheConnection(failure))
            {
                throw pods.Told(failure, "a request for services and endpoints", cancel);
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return bytes.WrittenSpan.ToArray();
    }

    // The items of a list do not say their kind. Who manages which field is of no interest, and often longer than the rest.
    private static void Write(Utf8JsonWriter writer, JsonElement item, string version, string kind)
    {
        writer.WriteStartObject();
        writer.WriteString("apiVersion", version);
        writer.WriteString("kind", kind);
        foreach (JsonProperty property in item.EnumerateObject().Where(static property => property.Name is not ("apiVersion" or "kind")))
        {
            if (property.Name != "metadata" || property.Value.ValueKind != JsonValueKind.Object)
            {
                property.WriteTo(writer);
                continue;
            }
            writer.WriteStartObject("metadata");
            foreach (JsonProperty field in property.Value.EnumerateObject().Where(static field => field.Name != "managedFields"))
                field.WriteTo(writer);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    private static bool IsMeant(JsonElement service, string wanted)
    {
        if (Child(service, "metadata") is { } metadata && TextOf(metadata, "name") == wanted)
            return true;
        if (Child(service, "spec") is not { } spec)
            return false;
        if (ushort.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
            return ItemsOf(spec, "ports").Any(one => one.TryGetProperty("nodePort", out JsonElement nodePort)
                && nodePort.ValueKind == JsonValueKind.Number && nodePort.TryGetInt32(out int number) && number == port);
        if (!IPEndPoint.TryParse(wanted, out IPEndPoint? target))
            return false;
        bool IsTarget(string? text) => IPAddress.TryParse(text, out IPAddress? address) && address.Equals(target.Address);
        return IsTarget(TextOf(spec, "clusterIP"))
            || ItemsOf(spec, "clusterIPs").Concat(ItemsOf(spec, "externalIPs")).Any(one => one.ValueKind == JsonValueKind.String
                && IsTarget(one.GetString()))
            || (Child(service, "status") is { } status && Child(status, "loadBalancer") is { } balancer
                && ItemsOf(balancer, "ingress").Any(one => IsTarget(TextOf(one, "ip"))))
            // At another node's address: whose node port it is.
            || (target.Port > 0 && IsMeant(service, target.Port.ToString(CultureInfo.InvariantCulture)));
    }

    private static JsonElement? Child(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement child)
        && child.ValueKind == JsonValueKind.Object ? child : null;

    private static JsonElement[] ItemsOf(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement items)
        && items.ValueKind == JsonValueKind.Array ? [.. items.EnumerateArray()] : [];

    private static string? TextOf(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement value)
        && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
