using System.Text.Json;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Api;

/// <summary>Types of meta/v1 WatchEvent.</summary>
internal enum WatchEventType : byte
{
    /// <summary>A type later servers may add: passed over.</summary>
    Unknown,

    /// <summary>ADDED or MODIFIED: which of them says nothing that the source's own book-keeping does not know.</summary>
    Set,

    /// <summary>DELETED, also for an object that no longer matches the selector.</summary>
    Deleted,

    /// <summary>BOOKMARK: only a resource version.</summary>
    Bookmark,

    /// <summary>ERROR: a Status; the watch is over.</summary>
    Error,
}

/// <summary>One event of a watch, read.</summary>
internal readonly record struct WatchEvent(WatchEventType Type, ObjectReading Object, ApiException? Error)
{
    /// <summary>Reads a frame of a watch.</summary>
    /// <exception cref="InvalidDataException">It is JSON, but no event.</exception>
    public static WatchEvent Read(ReadOnlySpan<byte> frame, ObjectKind kind, ObjectReader reader)
    {
        WatchEventType? type = null;
        ReadOnlySpan<byte> value = default;
        try
        {
            var json = new ObjectJson(frame, new ProblemNotes());
            json.EnterObject();
            while (json.NextProperty())
            {
                if (json.Is("type"u8))
                    type = TypeOf(json.String());
                else if (json.Is("object"u8))
                    value = json.Raw();
                else
                    json.Skip();
            }
        }
        catch (InvalidOperationException notUtf8)
        {
            throw new InvalidDataException("a watch event that is not UTF-8 text", notUtf8);
        }
        return type switch
        {
            null => throw new InvalidDataException("an object without a type where a watch event is expected"),
            WatchEventType.Error => new WatchEvent(WatchEventType.Error, default, ApiException.FromStatus(value)),
            WatchEventType.Unknown => default,
            WatchEventType known when value.IsEmpty => throw new InvalidDataException($"a {known} watch event without an object"),
            WatchEventType known => new WatchEvent(known, reader.Read(kind, value), null),
        };
    }

    private static WatchEventType TypeOf(string? type) => type switch
    {
        "ADDED" or "MODIFIED" => WatchEventType.Set,
        "DELETED" => WatchEventType.Deleted,
        "BOOKMARK" => WatchEventType.Bookmark,
        "ERROR" => WatchEventType.Error,
        _ => WatchEventType.Unknown,
    };
}

/// <summary>The metadata of a list (meta/v1 ListMeta).</summary>
internal static class ListMetadata
{
    public static (string ResourceVersion, string Continue) Read(ReadOnlySpan<byte> json)
    {
        string version = "";
        string continueToken = "";
        try
        {
            var metadata = new ObjectJson(json, new ProblemNotes());
            metadata.EnterObject();
            while (metadata.NextProperty())
            {
                if (metadata.Is("resourceVersion"u8))
                    version = metadata.String() ?? "";
                else if (metadata.Is("continue"u8))
                    continueToken = metadata.String() ?? "";
                else
                    metadata.Skip();
            }
        }
        catch (InvalidOperationException notUtf8)
        {
            throw new JsonException("the metadata of a list is not UTF-8 text", notUtf8);
        }
        return (version, continueToken);
    }
}
