using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Manifests;

/// <summary>
/// A cluster described by a folder of files: *.yaml and *.yml (any number of documents), *.json, and lists of objects in either. Followed
/// live: a file counts once it is closed, renamed into place or linked. Subfolders and names that begin with a dot are not read, nor is
/// what is no regular file.
/// </summary>
/// <remarks>
/// A new version of a file that does not parse, or holds an object Kubernetes would not accept, is reported with file, document and field,
/// and the file's last good version stays in force; if there never was one, what can be used of it is used. An object that is in two
/// files is taken from the first by file name. Objects without a namespace are in "default".
/// <para>A folder that goes away says nothing of the cluster: the last state stays in force until there is one again that holds a manifest
/// and in which nothing happens for a moment. Deletions of files, which may be the beginning of that, wait for a moment too, unless
/// something else happens in the folder.</para>
/// </remarks>
public sealed partial class ManifestSource : IClusterSource
{
    private static readonly TimeSpan s_folderAwayPoll = TimeSpan.FromMilliseconds(500);

    // Deletions of a folder with its files follow each other within milliseconds.
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(300);

    private readonly string _folder;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly ManifestReader _reader = new();
    private readonly ManifestState _state;
    private ImmutableArray<Problem> _problems = [];

    /// <summary>A source that reads <paramref name="folder"/>.</summary>
    /// <param name="folder">The folder; it must exist when the source is run.</param>
    /// <param name="nodeName">metadata.name of the Node this proxy runs on; other Nodes are ignored.</param>
    /// <param name="logger">Told about files that cannot be used.</param>
    /// <param name="time">The clock, for waiting until a folder that was taken away is back.</param>
    public ManifestSource(string folder, string nodeName, ILogger<ManifestSource> logger, TimeProvider time)
    {
        _folder = folder;
        _logger = logger;
        _time = time;
        _state = new ManifestState(nodeName);
    }

    /// <inheritdoc/>
    public ImmutableArray<Problem> Problems => _problems;

