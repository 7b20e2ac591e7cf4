using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Sync;

/// <summary>
/// The one owner of the service table and of a data plane: takes what the sources queued, and does what <see cref="SyncSchedule"/> says is
/// due. While a transaction is in the kernel, events queue up and become the next one; there is no wait beyond that unless minSyncPeriod
/// requires it.
/// </summary>
/// <remarks>Failures of the plane and of observers are logged and retried; the loop ends only when it is cancelled.</remarks>
public sealed class SyncLoop : IDisposable
{
    private readonly IDataPlane _plane;
    private readonly ServiceTable _table;
    private readonly ILocalAddresses _addresses;
    private readonly SyncLoopOptions _options;
    private readonly SyncReporter _reporter;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly Channel<ClusterEvent> _events;
    private readonly Channel<bool> _wake =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly ConcurrentQueue<string> _modifications = new();
    private readonly List<(string Name, Action<SyncRecord> Follow)> _observers = [];
    private readonly TaskCompletionSource _initialSync = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _timer;

    private SyncSchedule _schedule;
    private SyncStatus _status = SyncStatus.Starting;
    private long _taken;

    // What was passed to the plane and not applied: passed again, together with later changes.
    private TableDelta _unapplied = TableDelta.Empty;

    /// <summary>A loop that has not started.</summary>
    public SyncLoop(
        IDataPlane plane, ServiceTable table, ILocalAddresses addresses, SyncLoopOptions options, ILogger<SyncLoop> logger,
            TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(plane);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        (_plane, _table, _addresses, _options, _time) = (plane, table, addresses, options, time);
        _reporter = new SyncReporter(plane.Mode, logger);
        _schedule = new SyncSchedule(options, plane.Schedule);
        _started = time.GetTimestamp();
        _events = Channel.CreateBounded<ClusterEvent>(new BoundedChannelOptions(options.QueueLength) { SingleReader = true });
        _timer = time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Where sources write their events.</summary>
    public ChannelWriter<ClusterEvent> Events => _events.Writer;

    /// <summary>State of the loop; any thread.</summary>
    public SyncStatus Status => Volatile.Read(ref _status);

    /// <summary>True while events are queued or a change is being applied; any thread.</summary>
    public bool IsPending => _events.Reader.Count > 0 || Status.PendingSince is not null;

    /// <summary>Completes when the first complete state of the cluster is in force.</summary>
    public Task InitialSyncCompleted => _initialSync.Task;

    private TimeSpan Now => _time.GetElapsedTime(_started);

    /// <summary>
    /// Adds an observer: called on the loop's thread, in the order they were added, after the kernel took a change or was reconciled. One
    /// that throws is reported once and does not keep the others from being called.
    /// </summary>
    /// <param name="name">Its name for the log: "conntrack clean-up".</param>
    /// <param name="follow">Called with what was done; should be quick.</param>
    public void Observe(string name, Action<SyncRecord> follow) => _observers.Add((name, follow));

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>Processes events until cancelled. The kernel's rules stay in place.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        _plane.ExternallyModified += OnExternallyModified;
        _addresses.Changed += Wake;
        try
        {
            Task<bool>? queued = null, woken = null;
            while (!cancel.IsCancellationRequested)
            {
                TakeWhatHappened();
                if (_schedule.ActionAt(Now) is var action and not SyncAction.Wait)
                {
                    Execute(action);
                    continue;
                }
                if (_schedule.WaitAt(Now) is { } wait)
                    _timer.Change(wait, Timeout.InfiniteTimeSpan);
                queued = queued is { IsCompleted: false } ? queued : _events.Reader.WaitToReadAsync(cancel).AsTask();
                woken = woken is { IsCompleted: false } ? woken : _wake.Reader.WaitToReadAsync(cancel).AsTask();
                await Task.WhenAny(queued, woken).ConfigureAwait(false);
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

    private void TakeWhatHappened()
    {
        // Before the queue is emptied, so that a reader always sees either a queued event or a pending change.
        if (_events.Reader.Count > 0)
            MarkPending();
        bool hasChanged = false;
        // Not until the queue is empty: a source that writes without pause must not keep the rest from the kernel.
        for (int count = 0; count < _options.QueueLength && _events.Reader.TryRead(out ClusterEvent? change); count++)
        {
            _table.Apply(change);
            _taken++;
            hasChanged = true;
        }
        if (_table.UseLocalAddresses(_addresses.Current) && _table.IsSynced)
        {
            MarkPending();
            hasChanged = true;
        }
        if (Status.IsNodeEligible != _table.IsNodeEligible)
            Publish(Status with { IsNodeEligible = _table.IsNodeEligible });
        if (hasChanged && _table.IsSynced)
            _schedule = _schedule.WithChange();
        while (_modifications.TryDequeue(out string? what))
            NoteModification(what);
    }

    private void NoteModification(string what)
    {
        // One is reported; others before it is reconciled are most likely part of the same change.
        if (_schedule.Modification is null)
            _reporter.ExternallyModified(what);
        _schedule = _schedule.WithModification(what);
    }

    private void Execute(SyncAction action)
    {
        try
        {
            switch (action)
            {
                case SyncAction.Apply:
                    Apply();
                    break;
                case SyncAction.Reconcile:
                    Reconcile();
                    break;
                default:
                    Check();
                    break;
            }
        }
        catch (Exception failure) when (failure is not (OperationCanceledException or OutOfMemoryException))
        {
            // A failed check proves nothing: reconcile to find out.
            Fail(action == SyncAction.Check ? SyncAction.Reconcile : action, failure.Message, failure);
        }
    }

    private void Apply()
    {
        TableDelta drained = _table.Drain();
        _reporter.Problems(drained);
        _unapplied = _unapplied.Then(drained);
        if (_unapplied.IsEmpty)
        {
            _schedule = _schedule.NothingToApply();
            PublishInForce();
            return;
        }
        _schedule = _schedule.Applying(Now);
        SyncRecord record = Call(SyncKind.Change, _unapplied, () => _plane.Apply(_unapplied));
        Publish(Status with { Syncs = Status.Syncs + 1, Services = _table.PlanCount });
        if (!TryAccept(record.Report, SyncAction.Apply))
            return;
        _unapplied = TableDelta.Empty;
        _schedule = _schedule.Applied(Now, hasRefusals: !record.Report.Refusals.IsEmpty);
        NoteHeldBack(_reporter.Refusals.Union(record.Report.Refusals));
        if (Status.IsSynced)
            _reporter.Applied(record);
        else
            _reporter.First(record, [.. _table.Plans], Now);
        Complete(record);
    }

    private void Reconcile()
    {
        SyncRecord record = Call(SyncKind.Reconcile, TableDelta.Empty, _plane.Reconcile);
        if (!TryAccept(record.Report, SyncAction.Reconcile))
            return;
        _schedule = _schedule.Reconciled(Now, hasRefusals: !record.Report.Refusals.IsEmpty);
        _reporter.Reconciled(record);
        NoteHeldBack([.. record.Report.Refusals]);
        Complete(record);
    }

    private void Check()
    {
        string? finding = _plane.Check();
        _schedule = _schedule.Checked(Now);
        if (finding is not null)
            NoteModification(finding);
    }

    private SyncRecord Call(SyncKind kind, TableDelta delta, Func<SyncReport> call)
    {
        long start = _time.GetTimestamp();
        SyncReport report = call();
        return new SyncRecord(delta, _table.NodePlan, report, _time.GetElapsedTime(start), kind)
        {
            Sequence = _taken,
            IsRepair = kind == SyncKind.Reconcile && _schedule.Modification is not null,
        };
    }

    private bool TryAccept(SyncReport report, SyncAction action)
    {
        _reporter.Warnings(report.Warnings);
        if (report.IsInForce)
        {
            if (!report.Refusals.IsEmpty)
                Publish(Status with { Failures = Status.Failures + 1 });
            return true;
        }
        Publish(Status with { Refusals = report.Refusals });
        Fail(action, report.Refusals.IsEmpty ? "the kernel does not hold all of the change yet" : string.Join("; ", report.Refusals), null);
        return false;
    }

    private void NoteHeldBack(ImmutableHashSet<Refusal> refusals)
    {
        _reporter.HeldBack(refusals, _schedule.TimeToNextTry(Now));
        Publish(Status with { Refusals = SyncReporter.InOrder(refusals) });
    }

    private void Complete(SyncRecord record)
    {
        foreach ((string name, Action<SyncRecord> follow) in _observers)
        {
            try
            {
                follow(record);
                if (Status.ObserverFailures.ContainsKey(name))
                    Publish(Status with { ObserverFailures = Status.ObserverFailures.Remove(name) });
            }
            catch (Exception failure) when (failure is not (OperationCanceledException or OutOfMemoryException))
            {
                if (Status.ObserverFailures.GetValueOrDefault(name) != failure.Message)
                    _reporter.ObserverFailed(name, failure);
                Publish(Status with { ObserverFailures = Status.ObserverFailures.SetItem(name, failure.Message) });
            }
        }
        PublishInForce();
    }

    private void Fail(SyncAction action, string message, Exception? details)
    {
        _schedule = _schedule.Failed(Now, action);
        Publish(Status with
        {
            Failures = Status.Failures + 1,
            LastError = message,
            PendingSince = Status.PendingSince ?? Moment.Now(_time),
        });
        _reporter.Failed(message, details, Status.LastApplied, _schedule.TimeToRetry(Now));
    }

    private void MarkPending() => Publish(Status with { PendingSince = Status.PendingSince ?? Moment.Now(_time) });

    private void PublishInForce()
    {
        Publish(Status with
        {
            IsSynced = true,
            PendingSince = null,
            AppliedSequence = _taken,
            LastApplied = Moment.Now(_time),
            LastError = Status.Refusals.FirstOrDefault()?.ToString(),
        });
        _initialSync.TrySetResult();
    }

    private void Publish(SyncStatus status) => Volatile.Write(ref _status, status);
}
