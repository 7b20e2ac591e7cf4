using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.Host;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Sync;

/// <summary>
/// The one owner of the service table and of a data plane: takes what the sources queued, drains it into one change, gives it to the plane.
/// While a transaction is in the kernel, events queue up and become the next one; there is no wait beyond that unless minSyncPeriod asks for it.
/// </summary>
/// <remarks>Failures of the plane are logged and retried; the loop ends only when it is cancelled.</remarks>
public sealed partial class SyncLoop : IDisposable
{
    private const int LoggedProblemsPerStep = 20;

    private readonly IDataPlane _plane;
    private readonly ServiceTable _table;
    private readonly ILocalAddresses _addresses;
    private readonly NodePortAddressPolicy _nodePorts;
    private readonly ConntrackCleaner _conntrack;
    private readonly SyncLoopOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Channel<ClusterEvent> _events;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly ConcurrentQueue<string> _modifications = new();
    private readonly ITimer _timer;
    private readonly long _started;

    private SyncStatus _status = SyncStatus.Starting;
    private NodeFacts _facts = NodeFacts.None;
    private NodeFacts _chosen = NodeFacts.None;
    private NodeObject? _chosenForNode;
    private ImmutableArray<InetAddress> _chosenFrom;
    private bool _hadNode;
    private ImmutableHashSet<Refusal> _refusals = [];
    private ImmutableHashSet<string> _warnings = [];
    private long _taken;
    private bool _isFirst = true;

    // What the plane has not taken because it failed: given again, together with what came since.
    private TableDelta? _unapplied;
    private bool _hasFailed;
    private int _retries;
    private DateTimeOffset _nextSync = DateTimeOffset.MinValue;
    private DateTimeOffset _nextReconcile = DateTimeOffset.MaxValue;
    private DateTimeOffset _nextRetry = DateTimeOffset.MaxValue;
    private string? _conntrackError;

    /// <summary>A loop that has not started.</summary>
    public SyncLoop(
        IDataPlane plane, ServiceTable table, ILocalAddresses addresses, NodePortAddressPolicy nodePorts, ConntrackCleaner conntrack,
        SyncLoopOptions options, ILogger<SyncLoop> logger, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        _plane = plane;
        _table = table;
        _addresses = addresses;
        _nodePorts = nodePorts;
        _conntrack = conntrack;
        _options = options;
        _logger = logger;
        _time = time;
        _started = time.GetTimestamp();
        _events = Channel.CreateBounded<ClusterEvent>(new BoundedChannelOptions(options.QueueLength) { SingleReader = true });
        _timer = time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Where sources write what they see.</summary>
    public ChannelWriter<ClusterEvent> Events => _events.Writer;

    /// <summary>Where the loop stands; any thread.</summary>
    public SyncStatus Status => Volatile.Read(ref _status);

    /// <summary>True while events wait or a change is on its way to the kernel; any thread.</summary>
    public bool IsPending => _events.Reader.Count > 0 || Status.PendingSince is not null;

    /// <summary>Raised on the loop's thread after the plane took a change or compared. Handlers must be quick and must not throw.</summary>
    public event Action<SyncRecord>? SyncCompleted;

    /// <summary>Raised once, on the loop's thread, when a whole picture of the cluster came into force.</summary>
    public event Action? InitialSyncCompleted;

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>Follows events until cancelled. What is in the kernel then stays there.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        _plane.ExternallyModified += OnExternallyModified;
        _addresses.Changed += Wake;
        try
        {
            Task<bool>? event_ = null;
            Task<bool>? wake = null;
            while (!cancel.IsCancellationRequested)
            {
                Step();
                event_ = event_ is { IsCompleted: false } ? event_ : _events.Reader.WaitToReadAsync(cancel).AsTask();
                wake = wake is { IsCompleted: false } ? wake : _wake.Reader.WaitToReadAsync(cancel).AsTask();
                await Task.WhenAny(event_, wake).ConfigureAwait(false);
                _wake.Reader.TryRead(out _);
            }
        }
        finally
        {
            _plane.ExternallyModified -= OnExternallyModified;
            _addresses.Changed -= Wake;
        }
    }

    private void OnExternallyModified(string what)
    {
        _modifications.Enqueue(what);
        Wake();
    }

    private void Wake() => _wake.Writer.TryWrite(true);

    private void Step()
    {
        // Before the queue is emptied, so that nobody sees neither a waiting event nor a pending change.
        if (_events.Reader.Count > 0)
            Publish(Status with { PendingSince = Status.PendingSince ?? _time.GetUtcNow() });
        TakeEvents();
        NoteNode();
        DateTimeOffset now = _time.GetUtcNow();
        if (_table.IsSynced && (now >= _nextSync || !_modifications.IsEmpty))
        {
            try
            {
                Sync(now);
            }
            catch (Exception failure) when (failure is not (OperationCanceledException or OutOfMemoryException))
            {
                Fail(failure);
            }
        }
        SetTimer(now);
    }

