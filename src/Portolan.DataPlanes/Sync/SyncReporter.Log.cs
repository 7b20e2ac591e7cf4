using Microsoft.Extensions.Logging;

namespace Portolan.DataPlanes.Sync;

internal sealed partial class SyncReporter
{
    [LoggerMessage(1001, LogLevel.Information,
        "{Mode}: {Services} services with {Endpoints} endpoints are in force; {Written} objects written, {Removed} removed in " +
        "{Seconds:0.000} s, {SinceStart:0.000} s after the start")]
    private partial void LogFirst(string mode, int services, int endpoints, int written, int removed, double seconds, double sinceStart);

    [LoggerMessage(1002, LogLevel.Debug,
        "{Mode}: {Services} services changed: {Written} objects written, {Removed} removed in {Milliseconds:0.000} ms")]
    private partial void LogApplied(string mode, int services, int written, int removed, double milliseconds);

    [LoggerMessage(1003, LogLevel.Warning, "{Mode}: {What}; reconciling now")]
    private partial void LogExternallyModified(string mode, string what);

    [LoggerMessage(1004, LogLevel.Warning,
        "{Mode}: rules differed from what they should be: {Written} objects written, {Removed} removed in {Milliseconds:0.0} ms")]
    private partial void LogRepaired(string mode, int written, int removed, double milliseconds);

    [LoggerMessage(1005, LogLevel.Error, "{Mode}: {Message}; {Kept}; will retry in {Seconds:0.0} s")]
    private partial void LogFailed(string mode, string message, string kept, double seconds);

    [LoggerMessage(1006, LogLevel.Debug, "details of the failure")]
    private partial void LogFailedDetails(Exception failure);

    [LoggerMessage(1007, LogLevel.Error,
        "{Mode}: {Subject} is quarantined: {Change} was refused: {Reason}; everything else is in force; will retry in {Seconds:0.0} s")]
    private partial void LogRefused(string mode, string subject, string change, string reason, double seconds);

    [LoggerMessage(1017, LogLevel.Warning, "{Mode}: {Warning}")]
    private partial void LogWarning(string mode, string warning);

    [LoggerMessage(1008, LogLevel.Information, "{Mode}: {Subject} is no longer quarantined")]
    private partial void LogAccepted(string mode, string subject);

    [LoggerMessage(1010, LogLevel.Warning, "{Kind} {Object}{Field}: {Message}")]
    private partial void LogProblem(string kind, string @object, string field, string message);

    [LoggerMessage(1011, LogLevel.Information, "{Kind} {Object}{Field}: resolved: {Message}")]
    private partial void LogProblemGone(string kind, string @object, string field, string message);

    [LoggerMessage(1012, LogLevel.Warning, "{Count} more problems with objects are not shown here")]
    private partial void LogMoreProblems(int count);

    [LoggerMessage(1018, LogLevel.Error,
        "{Observer} failed: {Message}; rules are in force regardless; it is called again after the next change or reconcile")]
    private partial void LogObserverFailed(string observer, string message);
}
