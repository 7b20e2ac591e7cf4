using System.Collections.Immutable;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Contract;

/// <summary>
/// Programs what this node serves into the kernel. One loop owns a plane and calls it from one thread at a time (metrics aside, which are
/// read from any thread); planes share no base class, only this contract.
/// </summary>
public interface IDataPlane : IDisposable
{
    /// <summary>"nftables", "iptables" or "ipvs", as KubeProxyConfiguration mode spells it.</summary>
    string Mode { get; }

    /// <summary>How often the plane needs to be called while nothing changes.</summary>
    PlaneSchedule Schedule { get; }

    /// <summary>
    /// Brings the kernel in step with a change. The first call carries the whole picture: the plane then reads what the kernel holds and
    /// writes only the difference. Cost depends on the delta, not on what exists. A delta that was not taken (an exception, or a report
    /// that is not in force) comes again, together with what came since.
    /// </summary>
    /// <returns>What was done. Objects the kernel refused are held back by the plane and tried again by <see cref="Reconcile"/>.</returns>
    SyncReport Apply(TableDelta delta);

    /// <summary>Reads back what the kernel holds, compares it with everything applied so far, and writes the difference.</summary>
    SyncReport Reconcile();

    /// <summary>
    /// A look that is cheaper than <see cref="Reconcile"/> and writes nothing; asked for every <see cref="PlaneSchedule.CheckPeriod"/>.
    /// Planes that learn of changes by themselves need none.
    /// </summary>
    /// <returns>What was changed by somebody else, for the operator; null when nothing was, or when it cannot be told.</returns>
    string? Check() => null;

    /// <summary>
    /// Raised, on any thread, when something else changed or removed the plane's rules; the text says who and what, where the kernel tells.
    /// The loop answers with <see cref="Reconcile"/>.
    /// </summary>
    event Action<string>? ExternallyModified;

    /// <summary>The figures this plane keeps of its own, for the metrics page.</summary>
    ImmutableArray<PlaneMetric> Metrics => [];

    /// <summary>The present values of <see cref="Metrics"/>; any thread, at each scrape.</summary>
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
    /// What the kernel (or a tool) refused, each named. Everything else went in when <see cref="IsInForce"/>; else these say why it did
    /// not.
    /// </summary>
    public ImmutableArray<Refusal> Refusals { get; init; } = [];

    /// <summary>What an operator should know of the machine's other rules, though everything went in; a sentence each.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>True when the kernel holds what was wanted, held-back objects aside.</summary>
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

/// <summary>An object held back because the kernel refused it.</summary>
/// <param name="Subject">"Service shop/web, port http" or what else it was for.</param>
/// <param name="Change">What was tried, for example "add element endpoints { 172.30.0.10 . udp . 53 . 0 }".</param>
/// <param name="Reason">The kernel's or tool's answer, for example "ENOSPC: the set is full".</param>
public sealed record Refusal(string Subject, string Change, string Reason)
{
    /// <summary>One line for the operator.</summary>
    public override string ToString() => $"{Subject}: {Change} did not succeed: {Reason}";
}
