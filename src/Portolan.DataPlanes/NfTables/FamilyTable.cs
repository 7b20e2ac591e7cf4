using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// What one family's table holds beyond what follows from the plans: how many services use each static rule and each
/// shared element. Turns plans into elements to remove and to add.
/// </summary>
internal sealed class FamilyTable(IpFamily family, ServiceCompiler compiler)
{
    /// <summary>The <see cref="Element.Subject"/> of elements that belong to the node and not to a service.</summary>
    internal const int NoService = -1;

    private readonly Dictionary<RuleRequirement, int> _uses = [];
    private readonly Dictionary<SharedPlace, int> _shared = [];
    private readonly ElementBuffer _before = new();
    private readonly ElementBuffer _after = new();
    private readonly List<RuleRequirement> _askedFor = [];
    private readonly long[] _counts = new long[Enum.GetValues<PortolanSet>().Length];

    internal IpFamily Family => family;

    /// <summary>Elements that the planned changes remove from the kernel.</summary>
    internal ElementBuffer Removed { get; } = new();

    /// <summary>Elements that the planned changes add to the kernel; all removals come before all additions.</summary>
    internal ElementBuffer Added { get; } = new();

    /// <summary>True if the planned changes need other static rules than those in force.</summary>
    internal bool UsesChanged { get; private set; }

    /// <summary>The requirements after the planned changes, sorted.</summary>
    internal ImmutableArray<RuleRequirement> Uses
    {
        get
        {
            RuleRequirement[] uses = [.. _uses.Keys];
            Array.Sort(uses);
            return ImmutableCollectionsMarshal.AsImmutableArray(uses);
        }
    }

    /// <summary>How many elements of a kind of set the plans come to, also while they are on their way to the kernel. Any thread.</summary>
    internal long CountOf(PortolanSet set) => Volatile.Read(ref _counts[(int)set]);

    /// <summary>Clears planned changes that were committed.</summary>
    internal void ClearPlanned()
    {
        Removed.Clear();
        Added.Clear();
        UsesChanged = false;
    }

    /// <summary>Clears everything: the table is empty.</summary>
    internal void Reset()
    {
        ClearPlanned();
        _uses.Clear();
        _shared.Clear();
        Array.Clear(_counts);
    }

    /// <summary>Plans a service's change of elements. The cost depends on the service's elements only.</summary>
    /// <param name="before">The plan the kernel holds; null for none.</param>
    /// <param name="after">The plan wanted; null for none.</param>
    /// <param name="subject">Number of the service for refusals.</param>
    internal void PlanElements(ServicePlan? before, ServicePlan? after, int subject)
    {
        _before.Clear();
        _after.Clear();
        if (before is not null)
            compiler.Emit(before, family, _before);
        if (after is not null)
            compiler.Emit(after, family, _after);

        Difference(_before.Elements, _after.Elements, subject);
    }

    /// <summary>Plans what a service's change requires of the static rules. A first load needs them before any element.</summary>
    /// <param name="before">The plan the kernel holds; null for none.</param>
    /// <param name="after">The plan wanted; null for none.</param>
    internal void PlanUses(ServicePlan? before, ServicePlan? after)
    {
        CountUses(after, +1);
        CountUses(before, -1);
    }

    /// <summary>
    /// Plans the removal of rules that no service requires any more. They stay until this is called, so that a service that changes back
    /// and forth between two kinds changes no rule: for each rule, the kernel walks whole maps and validates all chains.
    /// </summary>
    internal void DropUnused()
    {
        foreach ((RuleRequirement use, int count) in _uses)
        {
            if (count == 0)
                UsesChanged |= _uses.Remove(use);
        }
    }

    private void CountUses(ServicePlan? plan, int by)
    {
        if (plan is null)
            return;
        _askedFor.Clear();
        compiler.EmitUses(plan, family, _askedFor);
        foreach (RuleRequirement use in _askedFor)
        {
            ref int count = ref CollectionsMarshal.GetValueRefOrAddDefault(_uses, use, out bool isKnown);
            count += by;
            UsesChanged |= !isKnown;
        }
    }

