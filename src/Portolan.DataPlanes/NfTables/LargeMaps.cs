using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Compares one family's maps of endpoints with what is wanted without listing them: the kernel lists a map in time quadratic in its size
/// (half a second for 50,000 elements, half a minute for 500,000). Adding elements that are there already changes nothing, and takes a
/// microsecond each; what else the maps hold follows from the frontends, which are listed, and from the number of elements, where the
/// kernel reports it (from Linux 6.16 on).
/// </summary>
/// <remarks>
/// No packet is affected by an element under a key that no frontend leads to. Before Linux 6.16 such an element of somebody else's stays
/// until a service needs its key.
/// </remarks>
internal sealed class LargeMaps(INfTablesKernel kernel, PlaneTable table)
{
    // Elements per message: of each message the kernel reports the first element at fault.
    private const int Block = 250;

    // Elements per transaction: all its messages' refusals fit into the receive buffer.
    private const int Piece = 64 * Block;

    private static readonly ImmutableArray<(PortolanSet Frontends, PortolanSet Endpoints)> s_maps =
    [
        (PortolanSet.Frontends, PortolanSet.Endpoints),
        (PortolanSet.NodePortFrontends, PortolanSet.NodePortEndpoints),
        (PortolanSet.InsideFrontends, PortolanSet.InsideEndpoints),
    ];

    private readonly FamilyTable _planned = table.Elements;

    /// <summary>Elements that were missing and are in the kernel now; a lower bound where the kernel does not count elements.</summary>
    internal int Added { get; private set; }

    /// <summary>Elements that nobody wanted and that are gone now, beyond those that are planned to be removed.</summary>
    internal int Removed { get; private set; }

    /// <summary>Transactions that changed something.</summary>
    internal int Transactions { get; private set; }

    /// <summary>The maps that this class compares.</summary>
    internal static bool Contains(PortolanSet set) =>
        set is PortolanSet.Endpoints or PortolanSet.NodePortEndpoints or PortolanSet.InsideEndpoints;

    /// <summary>
    /// Takes the endpoints that are certain to be in the kernel out of what is planned to be added, and adds what differs to what the table
    /// holds, so that the difference can be planned as if the maps had been listed.
    /// </summary>
    /// <returns>False if the kernel refuses for another reason than elements that differ; what is planned is then as before.</returns>
    internal bool TryConfirm()
    {
        ElementBuffer planned = _planned.Added;
        List<Element[]> all = [];
        List<Element[]> unconfirmed = [];
        List<Element> differing = [];
        Dictionary<(PortolanSet, FrontendKey), int> counts = CountsOf(planned.Elements);
        bool isConfirmed = true;
        foreach ((PortolanSet frontends, PortolanSet endpoints) in s_maps)
        {
            Element[] wanted = planned.TakeOut(endpoints);
            // A map that does not exist yet: everything in it is new.
            bool isNew = !table.Current.Sets.ContainsKey(TableSchema.Name(endpoints, 0));
            all.Add(wanted);
            if (isConfirmed)
                unconfirmed.Add(isNew ? wanted : Confirm(frontends, endpoints, wanted, counts, differing, out isConfirmed));
        }
        // Where the kernel refuses, also the maps that were confirmed are to be compared with a listing.
        foreach (Element[] elements in isConfirmed ? unconfirmed : all)
            planned.AddRange(elements);
        if (!isConfirmed)
            return false;
        foreach (Element element in differing)
            table.Current.Elements.Add(element);
        return true;
    }

    /// <summary>Confirms one map; returns what remains to be planned: all that is wanted if the kernel refuses.</summary>
    private Element[] Confirm(PortolanSet frontends, PortolanSet endpoints, Element[] wanted,
        Dictionary<(PortolanSet, FrontendKey), int> counts, List<Element> differing, out bool isConfirmed)
    {
        isConfirmed = TryAdd(wanted, out List<Element> refused);
        if (!isConfirmed)
            return wanted;
        List<Element> present = kernel.Find(_planned.Family, CollectionsMarshal.AsSpan(refused));
        List<Element> unwanted = kernel.Find(_planned.Family, [.. LeftBehind(frontends, endpoints, counts)]);
        differing.AddRange(unwanted);
        long expected = wanted.Length - refused.Count + present.Count + unwanted.Count;
        if (kernel.CountElements(_planned.Family, endpoints) is { } count && count > expected)
        {
            // Somebody else's, which only a listing would name.
            isConfirmed = TryRewrite(endpoints, wanted, CollectionsMarshal.AsSpan(unwanted));
            if (isConfirmed)
                Removed += (int)(count - expected);
            return isConfirmed ? [] : wanted;
        }
        differing.AddRange(present);
        return [.. refused];
    }

