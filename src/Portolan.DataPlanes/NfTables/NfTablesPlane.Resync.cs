using System.Globalization;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <content>Resyncing the kernel from whatever it holds to what is wanted: first loads, restarts, repairs.</content>
public sealed partial class NfTablesPlane
{
    // A transaction is one message to the kernel, copied there as a whole. Beyond this a load is split, base chains last.
    private const int MaxTransactionBytes = 16 << 20;

    // Elements of a new table that are sent while the next are planned and written: some milliseconds of work for either side.
    private const int ElementsAtOnce = 4096;

    // Rounds of reading, writing and being refused before the loop above is asked to try again later.
    private const int MaxRounds = 64;

    // Bytes an element takes in a message, generously: enough to know when to split.
    private const int ElementBytes = 160;

    /// <summary>Reads what the kernel holds and brings it to what is wanted, however different the two are.</summary>
    private SyncReport Resync()
    {
        // The guard would be told of every element of a first load or a repair: the generation number does for that time.
        _guard?.Close();
        uint generation = _kernel.ReadGeneration();
        SyncReport report = ResyncRounds();
        if (_guard is not null)
        {
            _guard.Open();
            if (_kernel.ReadGeneration() != generation + (uint)report.Transactions && report.IsInForce)
                ExternallyModified?.Invoke("somebody else changed nf_tables while a large transaction went in");
        }
        return report;
    }

    private SyncReport ResyncRounds()
    {
        int committed = 0;
        // Every round holds back at least one more service, or ends.
        for (int round = 1; ; round++)
        {
            foreach (Family family in _families)
            {
                family.Table.Reset();
                KernelTable held = _kernel.Read(family.Table.Family);
                family.ReadBack(held);
                AdoptAffinity(held);
            }
            Dictionary<ObjectName, ServicePlan> before = new(_applied);
            _applied.Clear();
            _subjects.Clear();
            foreach ((ObjectName service, ServicePlan plan) in _wanted)
            {
                ServicePlan? good = _heldBack.ContainsKey(service) ? before.GetValueOrDefault(service) : plan;
                if (good is null)
                    continue;
                ReserveAffinity(good);
                foreach (Family family in _families)
                    family.Table.PlanUses(null, good);
                _subjects.Add(new ServiceChange(service, good));
            }

            using var pipeline = new CommitPipeline(_kernel);
            bool isDone = TryCommitAll(pipeline, out int written, out int removed);
            // A round that ends with a refusal may have brought pieces of a new table.
            committed += pipeline.Committed;
            if (isDone)
            {
                ConfirmPlanned();
                _isInForce = true;
                return Report(written, removed, committed);
            }
            foreach ((ObjectName service, ServicePlan plan) in before)
                _applied[service] = plan;
            _metrics.CountRefused();
            if (!HoldBack(pipeline.Refused!) || round == MaxRounds)
            {
                return Report(0, 0, committed) with { IsInForce = false, Refusals = [.. _heldBack.Values, Unattributable(pipeline.Refused!)] };
            }
        }
    }

    /// <summary>A refusal that names no service: nothing of the transaction went in, and nothing can be set aside to let the rest go in.</summary>
    private static Refusal Unattributable(CommitResult result)
    {
        if (result.Outcome == CommitOutcome.Unknown)
            return new("the tables as a whole", "a transaction", "the kernel's answer was lost, and so were those to the repetitions");
        CommitRefusal? first = result.Refusals.FirstOrDefault();
        string more = result.Refusals.Length > 1 ? string.Create(CultureInfo.InvariantCulture, $" (and {result.Refusals.Length - 1} more)") : "";
        return new(
            "the tables as a whole, not attributable to one service", first?.Change ?? "a transaction",
            $"{first?.ToString() ?? result.Outcome.ToString()}{more}");
    }

    private bool TryCommitAll(CommitPipeline pipeline, out int written, out int removed)
    {
        written = removed = 0;
        int firstSubject = 0;
        foreach (Family family in _families)
        {
            FamilyTable table = family.Table;
            TableProgram program = TableCompiler.Build(Input(table));
            if (family.Current.Table is null)
            {
                if (!WriteNew(pipeline, family, program, firstSubject, ElementsAtOnce, ref written))
                    return false;
            }
            else if (!IsUsable(family.Current, program))
            {
                // Deleted and made again in one transaction, however large: no packet sees the time between.
                LogReplaced(family.Current.Table.Id.ToString(), family.Current.Table.Comment ?? "no comment");
                pipeline.Current.DeleteTable(family.Current.Table.Id);
                family.ReadBack(new KernelTable());
                WriteNew(pipeline, family, program, firstSubject, int.MaxValue, ref written);
            }
            else if (!WriteDifference(pipeline, family, program, firstSubject, ref written))
            {
                return false;
            }
            removed += table.Removed.Count;
            family.Pending = program;
            firstSubject += table.Removed.Count + table.Added.Count;
        }
        return pipeline.Finish();
    }

