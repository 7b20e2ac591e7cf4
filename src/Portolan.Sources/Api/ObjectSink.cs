using System.Threading.Channels;
using Portolan.Services.Cluster;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Api;

/// <summary>
/// Turns what lists and watches of one kind say into events: each change once, deletions that happened out of sight included.
/// </summary>
/// <param name="kind">The kind.</param>
/// <param name="onlyName">The one object of this kind that is of interest; null for all.</param>
/// <param name="events">Where the events go.</param>
/// <param name="problems">Where problems of objects go that make no event.</param>
internal sealed class ObjectSink(ObjectKind kind, string? onlyName, ChannelWriter<ClusterEvent> events, SourceProblems problems)
{
    private readonly KnownObjects _known = new();
    private readonly HashSet<ObjectName> _withProblems = [];
    private NodeObject? _node;
    private bool _hasList;

    /// <summary>Begins a list of all objects.</summary>
    public void BeginList() => _known.BeginList();

    /// <summary>Ends the list: what was not in it has been deleted.</summary>
    public async ValueTask EndListAsync(CancellationToken cancel)
    {
        foreach ((ObjectName name, bool wasSent) in _known.EndList())
            await GoneAsync(name, wasSent, cancel).ConfigureAwait(false);
        if (kind == ObjectKind.Node && _node is null && !_hasList)
            await events.WriteAsync(new ClusterEvent.NodeSet(null), cancel).ConfigureAwait(false);
        _hasList = true;
    }

    /// <summary>An object as it is now.</summary>
    public async ValueTask TakeAsync(ObjectReading reading, CancellationToken cancel)
    {
        if (reading.Key is not { } key)
        {
            foreach (Portolan.Services.Cluster.Problem problem in reading.Problems)
                problems.Set(kind, problem.Object, [problem]);
            return;
        }
        ObjectName name = key.Name;
        if ((onlyName is not null && name.Name != onlyName)
            || !_known.Take(name, reading.ResourceVersion, reading.Set is not null, out bool wasSent))
            return;
        if (reading.Set is { } set)
        {
            ForgetProblems(name);
            if (set is ClusterEvent.NodeSet { Node: { } node })
            {
                if (IsSame(_node, node))
                    return;
                _node = node;
            }
            await events.WriteAsync(set, cancel).ConfigureAwait(false);
            return;
        }
        if (wasSent)
            await events.WriteAsync(ObjectKinds.Gone(key), cancel).ConfigureAwait(false);
        problems.Set(kind, name.ToString(), reading.Problems);
        _withProblems.Add(name);
    }

    /// <summary>An object that is deleted.</summary>
    public async ValueTask ForgetAsync(ObjectReading reading, CancellationToken cancel)
    {
        if (reading.Key is { } key)
            await GoneAsync(key.Name, _known.Remove(key.Name), cancel).ConfigureAwait(false);
        else
            problems.Set(kind, reading.Problems.FirstOrDefault()?.Object ?? "", []);
    }

    private async ValueTask GoneAsync(ObjectName name, bool wasSent, CancellationToken cancel)
    {
        ForgetProblems(name);
        if (!wasSent)
            return;
        _node = null;
        await events.WriteAsync(ObjectKinds.Gone(new ObjectKey(kind, name)), cancel).ConfigureAwait(false);
    }

    private void ForgetProblems(ObjectName name)
    {
        if (_withProblems.Remove(name))
            problems.Set(kind, name.ToString(), []);
    }

    // The kubelet writes its Node every few minutes whether or not something changed that matters here.
    private static bool IsSame(NodeObject? before, NodeObject now) =>
        before is not null && before.Zone == now.Zone && before.IsBeingDeleted == now.IsBeingDeleted
        && before.Addresses.SequenceEqual(now.Addresses) && before.PodCidrs.SequenceEqual(now.PodCidrs)
        && before.Problems.SequenceEqual(now.Problems);
}
