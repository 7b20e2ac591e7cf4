using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// The nftables plane: tables "ip portolan" and "ip6 portolan", spoken to over netlink. Chains and rules do not grow with the number of
/// services; all that does lives in elements, so that a change is a few elements in one transaction.
/// </summary>
/// <remarks>
/// Not thread-safe: one loop owns it. What the kernel holds for a service is not stored: it is computed again from the plan that was applied.
/// </remarks>
public sealed partial class NfTablesPlane : IDataPlane
{
    private readonly NfTablesOptions _options;
    private readonly INfTablesKernel _kernel;
    private readonly TableMonitor? _guard;
    private readonly ILogger _logger;
    private readonly NfTransaction _transaction = new();
    private readonly AffinityIds _affinityIds;
    private readonly Family[] _families;
    private readonly Dictionary<ObjectName, ServicePlan> _wanted = [];
    private readonly Dictionary<ObjectName, ServicePlan> _applied = [];
    private readonly Dictionary<ObjectName, Refusal> _heldBack = [];
    private readonly List<ServiceChange> _subjects = [];
    private readonly NfTablesMetrics _metrics;
    private NodePlan _node = NodePlan.None;

    // False when the kernel may hold something else than _applied says: then it is read before anything is written.
    private bool _isInForce;

    /// <summary>Opens the kernel's nf_tables. Writes nothing yet.</summary>
    /// <exception cref="NetlinkException">The kernel has no nf_tables, or the process may not use it.</exception>
    public NfTablesPlane(NfTablesOptions options, ILogger logger)
        : this(options, networkNamespace: null, logger)
    {
    }

    /// <summary>As the public constructor, in another network namespace (by name or path).</summary>
    internal NfTablesPlane(NfTablesOptions options, string? networkNamespace, ILogger logger)
        : this(options, new NfTablesKernel(networkNamespace), logger) =>
        _guard = new TableMonitor(((NfTablesKernel)_kernel).PortId, networkNamespace, what => ExternallyModified?.Invoke(what), options.SyncPeriod, logger);

    internal NfTablesPlane(NfTablesOptions options, INfTablesKernel kernel, ILogger logger)
    {
        _options = options;
        _kernel = kernel;
        _logger = logger;
        _metrics = new NfTablesMetrics(options.WithCounters);
        Schedule = new PlaneSchedule(options.SyncPeriod);
        _affinityIds = new AffinityIds((uint)Random.Shared.Next());
        var compiler = new ServiceCompiler(options.WithCounters, _affinityIds);
        List<Family> families = [];
        if (options.WithIPv4)
            families.Add(new Family(new FamilyTable(IpFamily.IPv4, compiler), new TableChange(IpFamily.IPv4)));
        if (options.WithIPv6)
            families.Add(new Family(new FamilyTable(IpFamily.IPv6, compiler), new TableChange(IpFamily.IPv6)));
        _families = [.. families];
    }

    /// <inheritdoc/>
    public event Action<string>? ExternallyModified;

    internal const string ModeName = "nftables";

    /// <inheritdoc/>
    public string Mode => ModeName;

    /// <inheritdoc/>
    public PlaneSchedule Schedule { get; }

    /// <inheritdoc/>
    public ImmutableArray<PlaneMetric> Metrics => _metrics.All;

    /// <inheritdoc/>
    public IEnumerable<PlaneSample> ReadMetrics() => _metrics.Read();

    /// <inheritdoc/>
    public void Dispose()
    {
        _guard?.Dispose();
        _kernel.Dispose();
        _transaction.Dispose();
    }

