using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.Route;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>
/// The ipvs plane: virtual and real servers, local routes to the addresses of services, and a small table of each family for what IPVS
/// cannot do. An endpoint that comes or goes is one message.
/// </summary>
/// <remarks>
/// Not thread-safe: one loop owns it. The kernel has no transactions for servers and routes: their order matters instead.
/// </remarks>
internal sealed class IpvsPlane : IDataPlane
{
    internal const string ModeName = "ipvs";

    private const int MostWhileListening = 1000;

    private static readonly PlaneMetric s_messages = new("portolan_ipvs_messages_total",
        "Netlink messages about virtual servers, real servers and routes.", IsCounter: true);

    private static readonly PlaneMetric s_servers = new("portolan_ipvs_virtual_servers", "Virtual servers in the kernel.",
        IsCounter: false);

    private static readonly PlaneMetric s_draining = new("portolan_ipvs_draining_endpoints",
        "Endpoints that went and still have connections, or have not been looked at since.", IsCounter: false);

    private readonly IIpvsKernel _kernel;
    private readonly IpvsMonitor? _monitor;
    private readonly IpvsState _state;
    private readonly Func<IReadOnlyList<string>> _prepare;
    private long _messages;
    private int _servers, _drainingCount;
    private bool _isInForce, _isPrepared;

    /// <param name="options">Settings.</param>
    /// <param name="kernel">The kernel; disposed with the plane.</param>
    /// <param name="monitor">Reports what others change; null for none.</param>
    /// <param name="prepare">Makes settings of the machine before the first change; returns what could not be set, a sentence each.</param>
    /// <param name="time">The clock.</param>
    internal IpvsPlane(
        IpvsPlaneOptions options, IIpvsKernel kernel, IpvsMonitor? monitor, Func<IReadOnlyList<string>> prepare, TimeProvider time)
    {
        (_kernel, _monitor, _prepare) = (kernel, monitor, prepare);
        _state = new IpvsState(options, kernel, time);
        Schedule = new PlaneSchedule(options.SyncPeriod, options.DrainPeriod);
        if (monitor is not null)
            monitor.Changed += OnExternallyModified;
    }

    /// <inheritdoc/>
    public event Action<string>? ExternallyModified;

    /// <inheritdoc/>
    public string Mode => ModeName;

    /// <inheritdoc/>
    public PlaneSchedule Schedule { get; }

    /// <inheritdoc/>
    public ImmutableArray<PlaneMetric> Metrics => [s_messages, s_servers, s_draining];

    /// <inheritdoc/>
    public IEnumerable<PlaneSample> ReadMetrics() =>
    [
        new(s_messages, Volatile.Read(ref _messages)), new(s_servers, Volatile.Read(ref _servers)),
        new(s_draining, Volatile.Read(ref _drainingCount)),
    ];

    /// <inheritdoc/>
    public void Dispose()
    {
        _monitor?.Dispose();
        _kernel.Dispose();
    }

    /// <inheritdoc/>
    public SyncReport Apply(TableDelta delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        bool canPlan = _isInForce && _state.CanPlan(delta);
        _state.Want(delta.Services);
        _state.Node = delta.Node ?? _state.Node;
        if (!canPlan)
            return ReadAndWrite();
        _isInForce = false;
        PlannedChange change = _state.Plan(delta.Services);
        // Refused: most likely the kernel does not hold what we think. Reading it shows that, or else which service is at fault.
        if (TryWrite(change, out IReadOnlyList<RequestRefusal> refusals) is not null || _state.NoteRefusals(change.Requests, refusals))
            return ReadAndWrite();
        _isInForce = true;
        return Report(change);
    }

    /// <inheritdoc/>
    public SyncReport Reconcile()
    {
        _isInForce = false;
        return ReadAndWrite() with { HasComparedAll = true };
    }

    /// <inheritdoc/>
    public string? Check()
    {
        if (!_isInForce || _state.Planner.Draining.Count == 0)
            return null;
        PlannedChange change = _state.PlanDrained();
        string? refused = TryWrite(change, out IReadOnlyList<RequestRefusal> refusals);
        _state.NoteRefusals(change.Requests, refusals);
        NoteCounts();
        return refused is null ? null : $"servers without connections could not be removed: {refused}";
    }