    /// <summary>
    /// Adds elements; <paramref name="refused"/> are those of messages with an element whose key has other data in the kernel.
    /// </summary>
    private bool TryAdd(Element[] wanted, out List<Element> refused)
    {
        refused = [];
        if (wanted.Length == 0)
            return true;
        uint? before = kernel.CountElements(_planned.Family, wanted[0].Set);
        int transactions = Transactions;
        using var transaction = new NfTransaction();
        for (int from = 0; from < wanted.Length; from += Piece)
        {
            ReadOnlySpan<Element> piece = wanted.AsSpan(from, Math.Min(Piece, wanted.Length - from));
            HashSet<int> left = [];
            if (!TryAddPiece(transaction, piece, left))
                return false;
            foreach (int block in left)
                refused.AddRange(BlockAt(piece, block));
        }
        Added += kernel.CountElements(_planned.Family, wanted[0].Set) is { } now && before is { } then
            ? (int)Math.Max(0, (long)now - then) : Transactions - transactions;
        return true;
    }

    /// <summary>
    /// Adds elements in one transaction, without the blocks that the kernel refuses: those are in <paramref name="left"/>.
    /// </summary>
    private bool TryAddPiece(NfTransaction transaction, ReadOnlySpan<Element> piece, HashSet<int> left)
    {
        while (true)
        {
            transaction.Reset();
            for (int block = 0; block < piece.Length; block += Block)
            {
                if (!left.Contains(block))
                    table.Change.WriteElements(transaction, NfElementChange.Add, BlockAt(piece, block), block);
            }
            if (transaction.IsEmpty)
                return true;
            uint generation = kernel.ReadGeneration();
            CommitResult result = kernel.Commit(transaction);
            if (result.IsCommitted)
            {
                // The kernel commits nothing, and counts nothing, if all elements were there.
                Transactions += kernel.ReadGeneration() == generation ? 0 : 1;
                return true;
            }
            // Each round leaves at least one more block out.
            if (!TryLeaveOut(result, left))
                return false;
        }
    }

    private static bool TryLeaveOut(CommitResult result, HashSet<int> left)
    {
        int known = left.Count;
        foreach (CommitRefusal refusal in result.Refusals)
        {
            // Kernels differ in what they call an element whose key has other data.
            if ((refusal.Errno != Errno.EEXIST && refusal.Errno != Errno.EBUSY)
                || !ElementTarget.TryParse(refusal, out ElementTarget target))
                return false;
            left.Add(target.Index / Block * Block);
        }
        return left.Count > known;
    }

    private static ReadOnlySpan<Element> BlockAt(ReadOnlySpan<Element> piece, int block) =>
        piece.Slice(block, Math.Min(Block, piece.Length - block));

    /// <summary>Replaces all of a map in one transaction, however large: no packet meets it empty.</summary>
    private bool TryRewrite(PortolanSet map, ReadOnlySpan<Element> wanted, ReadOnlySpan<Element> unwanted)
    {
        using var transaction = new NfTransaction();
        transaction.FlushSet(TableSchema.Table(_planned.Family), TableSchema.Name(map, 0));
        table.Change.WriteElements(transaction, NfElementChange.Add, wanted, 0);
        // No longer than until the difference is written: until then frontends lead to them.
        table.Change.WriteElements(transaction, NfElementChange.Add, unwanted, wanted.Length);
        if (!kernel.Commit(transaction).IsCommitted)
            return false;
        Transactions++;
        return true;
    }

    private static Dictionary<(PortolanSet, FrontendKey), int> CountsOf(ReadOnlySpan<Element> elements)
    {
        Dictionary<(PortolanSet, FrontendKey), int> counts = [];
        foreach (ref readonly Element element in elements)
        {
            if (CountOf(element, out FrontendKey frontend) is { } count)
                counts[(element.Set, frontend)] = count;
        }
        return counts;
    }

    /// <summary>The keys that the table's frontends use now and will not use any more.</summary>
    private IEnumerable<Element> LeftBehind(PortolanSet frontends, PortolanSet endpoints,
        Dictionary<(PortolanSet, FrontendKey), int> counts)
    {
        for (int i = 0; i < table.Current.Elements.Count; i++)
        {
            Element element = table.Current.Elements.Elements[i];
            if (element.Set != frontends || CountOf(element, out FrontendKey frontend) is not { } used)
                continue;
            for (int index = counts.GetValueOrDefault((frontends, frontend)); index < used; index++)
                yield return ElementCodec.Encode(endpoints, frontend.Fields with { Index = (uint)index });
        }
    }

    // With affinity, the endpoints are in other maps. Null for what is no frontend.
    private static int? CountOf(in Element element, out FrontendKey frontend)
    {
        frontend = default;
        if (element.Set is not (PortolanSet.Frontends or PortolanSet.NodePortFrontends or PortolanSet.InsideFrontends)
            || !element.TryRead(out ElementFields key, out ElementFields data))
            return null;
        frontend = key.Frontend;
        var value = PortolanFrontend.Of(data.Value);
        return (value.Flags & (PortolanFrontendFlags.Affinity | PortolanFrontendFlags.OtherAffinity)) != 0 ? 0 : value.Count;
    }
}
