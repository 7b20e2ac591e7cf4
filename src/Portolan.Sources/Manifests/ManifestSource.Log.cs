using Microsoft.Extensions.Logging;

namespace Portolan.Sources.Manifests;

public sealed partial class ManifestSource
{
    [LoggerMessage(3001, LogLevel.Information, "manifests: {Files} files read from {Folder}, following changes")]
    private partial void LogReading(string folder, int files);

    [LoggerMessage(3002, LogLevel.Warning, "manifests: {File}, {Where}: {Message}")]
    private partial void LogProblem(string file, string where, string message);

    [LoggerMessage(3003, LogLevel.Warning,
        "manifests: the folder {Folder} does not exist any more; the last state stays in force until it is back")]
    private partial void LogFolderGone(string folder);

    [LoggerMessage(3004, LogLevel.Information, "manifests: the folder {Folder} is back, following changes")]
    private partial void LogFolderBack(string folder);

    [LoggerMessage(3006, LogLevel.Warning,
        "manifests: the folder {Folder} is back and holds no manifest; the last state stays in force until it does")]
    private partial void LogFolderEmpty(string folder);

    [LoggerMessage(3005, LogLevel.Warning, "manifests: {Folder} cannot be listed ({Message}); the last state stays in force")]
    private partial void LogScanFailed(string folder, string message);
}