    private SyncReport ReadAndWrite()
    {
        ImmutableArray<string> warnings = [];
        if (!_isPrepared)
            warnings = [.. _prepare()];
        bool isFirst = !_isPrepared;
        _isPrepared = true;
        _monitor?.Open();
        PlannedChange change = _state.PlanAll();
        // While somebody listens the kernel makes a notification of each element, ours included: too many would overrun the listener.
        bool isLarge = change.IPv4.Added.Count + change.IPv6.Added.Count > MostWhileListening;
        if (isLarge)
            _monitor?.Close();
        string? failure = TryWrite(change, out IReadOnlyList<RequestRefusal> refusals);
        _monitor?.Open();
        _state.NoteRefusals(change.Requests, refusals);
        _isInForce = failure is null;
        NoteCounts();
        SyncReport report = Report(change) with
        {
            Warnings = warnings,
            IsInForce = failure is null,
            HasComparedAll = true,
            FoundUdpFrontends = isFirst ? _state.FoundUdpFrontends : [],
        };
        return failure is null ? report
            : report with { Refusals = [.. report.Refusals, new Refusal("mode ipvs", "write rules and routes", failure)] };
    }

    /// <summary>
    /// Writes a change: the tables first, so that no packet reaches a server without what the rules do to it; then servers, so that there
    /// is one when the address is ours; then routes; and what goes in the reverse order.
    /// </summary>
    /// <returns>What was refused as a whole, for the operator; null for nothing.</returns>
    private string? TryWrite(PlannedChange change, out IReadOnlyList<RequestRefusal> refusals)
    {
        refusals = [];
        foreach (IpFamily family in _state.Families)
        {
            SideChange table = change.TableOf(family);
            if (table.IsEmpty)
                continue;
            CommitResult result = _kernel.Commit(family, table);
            if (!result.IsCommitted)
                return $"table {SideProgram.TableOf(family)}: {Explain(result)}";
        }
        change.OrderRemovalsLast();
        return WriteServersAndRoutes(change, out refusals);
    }

    private string? WriteServersAndRoutes(PlannedChange change, out IReadOnlyList<RequestRefusal> refusals)
    {
        int additions = change.Requests.Count(static request => !request.IsRemoval);
        List<RequestRefusal> all = [.. _kernel.Send(change.Requests.GetRange(0, additions))];
        Interlocked.Add(ref _messages, change.Requests.Count + change.AddedRoutes.Count + change.DeletedRoutes.Count);
        // A route whose source changed is deleted and added at once.
        string? failure = null;
        HashSet<InetAddress> added = [.. change.AddedRoutes.Select(static route => route.Address)];
        ILookup<bool, LocalRoute> deleted = change.DeletedRoutes.ToLookup(route => added.Contains(route.Address));
        LocalRoute[] replaced = [.. deleted[true]], gone = [.. deleted[false]];
        foreach (RequestRefusal refusal in _kernel.ChangeRoutes(replaced, change.AddedRoutes))
        {
            if (refusal.Index >= replaced.Length && refusal.Errno != Errno.EEXIST)
                failure ??= $"route to {change.AddedRoutes[refusal.Index - replaced.Length].Address}: {refusal}";
        }
        all.AddRange(_kernel.Send(change.Requests.GetRange(additions, change.Requests.Count - additions))
            .Select(refusal => refusal with { Index = refusal.Index + additions }));
        // What is not there any more need not be deleted.
        _kernel.ChangeRoutes(gone, []);
        refusals = all;
        NoteCounts();
        return failure;
    }

    private static string Explain(CommitResult result) => result.Refusals.IsEmpty
        ? $"the transaction was not accepted ({result.Outcome})"
        : string.Join("; ", result.Refusals.Take(3).Select(static refusal => $"{refusal.Change ?? "the transaction"}: {refusal}"));

    private SyncReport Report(PlannedChange change) => change.IsEmpty && _state.Refusals.Count == 0
        ? SyncReport.UpToDate
        : new SyncReport
        {
            Written = change.Written,
            Removed = change.Removed,
            Transactions = change.IsEmpty ? 0 : 1,
            Refusals = [.. _state.Refusals],
        };

    private void NoteCounts()
    {
        Volatile.Write(ref _servers, _state.ServerCount);
        Volatile.Write(ref _drainingCount, _state.Planner.Draining.Values.Sum(static one => one.Endpoints.Count));
    }

    private void OnExternallyModified(string what) => ExternallyModified?.Invoke(what);
}
