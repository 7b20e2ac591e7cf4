using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Portolan.Services.Cluster;
using Portolan.Sources.Objects;
using YamlDotNet.Core;

namespace Portolan.Sources.Manifests;

/// <summary>One object of a manifest.</summary>
/// <param name="Set">The event that hands it on.</param>
/// <param name="Hash">Of its JSON: equal for an object that did not change, though its file did.</param>
/// <param name="Document">Where it is, for messages: "document 2".</param>
internal readonly record struct ManifestObject(ClusterEvent Set, UInt128 Hash, string Document);

/// <summary>What a manifest's bytes say.</summary>
/// <param name="Objects">The objects of the kinds a service proxy reads.</param>
/// <param name="Problems">What is wrong; Object is the file's name, Field the document and the field in it.</param>
/// <param name="IsSound">False when the file does not parse or an object in it is not as Kubernetes would accept it.</param>
internal sealed record ManifestFile(
    IReadOnlyDictionary<ObjectKey, ManifestObject> Objects, ImmutableArray<Problem> Problems, bool IsSound)
{
    /// <summary>About 25,000 services with their endpoints; nobody writes larger manifests.</summary>
    public const int LargestFile = 32 << 20;

    public static bool IsManifestName(string fileName) =>
        !fileName.StartsWith('.') && Path.GetExtension(fileName) is ".yaml" or ".yml" or ".json";
}

/// <summary>Reads manifests: YAML with several documents, JSON, and lists of objects in either.</summary>
internal sealed class ManifestReader
{
    private readonly ObjectReader _objects = new();
    private readonly Dictionary<ObjectKey, ManifestObject> _found = [];
    private readonly List<Problem> _problems = [];
    private string _file = "";
    private bool _isSound;

    /// <summary>Reads the bytes of a file; never throws for what they contain.</summary>
    public ManifestFile Read(string fileName, ReadOnlyMemory<byte> bytes)
    {
        _file = fileName;
        _found.Clear();
        _problems.Clear();
        _isSound = true;
        if (bytes.Length > ManifestFile.LargestFile)
            Broken("", $"is larger than {ManifestFile.LargestFile >> 20} MiB; not read");
        else if (!Utf8.IsValid(bytes.Span))
            Broken("", "is not UTF-8 text; not read");
        else if (Path.GetExtension(fileName) == ".json")
            ReadJson(WithoutMark(bytes).Span);
        else
            ReadYaml(WithoutMark(bytes));
        return new ManifestFile(_found.ToDictionary(), [.. _problems], _isSound);
    }

    private static ReadOnlyMemory<byte> WithoutMark(ReadOnlyMemory<byte> bytes) =>
        bytes.Span.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;

    private void ReadYaml(ReadOnlyMemory<byte> bytes)
    {
        using var text = new StreamReader(new MemoryStream(bytes.ToArray(), writable: false), Encoding.UTF8);
        var documents = new YamlDocuments(text);
        for (int number = 1; ; number++)
        {
            string document = $"document {number}";
            try
            {
                if (documents.Next() is not { } json)
                    return;
                ReadObject(json.Span, document, inheritedKind: null);
            }
            catch (YamlException broken)
            {
                // The parser cannot find the next document behind an error; what came before stays usable.
                Broken($"{document}, line {broken.Start.Line}, column {broken.Start.Column}", Text.Printable(broken.Message));
                return;
            }
            // Seen from the parser on some malformed input; the file is as broken as with its own exception.
            catch (Exception broken) when (broken is ArgumentException or InvalidOperationException or FormatException)
            {
                Broken(document, $"cannot be parsed: {Text.Printable(broken.Message)}");
                return;
            }
        }
    }

