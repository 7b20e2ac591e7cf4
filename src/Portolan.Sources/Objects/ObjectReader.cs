using System.Collections.Immutable;
using System.Text.Json;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Objects;

/// <summary>
/// Reads one Kubernetes object from its JSON (UTF-8) to the typed form the service model takes: the one mapping of fields behind the API
/// source and the manifest source. Unknown fields are skipped, as an older kube-proxy would. Keeps buffers and pooled texts between
/// objects, so one reader serves one task.
/// </summary>
internal sealed class ObjectReader
{
    private readonly ProblemNotes _notes = new();
    private readonly StringPool _pool = new();
    private readonly ServiceReader _services;
    private readonly EndpointSliceReader _slices;
    private readonly NodeReader _nodes;

    public ObjectReader()
    {
        _services = new ServiceReader(_notes, _pool);
        _slices = new EndpointSliceReader(_notes, _pool);
        _nodes = new NodeReader(_notes, _pool);
    }

    /// <summary>Reads an object of a known kind. JSON that is broken makes a reading without key or event, with one problem.</summary>
    public ObjectReading Read(ObjectKind kind, ReadOnlySpan<byte> json)
    {
        _notes.Clear();
        Metadata metadata = default;
        try
        {
            var cursor = new ObjectJson(json, _notes);
            ClusterEvent? set = kind switch
            {
                ObjectKind.Service => _services.Read(ref cursor, out metadata),
                ObjectKind.EndpointSlice => _slices.Read(ref cursor, out metadata),
                ObjectKind.Node => _nodes.Read(ref cursor, out metadata),
                ObjectKind.ServiceCidr => _nodes.ReadServiceCidr(ref cursor, out metadata),
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a kind that is read"),
            };
            return Reading(kind, metadata, set);
        }
        // Utf8JsonReader reports text that is not UTF-8 as InvalidOperationException.
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            _notes.Clear();
            _notes.Add("", "its JSON is invalid; the object is left out");
            return Unnamed(kind, metadata);
        }
    }

    private ObjectReading Reading(ObjectKind kind, Metadata metadata, ClusterEvent? set)
    {
        ObjectName name = metadata.NameOf(kind);
        bool hasNamespace = kind is ObjectKind.Service or ObjectKind.EndpointSlice;
        if (!Metadata.IsUsableName(name.Name) || (hasNamespace && !Metadata.IsUsableName(name.Namespace)))
        {
            _notes.Clear();
            _notes.Add(
                Metadata.IsUsableName(name.Name) ? "metadata.namespace" : "metadata.name",
                "is not a valid Kubernetes name (1 to 253 letters, digits, '-', '.' or '_'); the object is left out");
            return Unnamed(kind, metadata);
        }
        return new ObjectReading(new ObjectKey(kind, name), metadata.ResourceVersion ?? "", set, ProblemsOf(set, kind, name));
    }

    private ImmutableArray<Problem> ProblemsOf(ClusterEvent? set, ObjectKind kind, ObjectName name) => set switch
    {
        ClusterEvent.ServiceSet service => service.Service.Problems,
        ClusterEvent.SliceSet slice => slice.Slice.Problems,
        ClusterEvent.NodeSet node => node.Node!.Problems,
        ClusterEvent.ServiceCidrSet cidr => cidr.Cidr.Problems,
        _ => _notes.For(ObjectKinds.NameOf(kind), name.ToString()),
    };

    private ObjectReading Unnamed(ObjectKind kind, Metadata metadata)
    {
        string shown = metadata.Name is null ? "(no name)" : Text.Printable(metadata.NameOf(kind).ToString());
        return new ObjectReading(null, metadata.ResourceVersion ?? "", null, _notes.For(ObjectKinds.NameOf(kind), shown));
    }
}
