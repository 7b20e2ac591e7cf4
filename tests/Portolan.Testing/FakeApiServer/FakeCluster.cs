using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Portolan.Testing.FakeApiServer;

/// <summary>An object as the fake stores it: JSON with its resource version, and what selectors look at.</summary>
public sealed record FakeObject(string Namespace, string Name, long Version, byte[] Json, IReadOnlySet<string> Labels)
{
    public string Key => $"{Namespace}/{Name}";
}

/// <summary>One entry of the history from which watches are served.</summary>
internal sealed record FakeChange(long Version, FakeObject? Before, FakeObject? After, byte[]? DeletedJson);

/// <summary>
/// What an API server keeps: objects, one growing resource version for all of them, and a history that can be compacted. Thread-safe.
/// </summary>
public sealed class FakeCluster
{
    private readonly Lock _lock = new();
    private readonly Dictionary<FakeResource, SortedDictionary<string, FakeObject>> _objects =
        FakeResource.All.ToDictionary(resource => resource, _ => new SortedDictionary<string, FakeObject>(StringComparer.Ordinal));

    private readonly Dictionary<FakeResource, List<FakeChange>> _history =
        FakeResource.All.ToDictionary(resource => resource, _ => new List<FakeChange>());
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _version = 1000;
    private long _compacted;

    /// <summary>The newest resource version.</summary>
    public long Version
    {
        get
        {
            lock (_lock)
                return _version;
        }
    }

    /// <summary>Completes at the next change.</summary>
    internal Task Changed
    {
        get
        {
            lock (_lock)
                return _changed.Task;
        }
    }

    /// <summary>Creates or replaces an object given as JSON; a List applies its items.</summary>
    public void Apply(string json)
    {
        JsonObject parsed = JsonNode.Parse(json)!.AsObject();
        if (parsed["items"] is JsonArray items)
        {
            foreach (JsonNode? item in items)
                Apply(item!.AsObject());
        }
        else
        {
            Apply(parsed);
        }
    }

    /// <summary>Deletes an object; false when there is none.</summary>
    public bool Delete(FakeResource resource, string @namespace, string name)
    {
        ArgumentNullException.ThrowIfNull(resource);
        lock (_lock)
        {
            if (!_objects[resource].Remove($"{@namespace}/{name}", out FakeObject? before))
                return false;
            // A DELETED event shows the object as it was, with the version of its deletion.
            JsonObject last = JsonNode.Parse(before.Json)!.AsObject();
            _version++;
            last["metadata"]!["resourceVersion"] = _version.ToString(CultureInfo.InvariantCulture);
            Record(resource, new FakeChange(_version, before, null, Encoding.UTF8.GetBytes(last.ToJsonString())));
            return true;
        }
    }

    /// <summary>Forgets the history: who watches from before now is told 410 Gone.</summary>
    public void Compact()
    {
        lock (_lock)
        {
            _compacted = _version;
            foreach (List<FakeChange> history in _history.Values)
                history.Clear();
        }
    }

    /// <summary>Moves the resource version on, as other objects' changes do.</summary>
    public void Advance(long by)
    {
        lock (_lock)
        {
            _version += by;
            Wake();
        }
    }

    /// <summary>All objects of a kind that match.</summary>
    public IReadOnlyList<FakeObject> Snapshot(FakeResource resource, FakeSelector selector, out long version)
    {
        ArgumentNullException.ThrowIfNull(selector);
        lock (_lock)
        {
            version = _version;
            return [.. _objects[resource].Values.Where(selector.Matches)];
        }
    }

    /// <summary>The changes behind a version, as a watch with this selector sees them; null when that far back is forgotten.</summary>
    internal List<(string Type, byte[] Json)>? ChangesSince(FakeResource resource, FakeSelector selector, ref long version)
    {
        lock (_lock)
        {
            if (version < _compacted)
                return null;
            var events = new List<(string Type, byte[] Json)>();
            List<FakeChange> history = _history[resource];
            long from = version;
            int first = history.FindIndex(change => change.Version > from);
            for (int i = first < 0 ? history.Count : first; i < history.Count; i++)
            {
                FakeChange change = history[i];
                bool was = change.Before is { } before && selector.Matches(before);
                bool isNow = change.After is { } after && selector.Matches(after);
                if (isNow)
                    events.Add((was ? "MODIFIED" : "ADDED", change.After!.Json));
                else if (was)
                    events.Add(("DELETED", change.DeletedJson ?? change.After!.Json));
            }
            version = _version;
            return events;
        }
    }

    private void Apply(JsonObject json)
    {
        FakeResource resource = FakeResource.OfKind((string?)json["kind"])
            ?? throw new ArgumentException($"not a kind offered here: {json["kind"]}");
        var metadata = (JsonObject)json["metadata"]!;
        if (resource == FakeResource.Services || resource == FakeResource.EndpointSlices)
            metadata["namespace"] ??= "default";
        string @namespace = (string?)metadata["namespace"] ?? "";
        string name = (string)metadata["name"]!;
        HashSet<string> labels = [.. (metadata["labels"] as JsonObject)?
            .SelectMany(label => (string[])[label.Key, $"{label.Key}={label.Value}"]) ?? []];
        lock (_lock)
        {
            _version++;
            metadata["resourceVersion"] = _version.ToString(CultureInfo.InvariantCulture);
            metadata["uid"] ??= $"{resource.Kind}-{@namespace}-{name}";
            FakeObject? before = _objects[resource].GetValueOrDefault($"{@namespace}/{name}");
            var after = new FakeObject(@namespace, name, _version, JsonSerializer.SerializeToUtf8Bytes(json), labels);
            _objects[resource][after.Key] = after;
            Record(resource, new FakeChange(_version, before, after, null));
        }
    }

    private void Record(FakeResource resource, FakeChange change)
    {
        _history[resource].Add(change);
        Wake();
    }

    private void Wake()
    {
        _changed.TrySetResult();
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>The selectors that clients use: labels that must not be there, labels with a value, one name.</summary>
public sealed record FakeSelector(IReadOnlyList<string> AbsentLabels, string? Name)
{
    /// <summary>"key=value" of labels that must be there.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Matches everything.</summary>
    public static FakeSelector All { get; } = new([], null);

    /// <summary>From labelSelector and fieldSelector of a query.</summary>
    public static FakeSelector Parse(string? labels, string? fields) => new(
        [.. (labels ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Where(label => label[0] == '!').Select(label => label[1..])],
        fields?.Split('=') is ["metadata.name", string name] ? name : null)
    {
        Labels = [.. (labels ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Where(label => label[0] != '!')],
    };

    public bool Matches(FakeObject found)
    {
        ArgumentNullException.ThrowIfNull(found);
        return (Name is null || found.Name == Name) && !AbsentLabels.Any(found.Labels.Contains)
            && Labels.All(found.Labels.Contains);
    }
}