    /// <inheritdoc/>
    public SyncReport Apply(TableDelta delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        foreach (ServiceChange change in delta.Services)
        {
            if (change.Plan is null)
                _wanted.Remove(change.Service);
            else
                _wanted[change.Service] = change.Plan;
            // What was refused before may go in now: the service is another one.
            _heldBack.Remove(change.Service);
        }
        NodePlan before = _node;
        _node = delta.Node ?? before;
        if (!_isInForce)
            return Resync();
        _subjects.Clear();
        foreach (ServiceChange change in delta.Services)
            PlanService(change.Service, change.Plan);
        foreach (Family family in _families)
            family.Table.PlanNodePortAddresses(before.Addresses.NodePortAddresses, _node.Addresses.NodePortAddresses);
        return CommitPlanned(nodeChanged: !before.HasSameRules(_node)) ?? Resync();
    }

    /// <inheritdoc/>
    public SyncReport Reconcile()
    {
        _heldBack.Clear();
        _isInForce = false;
        return Resync();
    }

    /// <summary>Removes the tables, with all that is in them. Returns false when there were none.</summary>
    internal static bool Remove(INfTablesKernel kernel)
    {
        using var transaction = new NfTransaction();
        foreach (IpFamily family in (ReadOnlySpan<IpFamily>)[IpFamily.IPv4, IpFamily.IPv6])
        {
            if (kernel.Read(family).Table is not null)
                transaction.DeleteTable(TableSchema.Table(family));
        }
        if (transaction.IsEmpty)
            return false;
        CommitResult result = kernel.Commit(transaction);
        return result.IsCommitted
            ? true
            : throw new InvalidOperationException($"The kernel refused to delete the tables: {string.Join("; ", result.Refusals)}");
    }

    /// <summary>Removes everything this plane ever wrote. Returns false when there was nothing.</summary>
    /// <exception cref="NetlinkException">The kernel has no nf_tables, or the process may not use it.</exception>
    public static bool RemoveAll()
    {
        using var kernel = new NfTablesKernel();
        return Remove(kernel);
    }

    private void PlanService(ObjectName service, ServicePlan? plan)
    {
        ServicePlan? before = _applied.GetValueOrDefault(service);
        ReserveAffinity(plan);
        foreach (Family family in _families)
        {
            family.Table.PlanUses(before, plan);
            family.Table.PlanElements(before, plan, _subjects.Count);
        }
        _subjects.Add(new ServiceChange(service, plan));
    }

    /// <summary>Commits what is planned on top of what is known to be in force; null when it has to be brought about by reading first.</summary>
    private SyncReport? CommitPlanned(bool nodeChanged)
    {
        int removed = 0, added = 0, rules = 0;
        _transaction.Reset();
        foreach (Family family in _families)
        {
            FamilyTable table = family.Table;
            TableProgram? program = table.UsesChanged || nodeChanged ? TableCompiler.Build(Input(table)) : null;
            if (program is not null)
                family.Change.WriteSets(_transaction, family.Current, program);
            family.Change.WriteElements(_transaction, NfElementChange.Delete, table.Removed.Elements, removed + added);
            removed += table.Removed.Count;
            family.Change.WriteElements(_transaction, NfElementChange.Add, table.Added.Elements, removed + added);
            added += table.Added.Count;
            if (program is null)
                continue;
            rules += family.Change.WriteChains(_transaction, family.Current, program);
            family.Pending = program;
        }

        _isInForce = false;
        if (!_transaction.IsEmpty)
        {
            // Refused: most likely the kernel holds something else than we think. Reading it tells, and who is at fault if not.
            if (!_kernel.Commit(_transaction).IsCommitted)
            {
                _metrics.CountRefused();
                return null;
            }
        }
        bool isEmpty = _transaction.IsEmpty;
        ConfirmPlanned();
        _isInForce = true;
        return isEmpty && _heldBack.Count == 0 ? SyncReport.UpToDate : Report(added + rules, removed, isEmpty ? 0 : 1);
    }

    private void ConfirmPlanned()
    {
        foreach (ServiceChange subject in _subjects)
        {
            _applied.Remove(subject.Service, out ServicePlan? before);
            if (subject.Plan is not null)
                _applied[subject.Service] = subject.Plan;
            ReleaseAffinity(before, subject.Plan);
        }
        foreach (Family family in _families)
        {
            family.Table.ClearPlanned();
            if (family.Pending is { } program)
                family.Confirm(program);
        }
    }