    /// <summary>
    /// Plans a change of the addresses that take NodePort traffic. The cost depends on the number of addresses, not of NodePorts.
    /// </summary>
    /// <param name="before">The addresses the kernel holds, of any family.</param>
    /// <param name="after">The addresses wanted, of any family.</param>
    internal void PlanNodePortAddresses(ImmutableArray<InetAddress> before, ImmutableArray<InetAddress> after)
    {
        EmitNodePortAddresses(before, _before);
        EmitNodePortAddresses(after, _after);
        Difference(_before.Elements, _after.Elements, NoService);
    }

    private void EmitNodePortAddresses(ImmutableArray<InetAddress> addresses, ElementBuffer into)
    {
        into.Clear();
        foreach (InetAddress address in addresses)
        {
            if (address.Family != family)
                continue;
            into.Add(ElementCodec.Encode(PortolanSet.NodePortAddresses, new ElementFields { Destination = address }));
        }
        into.SortAndDeduplicate();
    }

    /// <summary>
    /// Turns the plan of a whole table into the difference from what the kernel holds: what is already right is neither removed nor added.
    /// </summary>
    internal void LeaveDifference(ElementBuffer held)
    {
        if (held.Count == 0)
            return;
        Added.SortByPlace();
        held.SortByPlace();
        Element[] wanted = Added.Elements.ToArray();
        ReadOnlySpan<Element> present = held.Elements;
        Added.Clear();
        int p = 0, w = 0;
        while (p < present.Length || w < wanted.Length)
        {
            int order = p == present.Length ? 1 : w == wanted.Length ? -1 : present[p].ComparePlace(wanted[w]);
            if (order == 0 && present[p].SameContent(wanted[w]))
            {
                p++;
                w++;
                continue;
            }
            if (order <= 0)
                Removed.Add(present[p++]);
            if (order >= 0)
                Added.Add(wanted[w++]);
        }
        Added.SortBySubject();
    }

    private void Difference(ReadOnlySpan<Element> before, ReadOnlySpan<Element> after, int subject)
    {
        int b = 0, a = 0;
        while (b < before.Length || a < after.Length)
        {
            int order = b == before.Length ? 1 : a == after.Length ? -1 : before[b].ComparePlace(after[a]);
            if (order == 0 && before[b].SameContent(after[a]))
            {
                b++;
                a++;
                continue;
            }
            if (order <= 0)
                Remove(before[b++], subject);
            if (order >= 0)
                Add(after[a++], subject);
        }
    }

    private void Remove(in Element element, int subject)
    {
        if (element.IsShared && !Count(_shared, SharedPlace.Of(element), -1))
            return;
        Removed.Add(element with { Subject = subject });
        _counts[(int)element.Set]--;
    }

    private void Add(in Element element, int subject)
    {
        if (element.IsShared && !Count(_shared, SharedPlace.Of(element), +1))
            return;
        Added.Add(element with { Subject = subject });
        _counts[(int)element.Set]++;
    }

    /// <summary>Counts up or down; true if this was the first added or the last removed.</summary>
    private static bool Count<T>(Dictionary<T, int> counts, T key, int by)
        where T : notnull
    {
        ref int count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _);
        bool crossed = by > 0 ? count == 0 : count == 1;
        count += by;
        if (count == 0)
            counts.Remove(key);
        return crossed;
    }

    // Shared elements are cluster IPs and hairpin pairs of one address with itself, so one address identifies them.
    private readonly record struct SharedPlace(PortolanSet Set, InetAddress Address)
    {
        internal static SharedPlace Of(in Element element)
        {
            ElementCodec.TryReadKey(element.Set, element.Key, out ElementFields key);
            return new SharedPlace(element.Set, key.Destination);
        }
    }
}