    /// <summary>
    /// Reads a folder, or a single file, once: the objects in it as events (without <see cref="ClusterEvent.Synced"/>), and what is wrong.
    /// For tools that look at a cluster without following it.
    /// </summary>
    /// <exception cref="SourceException">The path cannot be read.</exception>
    public static (IReadOnlyList<ClusterEvent> Events, ImmutableArray<Problem> Problems) ReadOnce(string path, string nodeName)
    {
        var state = new ManifestState(nodeName);
        var reader = new ManifestReader();
        var events = new List<ClusterEvent>();
        try
        {
            if (File.Exists(path))
                return (state.Set(Path.GetFileName(path), reader.Read(Path.GetFileName(path), ReadBytes(path))), state.Problems());
            foreach (string name in ManifestsIn(path))
                events.AddRange(ReadInto(state, reader, name, Path.Combine(path, name)));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"The manifests at {path} cannot be read: {failure.Message}", failure);
        }
        return (events, state.Problems());
    }

    /// <summary>Reads manifests that are in memory.</summary>
    /// <param name="name">What they are called in messages; its ending says YAML or JSON.</param>
    /// <param name="bytes">The text.</param>
    /// <param name="nodeName">metadata.name of the Node that matters.</param>
    public static (IReadOnlyList<ClusterEvent> Events, ImmutableArray<Problem> Problems) ReadText(
        string name, ReadOnlyMemory<byte> bytes, string nodeName)
    {
        var state = new ManifestState(nodeName);
        return (state.Set(name, new ManifestReader().Read(name, bytes)), state.Problems());
    }

    /// <inheritdoc/>
    public async Task RunAsync(ChannelWriter<ClusterEvent> events, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(events);
        bool isFirst = true;
        while (true)
        {
            FolderWatch? watch = null;
            try
            {
                // Watch first, then look: what changes between the two is seen twice rather than missed.
                watch = FolderWatch.Open(_folder);
                if (isFirst)
                    await ScanAsync(events, cancel).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                watch?.Dispose();
                if (isFirst)
                    throw new SourceException($"The manifest folder {_folder} cannot be read: {failure.Message}", failure);
                await Task.Delay(s_folderAwayPoll, _time, cancel).ConfigureAwait(false);
                continue;
            }
            using (watch)
            {
                if (isFirst)
                {
                    if (!_state.HasNode)
                        await events.WriteAsync(new ClusterEvent.NodeSet(null), cancel).ConfigureAwait(false);
                    await events.WriteAsync(new ClusterEvent.Synced(), cancel).ConfigureAwait(false);
                    LogReading(_folder, _state.Files.Count);
                    isFirst = false;
                    await FollowAsync(watch, events, cancel).ConfigureAwait(false);
                }
                else if (await IsFilledAsync(watch, cancel).ConfigureAwait(false))
                {
                    LogFolderBack(_folder);
                    await SendTogetherAsync(ScanAgain(), events, cancel).ConfigureAwait(false);
                    await FollowAsync(watch, events, cancel).ConfigureAwait(false);
                }
            }
            LogFolderGone(_folder);
        }
    }

    /// <summary>
    /// Waits until a folder that has come back holds a manifest, and nothing happens in it for a moment; false when it is gone before.
    /// </summary>
    private async Task<bool> IsFilledAsync(FolderWatch watch, CancellationToken cancel)
    {
        bool isTold = false;
        while (true)
        {
            // Whoever fills it without a pause of that length is waited for.
            while (await NextAsync(watch, s_quiet, cancel).ConfigureAwait(false) is { } change)
            {
                if (change.FolderGone)
                    return false;
            }
            if (HasManifests())
                return true;
            if (!isTold)
                LogFolderEmpty(_folder);
            isTold = true;
            if (await NextAsync(watch, Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(false) is { FolderGone: true })
                return false;
        }
    }

    private bool HasManifests()
    {
        try
        {
            return ManifestsIn(_folder).Length > 0;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogScanFailed(_folder, failure.Message);
            return false;
        }
    }

    /// <summary>The next change; null when none comes in time.</summary>
    private async Task<FolderChange?> NextAsync(FolderWatch watch, TimeSpan patience, CancellationToken cancel)
    {
        using var late = new CancellationTokenSource(patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, late.Token);
        try
        {
            return await watch.Changes.ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Returns when the folder no longer exists.</summary>
    private async Task FollowAsync(FolderWatch watch, ChannelWriter<ClusterEvent> events, CancellationToken cancel)
    {
        HashSet<string> deleted = new(StringComparer.Ordinal);
        while (true)
        {
            FolderChange? change =
                await NextAsync(watch, deleted.Count > 0 ? s_quiet : Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(false);
            // The files went with their folder.
            if (change is { FolderGone: true })
                return;
            deleted.UnionWith(change?.Deleted ?? deleted);
            if (change is { Names.Count: 0, Rescan: false })
                continue;
            // Files that are there before files that are not: an object whose file was renamed never goes away in between. All in one step,
            // for who deleted a file and wrote another must not see the second in force before the first.
            IEnumerable<string> names = deleted.Union(change?.Names ?? deleted);
            List<ClusterEvent> changes = [.. names.Where(ManifestFile.IsManifestName).OrderByDescending(IsPresent).SelectMany(ReadFile)];
            deleted.Clear();
            if (change is { Rescan: true })
                changes.AddRange(ScanAgain());
            ReportProblems();
            await SendTogetherAsync(changes, events, cancel).ConfigureAwait(false);
        }
    }

    private static async Task SendTogetherAsync(
        List<ClusterEvent> changes, ChannelWriter<ClusterEvent> events, CancellationToken cancel)
    {
        if (changes is [var only])
            await events.WriteAsync(only, cancel).ConfigureAwait(false);
        else if (changes.Count > 0)
            await events.WriteAsync(new ClusterEvent.Together(changes), cancel).ConfigureAwait(false);
    }

    private List<ClusterEvent> ScanAgain()
    {
        try
        {
            List<ClusterEvent> changes = [];
            string? volume;
            do
            {
                volume = VolumeNow();
                string[] present = ManifestsIn(_folder);
                changes.AddRange(present.SelectMany(ReadFile));
                changes.AddRange(_state.Files.Except(present).ToArray().SelectMany(_state.Remove));
            }
            // Swapped while its files were read: some of them were the old ones.
            while (VolumeNow() != volume);
            return changes;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The folder went away under the scan; its own event follows.
            LogScanFailed(_folder, failure.Message);
            return [];
        }
    }

    // One by one: the first picture counts once it is whole, whatever its parts were sent in.
    private async Task ScanAsync(ChannelWriter<ClusterEvent> events, CancellationToken cancel)
    {
        string[] present = ManifestsIn(_folder);
        foreach (string name in present)
            await SendAsync(ReadFile(name), events, cancel).ConfigureAwait(false);
        foreach (string gone in _state.Files.Except(present).ToArray())
            await SendAsync(_state.Remove(gone), events, cancel).ConfigureAwait(false);
        ReportProblems();
    }

    /// <summary>Reads a file, or records that it was deleted, and returns the resulting changes.</summary>
    private IReadOnlyList<ClusterEvent> ReadFile(string name)
    {
        try
        {
            return ReadInto(_state, _reader, name, Path.Combine(_folder, name));
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return _state.Remove(name);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _state.SetUnreadable(name, $"cannot be read: {failure.Message}");
            return [];
        }
    }

    private static IReadOnlyList<ClusterEvent> ReadInto(ManifestState state, ManifestReader reader, string name, string path)
    {
        try
        {
            return state.Set(name, reader.Read(name, ReadBytes(path)));
        }
        catch (NotRegularFileException other)
        {
            state.SetUnreadable(name, $"{other.Message}; not read");
            return [];
        }
    }

    private static async Task SendAsync(IReadOnlyList<ClusterEvent> changes, ChannelWriter<ClusterEvent> events, CancellationToken cancel)
    {
        foreach (ClusterEvent change in changes)
            await events.WriteAsync(change, cancel).ConfigureAwait(false);
    }

    private void ReportProblems()
    {
        ImmutableArray<Problem> before = _problems;
        _problems = _state.Problems();
        foreach (Problem problem in _problems.Except(before))
            LogProblem(problem.Object, problem.Field, problem.Message);
    }

    /// <summary>Where the link leads through which the kubelet swaps all files of a ConfigMap volume at once; null without one.</summary>
    private string? VolumeNow() => new FileInfo(Path.Combine(_folder, "..data")).LinkTarget;

    private bool IsPresent(string name) => File.Exists(Path.Combine(_folder, name));

    internal static string[] ManifestsIn(string folder) =>
        [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)!).Where(ManifestFile.IsManifestName)
            .Order(StringComparer.Ordinal)];

    // One byte beyond the limit shows the reader that there is more.
    internal static ReadOnlyMemory<byte> ReadBytes(string path)
    {
        using SafeFileHandle handle = RegularFile.OpenRead(path, out long length);
        using var file = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        byte[] bytes = new byte[Math.Min(length, ManifestFile.LargestFile + 1)];
        return bytes.AsMemory(0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
    }
}
