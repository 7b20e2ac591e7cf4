using System.Buffers;
using System.Text;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>Writes the difference between what a table holds and what it should hold into a transaction.</summary>
internal sealed class TableChange(IpFamily family)
{
    private readonly NfTableId _table = TableSchema.Table(family);

    /// <summary>Everything that precedes the elements: the table, and new sets.</summary>
    internal void WriteSets(NfTransaction transaction, KernelTable held, TableProgram wanted)
    {
        if (held.Table is null)
            transaction.AddTable(new NfTable(_table) { Comment = TableSchema.TableComment });
        foreach (NfSet set in wanted.Sets)
        {
            if (!held.Sets.ContainsKey(set.Name))
                transaction.AddSet(set);
        }
    }

    /// <summary>
    /// Chains and rules of a new table that no packet reaches before <see cref="WriteChains"/> adds the base chains. To be written
    /// before elements: then the kernel has no element to walk when a rule that looks into a map is added.
    /// </summary>
    /// <returns>Number of chains and rules written; they are in <paramref name="held"/> now.</returns>
    internal int WriteInnerChains(NfTransaction transaction, KernelTable held, TableProgram wanted)
    {
        int written = 0;
        foreach (ChainProgram chain in wanted.Chains)
        {
            if (chain.Chain.Hook is not null)
                continue;
            transaction.AddChain(chain.Chain);
            held.Chains.Add(chain.Chain.Name, chain);
            written += 1 + chain.Rules.Length;
        }
        foreach (ChainProgram chain in held.Chains.Values)
        {
            foreach (NfRule rule in chain.Rules)
                transaction.AppendRule(rule);
        }
        return written + WriteVerdicts(transaction, held, wanted);
    }

    /// <summary>
    /// Everything that follows the elements: new chains, rules of chains that differ, and what is no longer wanted. Chains are added before
    /// the rules that jump to them, and deleted after.
    /// </summary>
    /// <returns>Number of chains and rules written.</returns>
    internal int WriteChains(NfTransaction transaction, KernelTable held, TableProgram wanted)
    {
        int written = 0;
        foreach (ChainProgram chain in wanted.Chains)
        {
            // Of a chain that is there, adding it again sets the policy.
            if (!held.Chains.TryGetValue(chain.Chain.Name, out ChainProgram? present)
                || present.Chain.Hook?.Policy != chain.Chain.Hook?.Policy)
            {
                transaction.AddChain(chain.Chain);
                written++;
            }
        }
        HashSet<string> names = [.. wanted.Chains.Select(chain => chain.Chain.Name)];
        foreach (ChainProgram chain in wanted.Chains)
        {
            bool isHeld = held.Chains.TryGetValue(chain.Chain.Name, out ChainProgram? present);
            if (isHeld && present!.Rules.SequenceEqual(chain.Rules))
                continue;
            if (isHeld && present!.Rules.Length > 0)
                transaction.FlushChain(_table, chain.Chain.Name);
            foreach (NfRule rule in chain.Rules)
                transaction.AppendRule(rule);
            written += chain.Rules.Length;
        }
        written += WriteVerdicts(transaction, held, wanted);
        // Rules first, because chains to be deleted may jump to each other.
        foreach (ChainProgram chain in held.Chains.Values)
        {
            if (!names.Contains(chain.Chain.Name) && chain.Rules.Length > 0)
                transaction.FlushChain(_table, chain.Chain.Name);
        }
        foreach (string name in held.Chains.Keys)
        {
            if (!names.Contains(name))
                transaction.DeleteChain(_table, name);
        }
        HashSet<string> sets = [.. wanted.Sets.Select(set => set.Name)];
        foreach (string name in held.Sets.Keys)
        {
            if (!sets.Contains(name))
                transaction.DeleteSet(_table, name);
        }
        if (held.Table is { } table && table.Flags.HasFlag(NfTableFlags.Dormant))
        {
            // The last part: kernels take no base chain behind a change of the table's flags in one transaction.
            transaction.AddTable(table with { Flags = table.Flags & ~NfTableFlags.Dormant });
            written++;
        }
        return written;
    }

