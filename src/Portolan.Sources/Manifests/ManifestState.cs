using System.Collections.Immutable;
using Portolan.Services.Cluster;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Manifests;

/// <summary>
/// The objects that a folder's files say, and the differences that a changed file makes. Pure: no file is touched here. A file whose new
/// version is not sound keeps its last sound one; an object in two files is the first one's by file name.
/// </summary>
internal sealed class ManifestState(string nodeName)
{
    private readonly SortedDictionary<string, Entry> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<ObjectKey, SortedSet<string>> _owners = [];

    /// <summary>File names, in order.</summary>
    public IReadOnlyCollection<string> Files => _files.Keys;

    /// <summary>True when the cluster described has a Node of this node's name.</summary>
    public bool HasNode => _owners.ContainsKey(new ObjectKey(ObjectKind.Node, new ObjectName("", nodeName)));

    /// <summary>What is wrong with the current files, and which objects are in more than one.</summary>
    public ImmutableArray<Problem> Problems() =>
    [
        .. _files.Values.SelectMany(file => file.Problems),
        .. _owners.Where(owner => owner.Value.Count > 1).SelectMany(owner => owner.Value.Skip(1).Select(file => new Problem(
            "Manifest", file, $"{_files[file].Objects[owner.Key].Document}, {owner.Key}",
            $"already defined in {owner.Value.Min}, which wins"))).OrderBy(problem => problem.Object, StringComparer.Ordinal),
    ];

    /// <summary>Takes a file's new content and returns what it changes, in an order in which no service is without its endpoints.</summary>
    public IReadOnlyList<ClusterEvent> Set(string fileName, ManifestFile file)
    {
        bool hasOlder = _files.TryGetValue(fileName, out Entry? older);
        bool keepsOlder = !file.IsSound && hasOlder && older!.IsSound;
        IReadOnlyDictionary<ObjectKey, ManifestObject> objects = keepsOlder ? older!.Objects : file.Objects;
        // Once unsound, the sound version before it stays the one to fall back to, however many unsound ones follow.
        ImmutableArray<Problem> problems = keepsOlder
            ? [.. file.Problems, new Problem("Manifest", fileName, "", "its last good version stays in force")]
            : file.Problems;
        return Replace(fileName, new Entry(objects, problems, file.IsSound || keepsOlder));
    }

    /// <summary>Takes a file away and returns what that changes.</summary>
    public IReadOnlyList<ClusterEvent> Remove(string fileName) => Replace(fileName, null);

    /// <summary>Notes that a file could not be read; what it said stays in force.</summary>
    public void SetUnreadable(string fileName, string reason)
    {
        var problem = new Problem("Manifest", fileName, "", reason);
        _files[fileName] = _files.TryGetValue(fileName, out Entry? known)
            ? known with { Problems = [problem] }
            : new Entry(new Dictionary<ObjectKey, ManifestObject>(), [problem], IsSound: false);
    }

    private List<ClusterEvent> Replace(string fileName, Entry? entry)
    {
        IReadOnlyDictionary<ObjectKey, ManifestObject> before = _files.GetValueOrDefault(fileName)?.Objects ?? Entry.NoObjects;
        IReadOnlyDictionary<ObjectKey, ManifestObject> after = entry?.Objects ?? Entry.NoObjects;
        List<(ObjectKey Key, ManifestObject? Before)> affected =
            [.. before.Keys.Union(after.Keys).Select(key => (key, InForce(key)))];
        if (entry is null)
            _files.Remove(fileName);
        else
            _files[fileName] = entry;
        foreach ((ObjectKey key, _) in affected)
            SetOwner(key, fileName, owns: after.ContainsKey(key));
        var changes = new List<ClusterEvent>();
        foreach ((ObjectKey key, ManifestObject? was) in affected)
        {
            if (key.Kind == ObjectKind.Node && key.Name.Name != nodeName)
                continue;
            ManifestObject? now = InForce(key);
            if (now is { } present && present.Hash != was?.Hash)
                changes.Add(present.Set);
            else if (now is null && was is not null)
                changes.Add(ObjectKinds.Gone(key));
        }
        changes.Sort((left, right) => Order(left).CompareTo(Order(right)));
        return changes;
    }

    private ManifestObject? InForce(ObjectKey key) =>
        _owners.TryGetValue(key, out SortedSet<string>? owners) ? _files[owners.Min!].Objects[key] : null;

    private void SetOwner(ObjectKey key, string fileName, bool owns)
    {
        if (owns)
        {
            if (!_owners.TryGetValue(key, out SortedSet<string>? owners))
                _owners[key] = owners = new SortedSet<string>(StringComparer.Ordinal);
            owners.Add(fileName);
        }
        else if (_owners.TryGetValue(key, out SortedSet<string>? owners) && owners.Remove(fileName) && owners.Count == 0)
        {
            _owners.Remove(key);
        }
    }

    // Endpoints come before the service that sends traffic to them, and leave after what replaces them has come.
    private static int Order(ClusterEvent change) => change switch
    {
        ClusterEvent.NodeSet => 0,
        ClusterEvent.ServiceCidrSet => 1,
        ClusterEvent.SliceSet => 2,
        ClusterEvent.ServiceSet => 3,
        ClusterEvent.ServiceGone => 4,
        _ => 5,
    };

    private sealed record Entry(
        IReadOnlyDictionary<ObjectKey, ManifestObject> Objects, ImmutableArray<Problem> Problems, bool IsSound)
    {
        public static readonly IReadOnlyDictionary<ObjectKey, ManifestObject> NoObjects = new Dictionary<ObjectKey, ManifestObject>();
    }
}
