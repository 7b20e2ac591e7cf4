using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using YamlDotNet.Core;

namespace Portolan.Sources.Manifests;

/// <summary>Objects of manifests as they are written there, for people who want to read them.</summary>
public static class ManifestExtract
{
    /// <summary>A service and its EndpointSlices, each as JSON; none when the manifests do not have them.</summary>
    /// <param name="path">A folder, or a single file.</param>
    /// <param name="namespace">The service's namespace.</param>
    /// <param name="name">The service's name.</param>
    /// <exception cref="SourceException">The path cannot be read.</exception>
    public static ImmutableArray<ReadOnlyMemory<byte>> OfService(string path, string @namespace, string name)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            IEnumerable<string> files = File.Exists(path) ? [path]
                : ManifestSource.ManifestsIn(path).Select(file => Path.Combine(path, file));
            return [.. files.SelectMany(Documents).SelectMany(document => Meant(document, @namespace, name))];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"The manifests at {path} cannot be read: {failure.Message}", failure);
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Documents(string file)
    {
        // JSON is YAML too.
        using var text = new StreamReader(new MemoryStream(ManifestSource.ReadBytes(file).ToArray(), writable: false), Encoding.UTF8);
        var documents = new YamlDocuments(text);
        while (NextOf(documents) is { } document)
            yield return document;
    }

    // What cannot be parsed is told by those who serve from it.
    private static ReadOnlyMemory<byte>? NextOf(YamlDocuments documents)
    {
        try
        {
            return documents.Next();
        }
        catch (Exception broken) when (broken is YamlException or ArgumentException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Meant(ReadOnlyMemory<byte> json, string @namespace, string name)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement root = document.RootElement;
        IEnumerable<JsonElement> objects = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("items", out JsonElement items)
            && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray() : [root];
        return [.. objects.Where(one => IsMeant(one, @namespace, name)).Select(static one =>
            (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(one.GetRawText()))];
    }

    private static bool IsMeant(JsonElement one, string @namespace, string name)
    {
        if (Text(one, "kind") is not ("Service" or "EndpointSlice") || !one.TryGetProperty("metadata", out JsonElement metadata)
            || (Text(metadata, "namespace") ?? "default") != @namespace)
            return false;
        return Text(one, "kind") == "Service" ? Text(metadata, "name") == name
            : metadata.TryGetProperty("labels", out JsonElement labels) && Text(labels, "kubernetes.io/service-name") == name;
    }

    private static string? Text(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out JsonElement value)
        && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
