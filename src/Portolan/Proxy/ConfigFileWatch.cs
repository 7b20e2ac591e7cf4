using Microsoft.Win32.SafeHandles;
using Portolan.Sources;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>
/// Notices that the configuration file has changed. Written in place it ends the proxy with status 1, as kube-proxy's, so that whoever
/// started it starts it again with the new content; content that cannot be used is told and changes nothing. A file put in its place (a
/// ConfigMap volume's update) is told and changes nothing either: all nodes would restart at once.
/// </summary>
internal static class ConfigFileWatch
{
    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromSeconds(2);

    /// <summary>Looks until cancelled.</summary>
    /// <param name="file">The file; null for none.</param>
    /// <param name="log">Takes what does not end the proxy.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="SourceException">It was written in place, and can be used.</exception>
    public static async Task RunAsync(string? file, ProxyLog log, TimeProvider time, CancellationToken cancel)
    {
        using SafeFileHandle? opened = file is null ? null : TryOpen(file);
        if (file is null || opened is null)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, time, cancel).ConfigureAwait(false);
            return;
        }
        // The descriptor stays with the file that was read: what it shows was written in place, what only the path shows was put there.
        DateTime inPlaceAt = File.GetLastWriteTimeUtc(opened), pathAt = File.GetLastWriteTimeUtc(file);
        string? content = TryRead(opened), replacement = content, waiting = null;
        while (true)
        {
            await Task.Delay(s_betweenLooks, time, cancel).ConfigureAwait(false);
            DateTime nowInPlace = File.GetLastWriteTimeUtc(opened), nowPath = File.GetLastWriteTimeUtc(file);
            if (nowInPlace != inPlaceAt || waiting is not null)
            {
                inPlaceAt = nowInPlace;
                string? now = TryRead(opened);
                // An editor may still be writing: only what two looks agree on is whole.
                if (now is not null && now != content && now != waiting)
                {
                    waiting = now;
                    continue;
                }
                if (waiting is not null && now == waiting)
                    EndWith(file, log);
                (content, replacement, waiting) = (now, now, null);
                pathAt = nowPath;
            }
            else if (nowPath != pathAt)
            {
                pathAt = nowPath;
                using SafeFileHandle? other = TryOpen(file);
                if (other is null || TryRead(other) is not { } now || now == replacement)
                    continue;
                replacement = now;
                log.ConfigReplaced(file);
            }
        }
    }

    private static void EndWith(string file, ProxyLog log)
    {
        try
        {
            KubeProxyConfig.Load(file);
        }
        catch (SourceException unusable)
        {
            log.ConfigBroken(file, unusable.Message.ReplaceLineEndings("; "));
            return;
        }
        throw new SourceException(
            $"{file} was changed: the proxy ends, so that it is started again with the new content. Rules stay in force meanwhile.");
    }

    private static SafeFileHandle? TryOpen(string file)
    {
        try
        {
            return File.OpenHandle(file, share: FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? TryRead(SafeFileHandle file)
    {
        try
        {
            byte[] content = new byte[Math.Min(RandomAccess.GetLength(file), 1 << 20)];
            int length = RandomAccess.Read(file, content, 0);
            return System.Text.Encoding.UTF8.GetString(content, 0, length);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