    private void ReadJson(ReadOnlySpan<byte> bytes)
    {
        int number = 1;
        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { AllowMultipleValues = true });
            for (; reader.Read(); number++)
            {
                int start = (int)reader.TokenStartIndex;
                reader.Skip();
                ReadObject(bytes[start..(int)reader.BytesConsumed], $"document {number}", inheritedKind: null);
            }
        }
        catch (JsonException broken)
        {
            Broken(
                $"document {number}, line {broken.LineNumber + 1}, column {broken.BytePositionInLine + 1}",
                $"cannot be parsed: {Text.Printable(broken.Message)}");
        }
        // An escape that is not a valid character, where text is read.
        catch (InvalidOperationException broken)
        {
            Broken($"document {number}", $"cannot be parsed: {Text.Printable(broken.Message)}");
        }
    }

    private void ReadObject(ReadOnlySpan<byte> json, string document, string? inheritedKind)
    {
        (string? apiVersion, string? kind, bool hasItems) = Identify(json);
        if (apiVersion is null && kind is null && json is [(byte)'n', ..])
            return; // An empty document, as between two "---".
        kind ??= inheritedKind;
        if (kind is null)
        {
            Broken(document, "has no kind; it is not a Kubernetes object");
            return;
        }
        if (hasItems && kind.EndsWith("List", StringComparison.Ordinal))
        {
            ReadItems(json, document, kind[..^"List".Length]);
            return;
        }
        ObjectKind known = apiVersion is null && inheritedKind is not null ? OfInherited(kind) : ObjectKinds.Of(apiVersion, kind);
        if (known != ObjectKind.Other)
            Keep(_objects.Read(known, json), document, Hash(json));
    }

    private void ReadItems(ReadOnlySpan<byte> json, string document, string itemKind)
    {
        var notes = new ProblemNotes();
        var list = new ObjectJson(json, notes);
        list.EnterObject();
        while (list.NextProperty("items"u8))
        {
            if (!list.EnterArray())
                continue;
            for (int index = 0; list.NextElement(); index++)
                ReadObject(list.Raw(), $"{document}, items[{index}]", itemKind.Length > 0 ? itemKind : null);
        }
    }

    private void Keep(ObjectReading reading, string document, UInt128 hash)
    {
        foreach (Problem problem in reading.Problems)
        {
            string field = problem.Field.Length == 0 ? "" : $", {problem.Field}";
            _problems.Add(new Problem("Manifest", _file, $"{document}, {problem.Kind} {problem.Object}{field}", problem.Message));
        }
        if (reading.Set is not { } set)
        {
            // A slice that is none of ours is a warning; an object without a usable name is an error of the file.
            _isSound &= reading.Key is not null;
            return;
        }
        _isSound &= reading.Problems.IsEmpty;
        ObjectKey key = reading.Key!.Value;
        if (!_found.TryAdd(key, new ManifestObject(set, hash, document)))
            Broken($"{document}, {key}", $"already defined in {_found[key].Document} of this file, which wins");
    }

    private void Broken(string where, string message)
    {
        _isSound = false;
        _problems.Add(new Problem("Manifest", _file, where, message));
    }

    private static (string? ApiVersion, string? Kind, bool HasItems) Identify(ReadOnlySpan<byte> json)
    {
        string? apiVersion = null;
        string? kind = null;
        bool hasItems = false;
        if (json is not [(byte)'{', ..])
            return default;
        var cursor = new ObjectJson(json, new ProblemNotes());
        cursor.EnterObject();
        while (cursor.NextProperty())
        {
            if (cursor.Is("apiVersion"u8))
            {
                apiVersion = cursor.String();
            }
            else if (cursor.Is("kind"u8))
            {
                kind = cursor.String();
            }
            else
            {
                hasItems |= cursor.Is("items"u8);
                cursor.Skip();
            }
        }
        return (apiVersion, kind, hasItems);
    }

    // The items of a typed list (ServiceList) carry neither apiVersion nor kind.
    private static ObjectKind OfInherited(string kind) => kind switch
    {
        "Service" => ObjectKind.Service,
        "EndpointSlice" => ObjectKind.EndpointSlice,
        "Node" => ObjectKind.Node,
        "ServiceCIDR" => ObjectKind.ServiceCidr,
        _ => ObjectKind.Other,
    };

    private static UInt128 Hash(ReadOnlySpan<byte> json)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(json, digest);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(digest);
    }
}
