namespace Portolan.Inspect.Simulation;

/// <summary>
/// What rules have recorded for a packet and later rules read: a list, latest first. Lists with the same entries are equal, so that
/// paths that converge are joined.
/// </summary>
/// <param name="Key">Where it is recorded: a list of recent clients or a set, and the entry.</param>
/// <param name="Value">What is recorded; null for an entry that was removed.</param>
/// <param name="Previous">The earlier entries.</param>
internal sealed record PacketMemory(object Key, object? Value, PacketMemory? Previous)
{
    /// <summary>The latest entry under a key; false when there is none.</summary>
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