    private void ReserveAffinity(ServicePlan? plan)
    {
        foreach (PortPlan port in plan?.Ports ?? [])
            _affinityIds.Reserve(port);
    }

    private void ReleaseAffinity(ServicePlan? before, ServicePlan? after)
    {
        foreach (PortPlan port in before?.Ports ?? [])
        {
            if (port.AffinitySeconds > 0)
                _affinityIds.Release(port, after?.Ports.FirstOrDefault(other => other.Name == port.Name && other.Family == port.Family));
        }
    }

    /// <summary>Sets aside the services a refusal names; false when it names none.</summary>
    private bool HoldBack(CommitResult result)
    {
        if (result.Outcome == CommitOutcome.Unknown)
            return true;
        bool any = false;
        foreach (CommitRefusal refusal in result.Refusals)
        {
            if (refusal.Subject == NfTransaction.NoSubject || !TryFind(refusal.Subject, out Element element, out NfElementChange change))
                continue;
            if (element.Subject == FamilyTable.NoService)
                continue;
            ServiceChange subject = _subjects[element.Subject];
            any = true;
            _heldBack[subject.Service] = new Refusal(
                $"Service {subject.Service}",
                string.Create(CultureInfo.InvariantCulture,
                    $"{(change == NfElementChange.Delete ? "delete" : "add")} element {TableSchema.Name(element.Set, element.Variant)} {{ {element.Describe()} }}"),
                refusal.ToString());
        }
        return any;
    }

    private bool TryFind(int subject, out Element element, out NfElementChange change)
    {
        // Subjects count the removed and added elements of the families, one after the other.
        foreach (Family family in _families)
        {
            if (subject < family.Table.Removed.Count)
            {
                (element, change) = (family.Table.Removed.Elements[subject], NfElementChange.Delete);
                return true;
            }
            subject -= family.Table.Removed.Count;
            if (subject < family.Table.Added.Count)
            {
                (element, change) = (family.Table.Added.Elements[subject], NfElementChange.Add);
                return true;
            }
            subject -= family.Table.Added.Count;
        }
        (element, change) = (default, default);
        return false;
    }

    private SyncReport Report(int written, int removed, int transactions) => new()
    {
        Written = written,
        Removed = removed,
        Transactions = transactions,
        Refusals = [.. _heldBack.Values],
    };

    private ProgramInput Input(FamilyTable table) => new(
        table.Family,
        table.Uses,
        _node.DetectorOf(table.Family),
        [.. _node.ServiceCidrs.Where(cidr => cidr.Family == table.Family)],
        1u << _options.MasqueradeBit,
        _options.WithCounters);

    [LoggerMessage(1, LogLevel.Warning, "nftables: table {Table} ({Comment}) was written by another version of Portolan and is replaced in one transaction")]
    private partial void LogReplaced(string table, string comment);

    /// <summary>One family's table: what is planned for it, and what the kernel holds of its static part.</summary>
    private sealed class Family(FamilyTable table, TableChange change)
    {
        internal FamilyTable Table { get; } = table;

        internal TableChange Change { get; } = change;

        internal KernelTable Current { get; private set; } = new();

        /// <summary>The program that the transaction under way brings.</summary>
        internal TableProgram? Pending { get; set; }

        internal void ReadBack(KernelTable held) => Current = held;

        /// <summary>The pending program is in force; elements are no longer kept, for they follow from the plans.</summary>
        internal void Confirm(TableProgram program)
        {
            Pending = null;
            var held = new KernelTable { Table = new NfTable(TableSchema.Table(Table.Family)) { Comment = TableSchema.TableComment } };
            foreach (NfSet set in program.Sets)
                held.Sets.Add(set.Name, set);
            foreach (ChainProgram chain in program.Chains)
                held.Chains.Add(chain.Chain.Name, chain);
            Current = held;
        }
    }
}