    private void TakeEvents()
    {
        // Not until the queue is empty: a source that writes without pause must not keep the rest from the kernel.
        for (int count = 0; count < _options.QueueLength && _events.Reader.TryRead(out ClusterEvent? change); count++)
        {
            _table.Apply(change);
            _taken++;
        }
    }

    private void NoteNode()
    {
        _hadNode |= _table.Node is not null;
        // A folder of manifests need not have a Node. One that was there and is gone means that this machine has left the cluster.
        bool isEligible = _table.Node is { } node ? !node.IsBeingDeleted : !_hadNode;
        if (isEligible != Status.IsNodeEligible)
            Publish(Status with { IsNodeEligible = isEligible });
    }

    private void Sync(DateTimeOffset now)
    {
        TableDelta drained = _table.Drain();
        LogProblems(drained);
        NodeFacts facts = CurrentFacts();
        TableDelta delta = _unapplied is { } before ? Merge(before, drained) : drained;
        bool isRetry = now >= _nextRetry;
        if (_hasFailed && !isRetry)
        {
            _unapplied = delta;
            return;
        }
        if (!delta.IsEmpty || facts != _facts || _isFirst)
            Apply(delta, facts);
        string? modification = TakeModifications();
        if (modification is not null || isRetry || now >= _nextReconcile)
            Reconcile(modification);
        CleanConntrack();
        if (!_hasFailed)
            Publish(Status with { PendingSince = null, AppliedSequence = _taken, LastError = null, LastApplied = _time.GetUtcNow() });
    }

    private NodeFacts CurrentFacts()
    {
        // Chosen again only when something it is chosen from changed: a machine may have thousands of addresses.
        ImmutableArray<InetAddress> local = _addresses.Current;
        if (ReferenceEquals(_chosenForNode, _table.Node) && _chosenFrom == local)
            return _chosen;
        (_chosenForNode, _chosenFrom) = (_table.Node, local);
        return _chosen = _nodePorts.FactsFor(_table.Node, local);
    }

    private void Apply(TableDelta delta, NodeFacts facts)
    {
        _unapplied = delta;
        _nextSync = _time.GetUtcNow() + _options.MinSyncPeriod;
        long start = _time.GetTimestamp();
        SyncReport report = _plane.Apply(delta, facts);
        TimeSpan elapsed = _time.GetElapsedTime(start);
        _facts = facts;
        _conntrack.Note(delta);
        Publish(Status with { Syncs = Status.Syncs + 1, Services = _table.PlanCount });
        ReportWarnings(report.Warnings);
        NoteRefusals(_refusals.Union(report.Refusals), report.IsInForce);
        _hasFailed = !report.IsInForce;
        if (_hasFailed)
        {
            LogNotInForce(_plane.Mode, ScheduleRetry().TotalSeconds);
            return;
        }
        _unapplied = null;
        if (_isFirst)
            FinishFirst(report, elapsed);
        else if (report.Written + report.Removed > 0)
            LogApplied(_plane.Mode, delta.Services.Length, report.Written, report.Removed, elapsed.TotalMilliseconds);
        SyncCompleted?.Invoke(new SyncRecord(delta, facts, report, elapsed, IsReconcile: false));
        if (!report.Refusals.IsEmpty && _nextRetry == DateTimeOffset.MaxValue)
            ScheduleRetry();
    }

    private void FinishFirst(SyncReport report, TimeSpan elapsed)
    {
        _isFirst = false;
        _nextReconcile = _time.GetUtcNow() + _options.SyncPeriod;
        int endpoints = 0;
        foreach (ServicePlan plan in _table.Plans)
        {
            foreach (PortPlan port in plan.Ports)
                endpoints += Math.Max(port.ClusterBackends.Length, port.LocalBackends.Length);
        }
        LogFirst(_plane.Mode, _table.PlanCount, endpoints, report.Written, report.Removed, elapsed.TotalSeconds,
            _time.GetElapsedTime(_started).TotalSeconds);
        Publish(Status with { IsSynced = true });
        InitialSyncCompleted?.Invoke();
    }

    private void Reconcile(string? modification)
    {
        if (modification is not null)
            LogExternallyModified(_plane.Mode, modification);
        long start = _time.GetTimestamp();
        SyncReport report = _plane.Reconcile();
        TimeSpan elapsed = _time.GetElapsedTime(start);
        _nextReconcile = _time.GetUtcNow() + _options.SyncPeriod;
        if (modification is not null || (report.Written + report.Removed > 0 && _refusals.IsEmpty))
            LogRepaired(_plane.Mode, report.Written, report.Removed, elapsed.TotalMilliseconds);
        ReportWarnings(report.Warnings);
        NoteRefusals([.. report.Refusals], report.IsInForce);
        _hasFailed = !report.IsInForce;
        if (_hasFailed)
            LogNotInForce(_plane.Mode, ScheduleRetry().TotalSeconds);
        else if (!report.Refusals.IsEmpty)
            ScheduleRetry();
        else
            ForgetRetries();
        if (!_hasFailed)
            SyncCompleted?.Invoke(new SyncRecord(new TableDelta([], null), _facts, report, elapsed, IsReconcile: true));
    }

