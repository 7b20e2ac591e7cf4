using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Sync;

/// <summary>
/// What the loop logs for the operator: problems of objects, refusals and warnings, each once, and once more when they are resolved.
/// </summary>
internal sealed partial class SyncReporter(string mode, ILogger logger)
{
    private const int LoggedProblemsPerStep = 20;

    private readonly ILogger _logger = logger;
    private ImmutableHashSet<string> _warnings = [];

    /// <summary>What the kernel refused and is quarantined.</summary>
    public ImmutableHashSet<Refusal> Refusals { get; private set; } = [];

    /// <summary>New and resolved problems of objects.</summary>
    public void Problems(TableDelta delta)
    {
        foreach (Problem problem in delta.NewProblems.Take(LoggedProblemsPerStep))
            LogProblem(problem.Kind, problem.Object, FieldOf(problem), problem.Message);
        if (delta.NewProblems.Length > LoggedProblemsPerStep)
            LogMoreProblems(delta.NewProblems.Length - LoggedProblemsPerStep);
        foreach (Problem problem in delta.GoneProblems.Take(LoggedProblemsPerStep))
            LogProblemGone(problem.Kind, problem.Object, FieldOf(problem), problem.Message);
    }

    /// <summary>The first complete state of the cluster came into force.</summary>
    /// <param name="record">What was done.</param>
    /// <param name="plans">All that is served.</param>
    /// <param name="sinceStart">Time since the loop was created.</param>
    public void First(SyncRecord record, IReadOnlyCollection<ServicePlan> plans, TimeSpan sinceStart)
    {
        int endpoints = plans.SelectMany(static plan => plan.Ports)
            .Sum(static port => Math.Max(port.ClusterBackends.Length, port.LocalBackends.Length));
        LogFirst(mode, plans.Count, endpoints, record.Report.Written, record.Report.Removed, record.Elapsed.TotalSeconds,
            sinceStart.TotalSeconds);
    }

    /// <summary>A change came into force.</summary>
    public void Applied(SyncRecord record)
    {
        if (record.Report.Written + record.Report.Removed > 0)
            LogApplied(mode, record.Delta.Services.Length, record.Report.Written, record.Report.Removed, record.Elapsed.TotalMilliseconds);
    }

    /// <summary>Another program changed the rules.</summary>
    public void ExternallyModified(string what) => LogExternallyModified(mode, what);

    /// <summary>The kernel was compared with what it should hold.</summary>
    /// <param name="record">What was done.</param>
    public void Reconciled(SyncRecord record)
    {
        SyncReport report = record.Report;
        // A quarantined object that is accepted now does not mean that another program changed something.
        if (record.IsRepair || (report.Written + report.Removed > 0 && Refusals.IsEmpty))
            LogRepaired(mode, report.Written, report.Removed, record.Elapsed.TotalMilliseconds);
    }

    /// <summary>Warnings that were not there before.</summary>
    public void Warnings(ImmutableArray<string> warnings)
    {
        foreach (string warning in warnings.Where(warning => !_warnings.Contains(warning)))
            LogWarning(mode, warning);
        _warnings = _warnings.Union(warnings);
    }

    /// <summary>What is quarantined now: everything after a reconcile, additions after a change.</summary>
    public void HeldBack(ImmutableHashSet<Refusal> refusals, TimeSpan retryIn)
    {
        foreach (Refusal refusal in InOrder(refusals.Except(Refusals)))
            LogRefused(mode, refusal.Subject, refusal.Change, refusal.Reason, retryIn.TotalSeconds);
        foreach (string subject in Refusals.Except(refusals).Select(static refusal => refusal.Subject).Distinct())
        {
            if (!refusals.Any(refusal => refusal.Subject == subject))
                LogAccepted(mode, subject);
        }
        Refusals = refusals;
    }

    /// <summary>The plane failed as a whole.</summary>
    public void Failed(string message, Exception? details, Moment? lastApplied, TimeSpan retryIn)
    {
        string kept = lastApplied is { } last ? $"traffic still follows the rules of {last.WallClock:HH:mm:ss} UTC"
            : "no rules are in force yet";
        LogFailed(mode, message, kept, retryIn.TotalSeconds);
        if (details is not null)
            LogFailedDetails(details);
    }

    /// <summary>An observer threw.</summary>
    public void ObserverFailed(string observer, Exception failure)
    {
        LogObserverFailed(observer, failure.Message);
        LogFailedDetails(failure);
    }

    /// <summary>Refusals by the names of what was refused.</summary>
    public static ImmutableArray<Refusal> InOrder(ImmutableHashSet<Refusal> refusals) =>
        [.. refusals.OrderBy(static refusal => refusal.Subject, StringComparer.Ordinal)];

    private static string FieldOf(Problem problem) => problem.Field.Length == 0 ? "" : $", {problem.Field}";
}
