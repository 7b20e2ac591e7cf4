using System.Globalization;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>Turns whatever the kernel holds into what is wanted: first loads, restarts, repairs.</summary>
internal sealed partial class Resync(PlaneState state, INfTablesKernel kernel, TableMonitor? monitor, NfTablesMetrics metrics,
    Action<string> externallyModified, ILogger logger)
{
    private readonly ILogger _logger = logger;

    // Null once they have been reported.
    private List<UdpFrontend>? _found = [];
    private bool _hasRead;

    // A transaction is one message, which the kernel copies as a whole. Above this size a load is split, base chains last.
    private const int MaxTransactionBytes = 16 << 20;

    // Elements of a new table per transaction, sent while the next are planned and written: some milliseconds of work for either side.
    private const int ElementsAtOnce = 4096;

    // Rounds of reading, writing and being refused before it is left to the sync loop to retry later.
    private const int MaxRounds = 64;

    // Upper estimate of an element's size in a message, to decide when to split.
    private const int ElementBytes = 160;

    /// <summary>
    /// The ruleset generation after <see cref="Run"/> if nobody else committed meanwhile: as long as the kernel has it, its content is known.
    /// </summary>
    internal uint Generation { get; private set; }

    /// <summary>Reads what the kernel holds and turns it into what is wanted, however different the two are.</summary>
    internal SyncReport Run()
    {
        // The monitor would receive a notification for every element of a first load or a repair: meanwhile the generation number is
        // enough.
        monitor?.Close();
        uint generation = kernel.ReadGeneration();
        SyncReport report = RunRounds();
        Generation = generation + (uint)report.Transactions;
        if (monitor is not null)
        {
            monitor.Open();
            if (kernel.ReadGeneration() != Generation && report.IsInForce)
                externallyModified("another program changed nf_tables during a large transaction");
        }
        return report;
    }

    private SyncReport RunRounds()
    {
        int committed = 0;
        // Every round quarantines at least one more service, or is the last.
        for (int round = 1; ; round++)
        {
            foreach (PlaneTable table in state.Tables)
            {
                table.Elements.Reset();
                IpFamily family = table.Elements.Family;
                KernelTable current = kernel.Read(family, withEndpoints: !state.IsLarge(family));
                table.ReadBack(current);
                state.AdoptAffinity(current);
                if (!_hasRead)
                    NoteFound(family, current);
            }
            _hasRead = true;
            Dictionary<ObjectName, ServicePlan> before = new(state.Applied);
            state.Applied.Clear();
            state.BeginPlanning();
            foreach ((ObjectName service, ServicePlan plan) in state.Wanted)
            {
                ServicePlan? good = state.IsQuarantined(service) ? before.GetValueOrDefault(service) : plan;
                if (good is not null)
                    state.PlanWhole(new ServiceChange(service, good));
            }

            using var pipeline = new CommitPipeline(kernel);
            bool isDone = TryCommitAll(pipeline, out int written, out int removed);
            // A round that ends with a refusal may have committed parts of a new table.
            committed += pipeline.Committed;
            if (isDone)
            {
                state.Confirm();
                state.ReleaseAffinity(before);
                SyncReport report = state.Report(written, removed, committed) with
                {
                    HasComparedAll = true,
                    FoundUdpFrontends = [.. _found ?? []],
                };
                _found = null;
                return report;
            }
            foreach ((ObjectName service, ServicePlan plan) in before)
                state.Applied[service] = plan;
            metrics.CountRefused();
            if (!state.Quarantine(pipeline.Refused!) || round == MaxRounds)
                return state.ReportRefused(committed, Unattributable(pipeline.Refused!));
        }
    }

    private void NoteFound(IpFamily family, KernelTable held)
    {
        foreach (ref readonly Element element in held.Elements.Elements)
        {
            if (element.Set is PortolanSet.Frontends or PortolanSet.NodePortFrontends or PortolanSet.InsideFrontends
                && ElementCodec.TryReadKey(element.Set, element.Key, out ElementFields key) && key.Protocol == IpProtocol.Udp)
            {
                // The key of a NodePort has an address of zeros.
                InetAddress address = element.Set == PortolanSet.NodePortFrontends ? default : key.Destination;
                _found?.Add(new UdpFrontend(family, address, key.Port));
            }
        }
    }

    /// <summary>
    /// A refusal that names no service: none of the transaction was applied, and nothing can be quarantined so that the rest is accepted.
    /// </summary>
    private static Refusal Unattributable(CommitResult result)
    {
        if (result.Outcome == CommitOutcome.Unknown)
            return new("the tables as a whole", "a transaction", "the kernel's answer was lost, and so were those to the repetitions");
        CommitRefusal? first = result.Refusals.FirstOrDefault();
        string more = result.Refusals.Length > 1
            ? string.Create(CultureInfo.InvariantCulture, $" (and {result.Refusals.Length - 1} more)") : "";
        return new(
            "the tables as a whole, not attributable to one service", first?.Change ?? "a transaction",
            $"{first?.ToString() ?? result.Outcome.ToString()}{more}");
    }

    private bool TryCommitAll(CommitPipeline pipeline, out int written, out int removed)
    {
        written = removed = 0;
        foreach (PlaneTable table in state.Tables)
        {
            TableProgram program = TableCompiler.Build(state.ProgramOf(table));
            if (table.Current.Table is null)
            {
                if (!WriteNew(pipeline, table, program, ElementsAtOnce, ref written))
                    return false;
            }
            else if (!IsUsable(table.Current, program))
            {
                // Deleted and created again in one transaction, however large: no packet sees an intermediate state.
                LogReplaced(table.Current.Table.Id.ToString(), table.Current.Table.Comment ?? "no comment");
                List<(Element Element, TimeSpan Left)> clients = state.CarryOverClients(table, kernel);
                pipeline.Current.DeleteTable(table.Current.Table.Id);
                table.ReadBack(new KernelTable());
                WriteNew(pipeline, table, program, int.MaxValue, ref written);
                table.Change.WriteClients(pipeline.Current, clients);
            }
            else if (!WriteDifference(pipeline, table, program, ref written, ref removed))
            {
                return false;
            }
            removed += table.Elements.Removed.Count;
            table.Pending = program;
        }
        return pipeline.Finish();
    }

    /// <summary>
    /// A table that does not exist. No packet reaches it before its base chains, which are written last, so the rest may
    /// be committed in pieces: the kernel works on one while the next is planned.
    /// </summary>
    private bool WriteNew(CommitPipeline pipeline, PlaneTable table, TableProgram program, int elementsAtOnce, ref int written)
    {
        FamilyTable elements = table.Elements;
        table.Change.WriteSets(pipeline.Current, table.Current, program);
        written += program.Sets.Length + table.Change.WriteInnerChains(pipeline.Current, table.Current, program);
        elements.Added.EnsureCapacity(state.UnderWay.Sum(change => ServiceCompiler.MostElements(change.Plan!, elements.Family))
            + state.Node.Addresses.NodePortAddresses.Length);
        int sent = 0;
        for (int subject = 0; subject <= state.UnderWay.Count; subject++)
        {
            bool isLast = subject == state.UnderWay.Count;
            if (isLast)
                elements.PlanNodePortAddresses([], state.Node.Addresses.NodePortAddresses);
            else
                elements.PlanElements(null, state.UnderWay[subject].Plan, subject);
            if (!isLast && elements.Added.Count - sent < elementsAtOnce)
                continue;
            table.Change.WriteElements(pipeline.Current, NfElementChange.Add, elements.Added.Elements[sent..], sent);
            sent = elements.Added.Count;
            if (!isLast && !pipeline.Send())
                return false;
        }
        written += sent + table.Change.WriteChains(pipeline.Current, table.Current, program);
        return true;
    }

    /// <summary>A table of ours that exists: what is right stays.</summary>
    private bool WriteDifference(CommitPipeline pipeline, PlaneTable table, TableProgram program, ref int written, ref int removed)
    {
        FamilyTable elements = table.Elements;
        elements.Added.EnsureCapacity(table.Current.Elements.Count);
        for (int subject = 0; subject < state.UnderWay.Count; subject++)
            elements.PlanElements(null, state.UnderWay[subject].Plan, subject);
        elements.PlanNodePortAddresses([], state.Node.Addresses.NodePortAddresses);
        if (table.Current.IsWithoutEndpoints)
        {
            var large = new LargeMaps(kernel, table);
            if (!large.TryConfirm())
                table.ReadBack(kernel.Read(elements.Family));
            written += large.Added;
            removed += large.Removed;
            pipeline.CountOthers(large.Transactions);
        }
        elements.LeaveDifference(table.Current.Elements);
        table.Change.WriteSets(pipeline.Current, table.Current, program);
        table.Change.WriteElements(pipeline.Current, NfElementChange.Delete, elements.Removed.Elements, 0);
        ReadOnlySpan<Element> added = elements.Added.Elements;
        int from = 0;
        while (from < added.Length)
        {
            int count = ServiceBoundary(added, from, Math.Max(1, (MaxTransactionBytes - pipeline.Current.LengthBytes) / ElementBytes));
            table.Change.WriteElements(pipeline.Current, NfElementChange.Add, added.Slice(from, count), from);
            from += count;
            if (from < added.Length && !pipeline.Send())
                return false;
        }
        written += added.Length + table.Change.WriteChains(pipeline.Current, table.Current, program);
        return true;
    }

    /// <summary>The number of elements from a position on that belong to complete services, up to (about) a limit.</summary>
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
                    || present.Expressions.Length != set.Expressions.Length || present.Size != set.Size))
                return false;
        }
        foreach (ChainProgram chain in wanted.Chains)
        {
            // Type, hook and priority of a chain cannot be changed; its policy can.
            if (held.Chains.TryGetValue(chain.Chain.Name, out ChainProgram? present)
                && WithoutPolicy(present.Chain.Hook) != WithoutPolicy(chain.Chain.Hook))
                return false;
        }
        return true;
    }

    private static NfHook? WithoutPolicy(NfHook? hook) => hook is null ? null : hook with { Policy = NfPolicy.Accept };

    [LoggerMessage(1, LogLevel.Warning,
        "nftables: table {Table} ({Comment}) was written by another version of Portolan, or somebody recreated a chain or set of it; it " +
        "is replaced in one transaction")]
    private partial void LogReplaced(string table, string comment);
}
