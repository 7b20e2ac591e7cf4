using System.Runtime.InteropServices;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>What a service requires of the static rules; rules exist for everything that at least one service requires.</summary>
/// <param name="Scope">The frontends that require it.</param>
/// <param name="Kind">What is required.</param>
/// <param name="Value">Number of backends, prefix length, or seconds.</param>
internal readonly record struct RuleRequirement(FrontendScope Scope, RuleRequirementKind Kind, int Value) : IComparable<RuleRequirement>
{
    public int CompareTo(RuleRequirement other) =>
        Scope != other.Scope ? Scope.CompareTo(other.Scope) : Kind != other.Kind
        ? Kind.CompareTo(other.Kind) : Value.CompareTo(other.Value);
}

/// <summary>Frontends that are looked up the same way, in chains of their own.</summary>
internal enum FrontendScope : byte
{
    /// <summary>Frontends with an address of their own.</summary>
    Addresses,

    /// <summary>NodePorts.</summary>
    NodePorts,
}

/// <summary>What a service can require of the static rules.</summary>
internal enum RuleRequirementKind : byte
{
    /// <summary>Any frontend.</summary>
    Frontends,

    /// <summary>
    /// A frontend with that value (<see cref="PortolanFrontend"/>); all numbers of endpoints up to the preallocated one count as that one.
    /// </summary>
    Frontend,

    /// <summary>The same for clients inside the cluster.</summary>
    InsideFrontend,

    /// <summary>A source range of that prefix length.</summary>
    PrefixLength,

    /// <summary>A frontend with that affinity timeout in seconds.</summary>
    AffinitySeconds,
}

/// <summary>A growing list of elements, reused from one change to the next.</summary>
internal sealed class ElementBuffer
{
    private readonly List<Element> _elements = [];

    internal int Count => _elements.Count;

    internal ReadOnlySpan<Element> Elements => CollectionsMarshal.AsSpan(_elements);

    /// <summary>Removes all elements, and releases the memory of a first load.</summary>
    internal void Clear()
    {
        const int roomOfAChange = 4096;
        _elements.Clear();
        if (_elements.Capacity > roomOfAChange)
            _elements.Capacity = 0;
    }

    /// <summary>Reserves capacity, so that a first load does not keep copying the list.</summary>
    internal void EnsureCapacity(int elements) => _elements.EnsureCapacity(elements);

    internal void Add(in Element element) => _elements.Add(element);

    internal void AddRange(ReadOnlySpan<Element> elements) => _elements.AddRange(elements);

    /// <summary>Adds a copy, which may be changed in place until the next is added.</summary>
    internal ref Element AddCopy(in Element element)
    {
        int count = _elements.Count;
        CollectionsMarshal.SetCount(_elements, count + 1);
        ref Element copy = ref CollectionsMarshal.AsSpan(_elements)[count];
        copy = element;
        return ref copy;
    }

    /// <summary>Removes the elements from a position on.</summary>
    internal void Truncate(int count) => CollectionsMarshal.SetCount(_elements, count);

    /// <summary>Removes the elements of one set and returns them in their order; the others keep theirs.</summary>
    internal Element[] TakeOut(PortolanSet set)
    {
        Span<Element> all = CollectionsMarshal.AsSpan(_elements);
        int count = 0;
        foreach (ref readonly Element element in all)
            count += element.Set == set ? 1 : 0;
        var taken = new Element[count];
        int left = 0, next = 0;
        for (int i = 0; i < all.Length; i++)
        {
            if (all[i].Set == set)
                taken[next++] = all[i];
            else if (i != left++)
                all[left - 1] = all[i];
        }
        CollectionsMarshal.SetCount(_elements, left);
        return taken;
    }

    /// <summary>Sorts by set and key and keeps one element per key: the one that was added first.</summary>
    internal void SortAndDeduplicate(int from = 0)
    {
        Span<Element> added = CollectionsMarshal.AsSpan(_elements)[from..];
        if (added.Length < 2)
            return;
        SortStable(added);
        int kept = 1;
        for (int i = 1; i < added.Length; i++)
        {
            if (added[i].SamePlace(added[kept - 1]))
                continue;
            if (i != kept)
                added[kept] = added[i];
            kept++;
        }
        CollectionsMarshal.SetCount(_elements, from + kept);
    }

    /// <summary>Sorts by service, so that the list can be split between services.</summary>
    internal void SortBySubject() => _elements.Sort(static (left, right) =>
    {
        int bySubject = left.Subject.CompareTo(right.Subject);
        return bySubject != 0 ? bySubject : left.ComparePlace(right);
    });

    /// <summary>Sorts by set and key; there are no duplicates.</summary>
    internal void SortByPlace() => _elements.Sort(static (left, right) => left.ComparePlace(right));

    // Insertion sort is stable and the fastest for the dozen elements of an ordinary service; larger ones are sorted
    // with their position as tie-breaker.
    private static void SortStable(Span<Element> elements)
    {
        if (elements.Length > 32)
        {
            int[] order = new int[elements.Length];
            for (int i = 0; i < order.Length; i++)
                order[i] = i;
            Element[] copy = elements.ToArray();
            Array.Sort(order, (left, right) =>
            {
                int byPlace = copy[left].ComparePlace(copy[right]);
                return byPlace != 0 ? byPlace : left.CompareTo(right);
            });
            for (int i = 0; i < order.Length; i++)
                elements[i] = copy[order[i]];
            return;
        }
        for (int i = 1; i < elements.Length; i++)
        {
            Element moving = elements[i];
            int j = i - 1;
            while (j >= 0 && elements[j].ComparePlace(moving) > 0)
            {
                elements[j + 1] = elements[j];
                j--;
            }
            elements[j + 1] = moving;
        }
    }
}
