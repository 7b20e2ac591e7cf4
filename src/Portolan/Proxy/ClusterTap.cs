using System.Threading.Channels;
using Portolan.Services.Cluster;

namespace Portolan.Proxy;

/// <summary>
/// Hands the sources' events on to the loop and numbers them as the loop counts them (SyncRecord.Sequence), for those who look at them on
/// the way.
/// </summary>
/// <param name="next">The loop's.</param>
/// <param name="observers">Called for each event with its number, under a lock: quick ones.</param>
internal sealed class ClusterTap(ChannelWriter<ClusterEvent> next, params Action<ClusterEvent, long>[] observers)
    : ChannelWriter<ClusterEvent>
{
    private readonly Lock _lock = new();
    private long _written;

    /// <inheritdoc/>
    public override bool TryWrite(ClusterEvent item)
    {
        // Two kinds of objects are read at the same time: their numbers have to be in the channel's order.
        lock (_lock)
        {
            if (!next.TryWrite(item))
                return false;
            _written++;
            foreach (Action<ClusterEvent, long> observer in observers)
                observer(item, _written);
            return true;
        }
    }

    /// <inheritdoc/>
    public override ValueTask<bool> WaitToWriteAsync(CancellationToken cancellationToken = default) =>
        next.WaitToWriteAsync(cancellationToken);

    /// <inheritdoc/>
    public override bool TryComplete(Exception? error = null) => next.TryComplete(error);
}