    /// <summary>
    /// A table that is not there. No packet comes to it before its base chains, which are the last to be written, so what goes before may go in
    /// pieces: a piece for the kernel to work on while the next is planned.
    /// </summary>
    private bool WriteNew(CommitPipeline pipeline, Family family, TableProgram program, int firstSubject, int elementsAtOnce, ref int written)
    {
        FamilyTable table = family.Table;
        family.Change.WriteSets(pipeline.Current, family.Current, program);
        written += program.Sets.Length + TableChange.WriteInnerChains(pipeline.Current, family.Current, program);
        int sent = 0;
        for (int subject = 0; subject <= _subjects.Count; subject++)
        {
            bool isLast = subject == _subjects.Count;
            if (isLast)
                table.PlanNodePortAddresses([], _node.Addresses.NodePortAddresses);
            else
                table.PlanElements(null, _subjects[subject].Plan, subject);
            if (!isLast && table.Added.Count - sent < elementsAtOnce)
                continue;
            family.Change.WriteElements(pipeline.Current, NfElementChange.Add, table.Added.Elements[sent..], firstSubject + sent);
            sent = table.Added.Count;
            if (!isLast && !pipeline.Send())
                return false;
        }
        written += sent + family.Change.WriteChains(pipeline.Current, family.Current, program);
        return true;
    }

    /// <summary>A table of ours that is there: what is there and right stays.</summary>
    private bool WriteDifference(CommitPipeline pipeline, Family family, TableProgram program, int firstSubject, ref int written)
    {
        FamilyTable table = family.Table;
        table.Added.EnsureCapacity(family.Current.Elements.Count);
        for (int subject = 0; subject < _subjects.Count; subject++)
            table.PlanElements(null, _subjects[subject].Plan, subject);
        table.PlanNodePortAddresses([], _node.Addresses.NodePortAddresses);
        table.LeaveDifference(family.Current.Elements);
        family.Change.WriteSets(pipeline.Current, family.Current, program);
        family.Change.WriteElements(pipeline.Current, NfElementChange.Delete, table.Removed.Elements, firstSubject);
        ReadOnlySpan<Element> added = table.Added.Elements;
        int from = 0;
        while (from < added.Length)
        {
            int count = ServiceBoundary(added, from, Math.Max(1, (MaxTransactionBytes - pipeline.Current.LengthBytes) / ElementBytes));
            family.Change.WriteElements(pipeline.Current, NfElementChange.Add, added.Slice(from, count), firstSubject + table.Removed.Count + from);
            from += count;
            if (from < added.Length && !pipeline.Send())
                return false;
        }
        written += added.Length + family.Change.WriteChains(pipeline.Current, family.Current, program);
        return true;
    }

    /// <summary>The number of elements from a position on that make whole services and at most (about) a limit.</summary>
    private static int ServiceBoundary(ReadOnlySpan<Element> elements, int from, int limit)
    {
        if (elements.Length - from <= limit)
            return elements.Length - from;
        int end = from + limit;
        while (end < elements.Length && elements[end].Subject == elements[end - 1].Subject)
            end++;
        return end - from;
    }

    private static bool IsUsable(KernelTable held, TableProgram wanted)
    {
        if (!held.IsOurLayout)
            return false;
        foreach (NfSet set in wanted.Sets)
        {
            if (held.Sets.TryGetValue(set.Name, out NfSet? present)
                && (present.Key.Length != set.Key.Length || present.Data?.Length != set.Data?.Length || present.Timeout != set.Timeout
                    || present.Expressions.Length != set.Expressions.Length))
                return false;
        }
        foreach (ChainProgram chain in wanted.Chains)
        {
            if (held.Chains.TryGetValue(chain.Chain.Name, out ChainProgram? present) && present.Chain.Hook != chain.Chain.Hook)
                return false;
        }
        return true;
    }

    /// <summary>Takes over the affinity ids the kernel holds, so that clients stay with their backends over a restart of the proxy.</summary>
    private void AdoptAffinity(KernelTable held)
    {
        Dictionary<uint, InetEndpoint> endpoints = [];
        List<(uint Id, string Name)> names = [];
        foreach (ref readonly Element element in held.Elements.Elements)
        {
            if (element.Set != ElementSet.AffinityEndpoints || element.Comment is null)
                continue;
            uint id = BitConverter.ToUInt32(element.Key);
            endpoints[id] = ElementBuffer.GetEndpoint(element);
            names.Add((id, element.Comment));
        }
        if (endpoints.Count == 0)
            return;
        ILookup<string, uint> byName = names.ToLookup(entry => entry.Name, entry => entry.Id);
        foreach (ServicePlan plan in _wanted.Values)
        {
            foreach (PortPlan port in plan.Ports)
            {
                if (port.AffinitySeconds == 0)
                    continue;
                foreach (uint id in byName[ElementComment.For(port.Name)])
                    _affinityIds.Adopt(port, endpoints[id], id);
            }
        }
    }
}
