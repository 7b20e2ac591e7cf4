using System.Globalization;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Api;

/// <summary>
/// What has been sent of one kind, so that a list after a gap becomes the difference: what is new, what changed and what was deleted. Keeps
/// a name and a version per object, nothing of the object itself.
/// </summary>
internal sealed class KnownObjects
{
    private readonly Dictionary<ObjectName, Entry> _objects = [];
    private uint _listing;

    /// <summary>Begins to compare with a list.</summary>
    public void BeginList() => _listing++;

    /// <summary>
    /// Takes an object as it is now. True when it has to be sent: it is new or of another version than the one sent last.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="resourceVersion">Its version; one that is not a number never counts as unchanged.</param>
    /// <param name="isSent">True for an object that is passed on, false for one that is only recorded.</param>
    /// <param name="wasSent">True if it was passed on before.</param>
    public bool Take(ObjectName name, string resourceVersion, bool isSent, out bool wasSent)
    {
        ulong.TryParse(resourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out ulong version);
        bool isKnown = _objects.TryGetValue(name, out Entry before);
        wasSent = isKnown && before.IsSent;
        _objects[name] = new Entry(version, _listing, isSent);
        return !isKnown || version == 0 || before.Version != version || before.IsSent != isSent;
    }

    /// <summary>Forgets an object; true if it had been passed on.</summary>
    public bool Remove(ObjectName name) => _objects.Remove(name, out Entry before) && before.IsSent;

    /// <summary>Ends the comparison and returns the objects missing from the list, and whether they had been passed on.</summary>
    public List<(ObjectName Name, bool WasSent)> EndList()
    {
        List<(ObjectName Name, bool WasSent)> missing =
            [.. _objects.Where(known => known.Value.Listing != _listing).Select(known => (known.Key, known.Value.IsSent))];
        foreach ((ObjectName name, _) in missing)
            _objects.Remove(name);
        return missing;
    }

    private readonly record struct Entry(ulong Version, uint Listing, bool IsSent);
}
