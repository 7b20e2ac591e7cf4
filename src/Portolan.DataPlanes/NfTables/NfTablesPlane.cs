using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// The nftables plane: tables "ip portolan" and "ip6 portolan", written over netlink. Chains and rules do not grow with the number of
/// services; whatever grows is in elements, so that a change is a few elements in one transaction.
/// </summary>
/// <remarks>
/// Not thread-safe: one loop owns it. What the kernel holds for a service is not stored but recomputed from the plan that was
/// applied.
/// </remarks>
public sealed class NfTablesPlane : IDataPlane
{
    private readonly INfTablesKernel _kernel;
    private readonly TableMonitor? _monitor;
    private readonly NfTransaction _transaction = new();
    private readonly PlaneState _state;
    private readonly Resync _resync;
    private readonly NfTablesMetrics _metrics;

    // False if the kernel may hold something else than the state says: then it is read before anything is written.
    private bool _isInForce;

    // While the kernel's ruleset has this generation, nobody but us committed since the kernel was read.
    private uint _generation;

    /// <summary>Opens the kernel's nf_tables. Writes nothing yet.</summary>
    /// <exception cref="NetlinkException">The kernel has no nf_tables, or the process may not use it.</exception>
    public NfTablesPlane(NfTablesOptions options, ILogger logger)
        : this(options, networkNamespace: null, logger)
    {
    }

    /// <summary>Like the public constructor, in another network namespace (by name or path).</summary>
    internal NfTablesPlane(NfTablesOptions options, string? networkNamespace, ILogger logger)
    {
        var kernel = new NfTablesKernel(networkNamespace);
        _kernel = kernel;
        _monitor = new TableMonitor(kernel.PortId, networkNamespace, OnExternallyModified, options.SyncPeriod, logger);
        (_state, Schedule) = (new PlaneState(options), new PlaneSchedule(options.SyncPeriod));
        _metrics = new NfTablesMetrics(options.WithCounters, _state.Tables);
        _resync = new Resync(_state, kernel, _monitor, _metrics, OnExternallyModified, logger);
    }

    internal NfTablesPlane(NfTablesOptions options, INfTablesKernel kernel, ILogger logger)
    {
        _kernel = kernel;
        (_state, Schedule) = (new PlaneState(options), new PlaneSchedule(options.SyncPeriod));
        _metrics = new NfTablesMetrics(options.WithCounters, _state.Tables);
        _resync = new Resync(_state, kernel, monitor: null, _metrics, OnExternallyModified, logger);
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
        _monitor?.Dispose();
        _kernel.Dispose();
        _transaction.Dispose();
    }

    /// <inheritdoc/>
    public SyncReport Apply(TableDelta delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        _state.Want(delta.Services);
        NodePlan before = _state.Node;
        _state.Node = delta.Node ?? before;
        if (!_isInForce)
            return RunResync();
        _state.BeginPlanning();
        foreach (ServiceChange change in delta.Services)
            _state.PlanChange(change);
        foreach (PlaneTable table in _state.Tables)
            table.Elements.PlanNodePortAddresses(before.Addresses.NodePortAddresses, _state.Node.Addresses.NodePortAddresses);
        return CommitPlanned(nodeChanged: !before.HasSameRules(_state.Node)) ?? RunResync();
    }

    /// <inheritdoc/>
    public SyncReport Reconcile()
    {
        bool isWhole = _isInForce && _state.HasNoQuarantine;
        _state.EndQuarantine();
        if (_isInForce)
            DropUnusedRules();
        if (isWhole && _isInForce && _kernel.ReadGeneration() == _generation)
            return SyncReport.UpToDate with { HasComparedAll = true };
        _isInForce = false;
        return RunResync();
    }

    /// <summary>Removes the tables and everything in them. Returns false if there were none.</summary>
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

    /// <summary>Removes everything this plane ever wrote. Returns false if there was nothing.</summary>
    /// <exception cref="NetlinkException">The kernel has no nf_tables, or the process may not use it.</exception>
    public static bool RemoveAll()
    {
        using var kernel = new NfTablesKernel();
        return Remove(kernel);
    }

    /// <summary>Commits what is planned on top of what is known to be in force; null if a resync is needed.</summary>
    private SyncReport? CommitPlanned(bool nodeChanged)
    {
        int removed = 0, added = 0, rules = 0;
        _transaction.Reset();
        foreach (PlaneTable table in _state.Tables)
        {
            FamilyTable elements = table.Elements;
            TableProgram? program = elements.UsesChanged || nodeChanged ? TableCompiler.Build(_state.ProgramOf(table)) : null;
            if (program is not null)
                table.Change.WriteSets(_transaction, table.Current, program);
            table.Change.WriteElements(_transaction, NfElementChange.Delete, elements.Removed.Elements, 0);
            removed += elements.Removed.Count;
            table.Change.WriteElements(_transaction, NfElementChange.Add, elements.Added.Elements, 0);
            added += elements.Added.Count;
            if (program is null)
                continue;
            rules += table.Change.WriteChains(_transaction, table.Current, program);
            table.Pending = program;
        }

        _isInForce = false;
        if (!_transaction.IsEmpty)
        {
            // Refused: most likely the kernel does not hold what we think. Reading it shows that, or else which service is at fault.
            if (!_kernel.Commit(_transaction).IsCommitted)
            {
                _metrics.CountRefused();
                return null;
            }
            _generation++;
        }
        bool isEmpty = _transaction.IsEmpty;
        _state.Confirm();
        _isInForce = true;
        return isEmpty && _state.HasNoQuarantine ? SyncReport.UpToDate : _state.Report(added + rules, removed, isEmpty ? 0 : 1);
    }

    // Separate from the reconcile itself, whose report says what others changed. If it is refused, the reconcile finds out why.
    private void DropUnusedRules()
    {
        _state.BeginPlanning();
        foreach (PlaneTable table in _state.Tables)
            table.Elements.DropUnused();
        CommitPlanned(nodeChanged: false);
    }

    private SyncReport RunResync()
    {
        SyncReport report = _resync.Run();
        _isInForce = report.IsInForce;
        _generation = _resync.Generation;
        return report;
    }

    private void OnExternallyModified(string what) => ExternallyModified?.Invoke(what);
}
