using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>
/// Lookups in the sets and maps of nf_tables: what the input shows, and what the packet's rules have changed so far. One serves all packets
/// of a simulator: to index a set of ten thousand elements takes longer than to trace a packet.
/// </summary>
internal sealed class SetLookup
{
    // Key of an entry written under an unknown key; no packet has this value.
    private static readonly Expression s_anyElement = new CatchAllValue();

    private readonly Dictionary<object, SetIndex> _indexes = new(ReferenceEqualityComparer.Instance);

    /// <summary>A set by name or written in the rule; null when it is not in the input.</summary>
    internal Handle? Open(Expression set, RuleRef place)
    {
        var named = set is SetReference reference ? place.Table.FindSet(reference.Name) : null;
        object? source = named ?? (object?)(set as AnonymousSet);
        if (source is null)
            return null;
        if (!_indexes.TryGetValue(source, out SetIndex? index))
        {
            index = named is not null
                ? new SetIndex(named.Elements, named.IsIncomplete ? new Condition(new CutSet(named.Name)) : null)
                : new SetIndex(((AnonymousSet)source).Elements, null);
            _indexes[source] = index;
        }
        return new Handle(named, index);
    }

    internal static Condition Missing(Expression set) => new(new MissingSet(set));

    /// <summary>Executes nft's add, update or delete for a key; null for an unknown key or data.</summary>
    internal void Write(SetUpdateStatement update, Expression? key, Expression? data, RuleRef place, PacketState state)
    {
        if (place.Table.FindSet(update.Set) is not { } set)
            return;
        if (key is null || ValueComparer.IsOpaque(key) || (update.Data is not null && data is null))
        {
            state.Memory = new PacketMemory((set, s_anyElement), true, state.Memory);
            return;
        }
        if (update.Operation == SetOperation.Delete)
        {
            state.Memory = new PacketMemory((set, key), null, state.Memory);
            return;
        }
        // An existing element keeps its data; only its timeout restarts.
        if (Open(new SetReference(update.Set), place)!.Value.Find(key, state, out Condition? unknown) is null && unknown is null)
            state.Memory = new PacketMemory((set, key), new SetElement(key, data), state.Memory);
    }

    /// <summary>A set for lookups.</summary>
    internal readonly struct Handle(NamedSet? named, SetIndex index)
    {
        /// <summary>The element that holds the value, or null; the condition says why it is unknown.</summary>
        internal SetElement? Find(Expression value, PacketState state, out Condition? unknown)
        {
            if (named is not null && state.Memory is not null)
            {
                if (PacketMemory.TryFind(state.Memory, (named, value), out object? written))
                {
                    unknown = null;
                    return (SetElement?)written;
                }
                if (PacketMemory.TryFind(state.Memory, (named, s_anyElement), out _))
                {
                    unknown = new Condition(new WrittenElement(named.Name, value));
                    return null;
                }
            }
            return index.Find(value, out unknown);
        }
    }
}
