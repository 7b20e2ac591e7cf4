using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>A change of one family's table, in force as a whole or not at all.</summary>
internal sealed class SideChange
{
    /// <summary>The table, if it is to be written afresh, with nothing in its sets; null if it stays.</summary>
    internal SideProgram? Program { get; set; }

    /// <summary>True if a table is there that has to go first.</summary>
    internal bool ReplacesTable { get; set; }

    /// <summary>Elements to remove.</summary>
    internal List<SideElement> Removed { get; } = [];

    /// <summary>Elements to add, after those that are removed.</summary>
    internal List<SideElement> Added { get; } = [];

    internal bool IsEmpty => Program is null && Removed.Count == 0 && Added.Count == 0;

    /// <summary>Writes the change. The subject of an added element is its place in <see cref="Added"/>.</summary>
    internal void WriteTo(NfTransaction transaction, NfTableId table)
    {
        if (Program is { } program)
        {
            if (ReplacesTable)
                transaction.DeleteTable(table);
            transaction.AddTable(program.Table);
            foreach (NfSet set in program.Sets)
                transaction.AddSet(set);
            foreach (NfChain chain in program.Chains)
                transaction.AddChain(chain);
            foreach (NfRule rule in program.Rules)
                transaction.AppendRule(rule);
        }
        WriteElements(transaction, NfElementChange.Delete, table, Removed);
        WriteElements(transaction, NfElementChange.Add, table, Added);
    }

    private static void WriteElements(NfTransaction transaction, NfElementChange change, NfTableId table, List<SideElement> elements)
    {
        foreach (var set in elements.Select(static (element, place) => (element, place)).GroupBy(static item => item.element.Set))
        {
            transaction.BeginElements(change, table, Rules.Dialects.PortolanIpvs.NameOf(set.Key));
            foreach ((SideElement element, int place) in set)
                SideElementCodec.Write(transaction, element, change == NfElementChange.Add ? place : NfTransaction.NoSubject);
            transaction.EndElements();
        }
    }
}