    private void CleanConntrack()
    {
        try
        {
            int removed = _conntrack.Clean(_facts);
            if (removed > 0)
                LogConntrack(removed);
            _conntrackError = null;
        }
        catch (Netlink.Core.NetlinkException failure)
        {
            // Rules are in force all the same. What was to be cleaned stays noted for the next step, at the latest the next reconcile.
            if (_conntrackError != failure.Message)
                LogConntrackFailed(failure.Message);
            _conntrackError = failure.Message;
        }
    }

    private void Fail(Exception failure)
    {
        _hasFailed = true;
        TimeSpan wait = ScheduleRetry();
        SyncStatus status = Status;
        Publish(status with
        {
            Failures = status.Failures + 1,
            LastError = failure.Message,
            PendingSince = status.PendingSince ?? _time.GetUtcNow(),
        });
        string kept = status.LastApplied is { } last ? $"traffic still follows the rules of {last:HH:mm:ss} UTC" : "no rules were written yet";
        LogFailed(_plane.Mode, failure.Message, kept, wait.TotalSeconds);
        LogFailedDetails(failure);
    }

    private TimeSpan ScheduleRetry()
    {
        TimeSpan wait = _options.FirstRetry * Math.Pow(2, Math.Min(_retries++, 20));
        wait = wait < _options.LongestRetry ? wait : _options.LongestRetry;
        _nextRetry = _time.GetUtcNow() + wait;
        return wait;
    }

    private void ForgetRetries()
    {
        _retries = 0;
        _nextRetry = DateTimeOffset.MaxValue;
    }

    // Each is told once: what it is about will be there at each full sync.
    private void ReportWarnings(ImmutableArray<string> warnings)
    {
        foreach (string warning in warnings.Where(warning => !_warnings.Contains(warning)))
            LogWarning(_plane.Mode, warning);
        _warnings = _warnings.Union(warnings);
    }

    private void NoteRefusals(ImmutableHashSet<Refusal> refusals, bool isRestInForce)
    {
        if (refusals.SetEquals(_refusals))
            return;
        foreach (Refusal refusal in refusals.Except(_refusals).OrderBy(static refusal => refusal.Subject, StringComparer.Ordinal))
        {
            if (isRestInForce)
                LogRefused(_plane.Mode, refusal.Subject, refusal.Change, refusal.Reason);
            else
                LogNotDone(_plane.Mode, refusal.Subject, refusal.Change, refusal.Reason);
        }
        foreach (string subject in _refusals.Except(refusals).Select(static refusal => refusal.Subject).Distinct())
        {
            if (!refusals.Any(refusal => refusal.Subject == subject))
                LogAccepted(_plane.Mode, subject);
        }
        _refusals = refusals;
        Publish(Status with { Refusals = [.. refusals.OrderBy(static refusal => refusal.Subject, StringComparer.Ordinal)] });
    }

    private void LogProblems(TableDelta delta)
    {
        foreach (Problem problem in delta.NewProblems.Take(LoggedProblemsPerStep))
            LogProblem(problem.Kind, problem.Object, FieldOf(problem), problem.Message);
        if (delta.NewProblems.Length > LoggedProblemsPerStep)
            LogMoreProblems(delta.NewProblems.Length - LoggedProblemsPerStep);
        foreach (Problem problem in delta.GoneProblems.Take(LoggedProblemsPerStep))
            LogProblemGone(problem.Kind, problem.Object, FieldOf(problem), problem.Message);
    }

    private static string FieldOf(Problem problem) => problem.Field.Length == 0 ? "" : $", {problem.Field}";

    private string? TakeModifications()
    {
        string? first = null;
        while (_modifications.TryDequeue(out string? what))
            first ??= what;
        return first;
    }

    private void SetTimer(DateTimeOffset lookedAt)
    {
        DateTimeOffset next = _nextRetry < _nextReconcile ? _nextRetry : _nextReconcile;
        DateTimeOffset now = _time.GetUtcNow();
        // By the time at which the step looked, not by now: a minimum period that ended in between has left a change waiting.
        if (_nextSync > lookedAt && Status.PendingSince is not null && _nextSync < next)
            next = _nextSync;
        if (next == DateTimeOffset.MaxValue)
            return;
        TimeSpan wait = next - now;
        _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
    }

    private void Publish(SyncStatus status) => Volatile.Write(ref _status, status);

    private static TableDelta Merge(TableDelta older, TableDelta newer)
    {
        if (newer.IsEmpty)
            return older;
        Dictionary<ObjectName, ServiceChange> services = [];
        foreach (ServiceChange change in older.Services)
            services[change.Service] = change;
        foreach (ServiceChange change in newer.Services)
            services[change.Service] = change;
        return new TableDelta([.. services.Values], newer.NodeWide ?? older.NodeWide);
    }
}
