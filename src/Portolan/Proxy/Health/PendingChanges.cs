using Portolan.Services.Cluster;

namespace Portolan.Proxy.Health;

/// <summary>Changes of the cluster that are not in force yet, as kube-proxy counts them: by kind, with the time each was made at.</summary>
/// <remarks>Events come from the sources' threads, in the order of their numbers; everything else from any.</remarks>
internal sealed class PendingChanges(TimeProvider time)
{
    // Enough for the first list of a large cluster. Beyond that the oldest are no longer counted.
    private const int Most = 1 << 16;

    private readonly Lock _lock = new();
    private readonly Queue<Change> _changes = new();
    private readonly DateTime _start = time.GetUtcNow().UtcDateTime;
    private DateTimeOffset? _lastQueued;

    /// <summary>When the last change came; null before the first.</summary>
    public DateTimeOffset? LastQueued
    {
        get
        {
            lock (_lock)
                return _lastQueued;
        }
    }

    /// <summary>Notes an event and its number.</summary>
    public void Note(ClusterEvent change, long sequence)
    {
        lock (_lock)
            Note(change, sequence, time.GetUtcNow());
    }

    /// <summary>How many changes of services and of endpoints have numbers beyond those in force.</summary>
    public (int Services, int Endpoints) CountBeyond(long applied)
    {
        lock (_lock)
        {
            int services = _changes.Count(change => change.Sequence > applied && change.IsService);
            int endpoints = _changes.Count(change => change.Sequence > applied && !change.IsService);
            return (services, endpoints);
        }
    }

    /// <summary>Forgets what is in force now, and says how long each endpoint change took since its pod or service changed.</summary>
    public IReadOnlyList<TimeSpan> Complete(long applied)
    {
        List<TimeSpan> latencies = [];
        lock (_lock)
        {
            DateTime now = time.GetUtcNow().UtcDateTime;
            while (_changes.TryPeek(out Change change) && change.Sequence <= applied)
            {
                _changes.Dequeue();
                // What happened before this process started says nothing about it.
                if (change.Trigger > _start)
                    latencies.Add(now > change.Trigger ? now - change.Trigger : TimeSpan.Zero);
            }
        }
        return latencies;
    }

    private void Note(ClusterEvent change, long sequence, DateTimeOffset now)
    {
        switch (change)
        {
            case ClusterEvent.ServiceSet or ClusterEvent.ServiceGone:
                Add(new Change(sequence, IsService: true, default), now);
                break;
            case ClusterEvent.SliceSet { Slice: var slice }:
                Add(new Change(sequence, IsService: false, slice.LastChangeTrigger), now);
                break;
            case ClusterEvent.SliceGone:
                Add(new Change(sequence, IsService: false, default), now);
                break;
            case ClusterEvent.Together { Changes: var changes }:
                foreach (ClusterEvent one in changes)
                    Note(one, sequence, now);
                break;
        }
    }

    private void Add(Change change, DateTimeOffset now)
    {
        if (_changes.Count == Most)
            _changes.Dequeue();
        _changes.Enqueue(change);
        _lastQueued = now;
    }

    private readonly record struct Change(long Sequence, bool IsService, DateTime Trigger);
}
