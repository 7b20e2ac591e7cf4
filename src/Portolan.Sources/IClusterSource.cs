using System.Collections.Immutable;
using System.Threading.Channels;
using Portolan.Services.Cluster;

namespace Portolan.Sources;

/// <summary>Where cluster objects come from: an API server or a folder of manifests.</summary>
public interface IClusterSource
{
    /// <summary>
    /// What the source itself could not use: files that do not parse, objects without a usable name, slices it does not hand on. Problems
    /// inside an object that is passed on are in the object. The current state; may be read from any thread.
    /// </summary>
    ImmutableArray<Problem> Problems { get; }

    /// <summary>
    /// Follows the source until <paramref name="cancel"/> is cancelled and writes what changes; <see cref="ClusterEvent.Synced"/> comes
    /// once, after the first complete state. Waits if the channel is full. Failures are logged and retried; the last state
    /// stays.
    /// </summary>
    /// <exception cref="SourceException">The source cannot be used at all, as configured.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancel"/> was cancelled.</exception>
    Task RunAsync(ChannelWriter<ClusterEvent> events, CancellationToken cancel);
}

/// <summary>A source or a configuration that cannot be used; the message is one line for the operator.</summary>
public sealed class SourceException : Exception
{
    /// <summary>With the line for the operator.</summary>
    public SourceException(string message)
        : base(message)
    {
    }

    /// <summary>With the line for the operator and what caused it.</summary>
    public SourceException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