    /// <summary>Clients that the previous table remembered.</summary>
    internal void WriteClients(NfTransaction transaction, IEnumerable<(Element Element, TimeSpan Left)> clients)
    {
        foreach (IGrouping<int, (Element Element, TimeSpan Left)> timeout in clients.GroupBy(static client => client.Element.Variant))
        {
            transaction.BeginElements(NfElementChange.Add, _table, TableSchema.Name(PortolanSet.AffinityClients, timeout.Key));
            foreach ((Element element, TimeSpan left) in timeout)
                transaction.Element(new NfElement { Key = element.Key, Data = element.Data, Expiration = left });
            transaction.EndElements();
        }
    }

    /// <summary>The elements of verdict maps: added after the chains that they go to, deleted before them.</summary>
    private int WriteVerdicts(NfTransaction transaction, KernelTable held, TableProgram wanted)
    {
        VerdictElement[] removed = [.. held.Verdicts.Except(wanted.Verdicts)];
        VerdictElement[] added = [.. wanted.Verdicts.Except(held.Verdicts)];
        foreach (IGrouping<string, VerdictElement> map in removed.GroupBy(static element => element.Map))
        {
            transaction.BeginElements(NfElementChange.Delete, _table, map.Key);
            foreach (VerdictElement element in map)
                transaction.Element(BitConverter.GetBytes(element.Key));
            transaction.EndElements();
        }
        foreach (IGrouping<string, VerdictElement> map in added.GroupBy(static element => element.Map))
        {
            transaction.BeginElements(NfElementChange.Add, _table, map.Key);
            foreach (VerdictElement element in map)
            {
                transaction.Element(new NfElement
                {
                    Key = BitConverter.GetBytes(element.Key),
                    Verdict = element.Verdict.Code,
                    Chain = Encoding.UTF8.GetBytes(element.Verdict.Chain ?? ""),
                });
            }
            transaction.EndElements();
        }
        held.Verdicts.UnionWith(added);
        return added.Length;
    }

    /// <summary>Writes elements, one list per set. A refusal names each by its <see cref="ElementTarget"/>.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="change">Whether they are added or deleted.</param>
    /// <param name="elements">The elements.</param>
    /// <param name="firstIndex">The position of the first of them among all that the family plans to add or to delete.</param>
    internal void WriteElements(NfTransaction transaction, NfElementChange change, ReadOnlySpan<Element> elements, int firstIndex)
    {
        const int worthGrouping = 256;
        if (elements.Length < worthGrouping)
        {
            WriteRun(transaction, change, elements, order: default, firstIndex);
            return;
        }
        // A first load has tens of thousands of short runs, service by service; grouped by set they are a few long lists.
        int[] order = ArrayPool<int>.Shared.Rent(elements.Length);
        GroupBySet(elements, order);
        WriteRun(transaction, change, elements, order.AsSpan(0, elements.Length), firstIndex);
        ArrayPool<int>.Shared.Return(order);
    }

    private static void GroupBySet(ReadOnlySpan<Element> elements, Span<int> order)
    {
        Span<int> next = stackalloc int[byte.MaxValue + 1];
        next.Clear();
        foreach (ref readonly Element element in elements)
            next[(byte)element.Set + 1]++;
        for (int set = 1; set < next.Length; set++)
            next[set] += next[set - 1];
        for (int i = 0; i < elements.Length; i++)
            order[next[(byte)elements[i].Set]++] = i;
    }

    private void WriteRun(
        NfTransaction transaction, NfElementChange change, ReadOnlySpan<Element> elements, ReadOnlySpan<int> order, int firstIndex)
    {
        Span<byte> comment = stackalloc byte[ElementComment.MaxLength];
        int open = -1;
        for (int n = 0; n < elements.Length; n++)
        {
            int i = order.IsEmpty ? n : order[n];
            ref readonly Element element = ref elements[i];
            if (open < 0 || elements[open].Set != element.Set || elements[open].Variant != element.Variant)
            {
                if (open >= 0)
                    transaction.EndElements();
                transaction.BeginElements(change, _table, TableSchema.Name(element.Set, element.Variant));
                open = i;
            }
            int subject = new ElementTarget(family, change, firstIndex + i).ToSubject();
            if (change == NfElementChange.Delete)
            {
                transaction.Element(element.Key, subject);
                continue;
            }
            int length = element.Comment is null ? 0 : Encoding.UTF8.GetBytes(element.Comment, comment);
            transaction.Element(new NfElement { Key = element.Key, Data = element.Data, Comment = comment[..length] }, subject);
        }
        if (open >= 0)
            transaction.EndElements();
    }
}
