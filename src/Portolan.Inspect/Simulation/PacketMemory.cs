namespace Portolan.Inspect.Simulation;

/// <summary>
/// What a packet has written down on its way and later rules read: a list, latest first. Lists with the same notes are equal, so that
/// ways that meet again are joined.
/// </summary>
/// <param name="Key">Where it is written: a list of recent clients or a set, and the entry.</param>
/// <param name="Value">What is written there; null for an entry that was removed.</param>
/// <param name="Previous">The notes before.</param>
internal sealed record PacketMemory(object Key, object? Value, PacketMemory? Previous)
{
    /// <summary>The latest note under a key; false when there is none.</summary>
    internal static bool TryFind(PacketMemory? memory, object key, out object? value)
    {
        for (; memory is not null; memory = memory.Previous)
        {
            if (memory.Key.Equals(key))
            {
                value = memory.Value;
                return true;
            }
        }
        value = null;
        return false;
    }
}
