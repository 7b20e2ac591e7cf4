using System.Globalization;
using System.Text.Json.Nodes;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Proxies;

/// <summary>The cluster as a folder of manifests, one object to a file, as `portolan proxy --manifests` follows it.</summary>
public sealed class ManifestFolder
{
    private readonly Dictionary<ObjectKey, string> _files = [];
    private readonly string _drafts;

    public ManifestFolder(string path)
    {
        Path = Directory.CreateDirectory(path).FullName;
        // Beside the folder and not in it, so that no half-written file can be read.
        _drafts = Directory.CreateDirectory(path + ".drafts").FullName;
    }

    public string Path { get; }

    /// <summary>Writes an object's file; it is replaced as a whole.</summary>
    public void Apply(ObjectKey key, JsonObject value)
    {
        ArgumentNullException.ThrowIfNull(value);
        // Objects can have any name; files get numbers.
        if (!_files.TryGetValue(key, out string? file))
            _files[key] = file = string.Create(CultureInfo.InvariantCulture, $"{_files.Count:d4}-{key.Kind.ToLowerInvariant()}.json");
        string draft = System.IO.Path.Combine(_drafts, file);
        File.WriteAllText(draft, value.ToJsonString());
        File.Move(draft, System.IO.Path.Combine(Path, file), overwrite: true);
    }

    public void Delete(ObjectKey key)
    {
        if (_files.TryGetValue(key, out string? file))
            File.Delete(System.IO.Path.Combine(Path, file));
    }
}
