using System.Collections.Immutable;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Contract;

/// <summary>
/// Programs what this node serves into the kernel. One loop owns a plane and calls it from one thread at a time (except metrics, which are
/// read from any thread); planes share no base class, only this contract.
/// </summary>
public interface IDataPlane : IDisposable
{
    /// <summary>"nftables", "iptables" or "ipvs", as KubeProxyConfiguration mode spells it.</summary>
    string Mode { get; }

    /// <summary>How often the plane needs to be called while nothing changes.</summary>
    PlaneSchedule Schedule { get; }

    /// <summary>
    /// Applies a change to the kernel. The first call has everything that is served: the plane then reads what the kernel holds and
    /// writes only the difference. Cost depends on the delta, not on what exists. A delta that was not applied (an exception, or a report
    /// that is not in force) is passed again, together with later changes.
    /// </summary>
    /// <returns>What was done. Objects the kernel refused are quarantined by the plane and retried by <see cref="Reconcile"/>.</returns>
    SyncReport Apply(TableDelta delta);

    /// <summary>Reads back what the kernel holds, compares it with everything applied so far, and writes the difference.</summary>
    SyncReport Reconcile();

    /// <summary>
    /// A check that is cheaper than <see cref="Reconcile"/>; called every <see cref="PlaneSchedule.CheckPeriod"/>. It writes nothing but
    /// the end of what <see cref="Apply"/> began: servers that have no connection any more. Planes that are notified of changes need none.
    /// </summary>
    /// <returns>What another program changed, for the operator; null if nothing, or if it cannot be determined.</returns>
    string? Check() => null;

    /// <summary>
    /// Raised, on any thread, when something else changed or removed the plane's rules; the text says who and what, if known.
    /// The loop answers with <see cref="Reconcile"/>.
    /// </summary>
    event Action<string>? ExternallyModified;

    /// <summary>The plane's own metrics, for the metrics page.</summary>
    ImmutableArray<PlaneMetric> Metrics => [];

    /// <summary>The current values of <see cref="Metrics"/>; any thread, at each scrape.</summary>
    IEnumerable<PlaneSample> ReadMetrics() => [];
}

/// <summary>How often a plane needs to be called while nothing changes.</summary>
/// <param name="ReconcilePeriod">Time between two calls of <see cref="IDataPlane.Reconcile"/>.</param>
/// <param name="CheckPeriod">Time between two calls of <see cref="IDataPlane.Check"/>; null for none.</param>
public sealed record PlaneSchedule(TimeSpan ReconcilePeriod, TimeSpan? CheckPeriod = null);

/// <summary>What one call to a plane did.</summary>
public sealed record SyncReport
{
    /// <summary>Nothing had to be done.</summary>
    public static SyncReport UpToDate { get; } = new();

    /// <summary>Number of kernel objects (elements, rules, chains, sets, or lines for iptables) added or changed.</summary>
    public int Written { get; init; }

    /// <summary>Number of kernel objects removed.</summary>
    public int Removed { get; init; }

    /// <summary>Number of transactions the kernel accepted.</summary>
    public int Transactions { get; init; }

    /// <summary>
    /// What the kernel (or a tool) refused. Everything else was applied if <see cref="IsInForce"/>; otherwise these say why it was
    /// not.
    /// </summary>
    public ImmutableArray<Refusal> Refusals { get; init; } = [];

    /// <summary>What an operator should know about the machine's other rules, although everything was applied; a sentence each.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>True if the kernel holds what was wanted, except quarantined objects.</summary>
    public bool IsInForce { get; init; } = true;

    /// <summary>
    /// True when all that the kernel held was read and compared, not only the change written: what was written besides it was missing, and
    /// packets have met rules that were not whole.
    /// </summary>
    public bool HasComparedAll { get; init; }

    /// <summary>
    /// UDP frontends that the kernel held when the plane first read it, thus those of the proxy before this one, as far as the plane can
    /// read its rules; empty in all later reports.
    /// </summary>
    public ImmutableArray<UdpFrontend> FoundUdpFrontends { get; init; } = [];
}

/// <summary>An object that is quarantined because the kernel refused it.</summary>
/// <param name="Subject">What it was for, for example "Service shop/web, port http".</param>
/// <param name="Change">What was tried, for example "add element endpoints { 172.30.0.10 . udp . 53 . 0 }".</param>
/// <param name="Reason">The kernel's or tool's answer, for example "ENOSPC: the set is full".</param>
public sealed record Refusal(string Subject, string Change, string Reason)
{
    /// <summary>The Service it was for; null for what belongs to none.</summary>
    public ObjectName? Service { get; init; }

    /// <summary>One line for the operator.</summary>
    public override string ToString() => $"{Subject}: {Change} did not succeed: {Reason}";
}
