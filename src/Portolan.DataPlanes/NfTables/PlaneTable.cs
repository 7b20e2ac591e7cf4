using Portolan.Inet;
using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.NfTables;

/// <summary>One family's table: what is planned for it, and the static part as the kernel holds it.</summary>
internal sealed class PlaneTable(IpFamily family, ServiceCompiler compiler)
{
    /// <summary>The elements that are planned.</summary>
    internal FamilyTable Elements { get; } = new(family, compiler);

    /// <summary>Writes differences into transactions.</summary>
    internal TableChange Change { get; } = new(family);

    /// <summary>What the kernel holds, as read or committed; elements only after reading.</summary>
    internal KernelTable Current { get; private set; } = new();

    /// <summary>The program of the transaction that is being written.</summary>
    internal TableProgram? Pending { get; set; }

    /// <summary>Records what was read from the kernel.</summary>
    internal void ReadBack(KernelTable current) => Current = current;

    /// <summary>What was planned is in force. Elements are no longer kept, because they follow from the plans.</summary>
    internal void Confirm()
    {
        Elements.ClearPlanned();
        if (Pending is not { } program)
            return;
        Pending = null;
        Current = new KernelTable { Table = new NfTable(TableSchema.Table(family)) { Comment = TableSchema.TableComment } };
        foreach (NfSet set in program.Sets)
            Current.Sets.Add(set.Name, set);
        foreach (ChainProgram chain in program.Chains)
            Current.Chains.Add(chain.Chain.Name, chain);
        Current.Verdicts.UnionWith(program.Verdicts);
    }

    /// <summary>The planned element that a refusal names.</summary>
    internal Element Planned(ElementTarget target) =>
        (target.Change == NfElementChange.Delete ? Elements.Removed : Elements.Added).Elements[target.Index];
}
