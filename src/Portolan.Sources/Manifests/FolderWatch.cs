using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;

namespace Portolan.Sources.Manifests;

/// <summary>What happened in a folder since the last look.</summary>
/// <param name="Names">Names of entries that came, were moved away or were written and closed.</param>
/// <param name="Deleted">Names of entries that were deleted, and not moved: what is left of the folder may go as well.</param>
/// <param name="Rescan">Events were lost, or something changed that names do not show: scan everything.</param>
/// <param name="FolderGone">The folder itself went away; nothing more will be heard.</param>
internal sealed record FolderChange(IReadOnlySet<string> Names, IReadOnlySet<string> Deleted, bool Rescan, bool FolderGone);

/// <summary>
/// inotify(7) on one folder. Unlike FileSystemWatcher it reports when a written file is closed, so a half-written manifest is never
/// read, and it reports a queue overflow apart from other errors.
/// </summary>
internal sealed partial class FolderWatch : IDisposable
{
    // linux/inotify.h
    private const uint IN_CLOSE_WRITE = 0x8, IN_MOVED_FROM = 0x40, IN_MOVED_TO = 0x80, IN_CREATE = 0x100, IN_DELETE = 0x200;
    private const uint IN_DELETE_SELF = 0x400, IN_MOVE_SELF = 0x800, IN_UNMOUNT = 0x2000, IN_Q_OVERFLOW = 0x4000, IN_IGNORED = 0x8000;
    private const uint IN_ONLYDIR = 0x0100_0000;
    private const int IN_CLOEXEC = 0x80000;
    private const int EventHeaderLength = 16;

    private const short POLLIN = 1;
    private const int EINTR = 4;

    private readonly string _folder;
    private readonly SafeFileHandle _inotify;
    private readonly SafeFileHandle _stop;
    private readonly Channel<FolderChange> _changes =
        Channel.CreateUnbounded<FolderChange>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Thread _thread;

    private FolderWatch(string folder, SafeFileHandle inotify, SafeFileHandle stop)
    {
        _folder = folder;
        _inotify = inotify;
        _stop = stop;
        // A thread of its own: inotify descriptors offer no asynchronous read, and a blocked pool thread would be missed elsewhere.
        _thread = new Thread(Read, maxStackSize: 256 << 10) { IsBackground = true, Name = "inotify" };
        _thread.Start();
    }

    /// <summary>The changes, from the moment <see cref="Open"/> returned.</summary>
    public ChannelReader<FolderChange> Changes => _changes.Reader;

    /// <summary>Begins to watch.</summary>
    /// <exception cref="IOException">The folder is not there, or the machine's inotify limits are used up.</exception>
    public static FolderWatch Open(string folder)
    {
        SafeFileHandle inotify = inotify_init1(IN_CLOEXEC);
        if (inotify.IsInvalid)
            throw Failed("inotify_init1", folder);
        const uint Mask = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
        if (inotify_add_watch(inotify, folder, Mask) < 0)
        {
            IOException failure = Failed("inotify_add_watch", folder);
            inotify.Dispose();
            throw failure;
        }
        SafeFileHandle stop = eventfd(0, IN_CLOEXEC);
        if (stop.IsInvalid)
            throw Failed("eventfd", folder);
        return new FolderWatch(folder, inotify, stop);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        RandomAccess.Write(_stop, [1, 0, 0, 0, 0, 0, 0, 0], 0);
        _thread.Join();
        _inotify.Dispose();
        _stop.Dispose();
    }

    private static IOException Failed(string call, string folder) =>
        new($"{call} for {folder}: {Marshal.GetLastPInvokeErrorMessage()}");

    private void Read()
    {
        byte[] buffer = new byte[64 << 10];
        while (true)
        {
            Span<PollFd> wait = [new PollFd(_inotify.DangerousGetHandle()), new PollFd(_stop.DangerousGetHandle())];
            if (poll(wait, 2, -1) < 0 && Marshal.GetLastPInvokeError() == EINTR)
                continue;
            if (wait[1].Returned != 0)
                break;
            nint length = read(_inotify, buffer, (nuint)buffer.Length);
            if (length > 0)
                _changes.Writer.TryWrite(Parse(buffer.AsSpan(0, (int)length)));
        }
        _changes.Writer.Complete();
    }

    private FolderChange Parse(ReadOnlySpan<byte> events)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var deleted = new HashSet<string>(StringComparer.Ordinal);
        bool rescan = false;
        bool gone = false;
        while (events.Length >= EventHeaderLength)
        {
            uint mask = BinaryPrimitives.ReadUInt32LittleEndian(events[4..]);
            int nameLength = (int)BinaryPrimitives.ReadUInt32LittleEndian(events[12..]);
            string name = Encoding.UTF8.GetString(events.Slice(EventHeaderLength, nameLength).TrimEnd((byte)0));
            events = events[(EventHeaderLength + nameLength)..];
            if ((mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) != 0)
                gone = true;
            else if ((mask & IN_Q_OVERFLOW) != 0 || name.StartsWith("..", StringComparison.Ordinal))
                rescan = true; // "..data" is the link through which the kubelet swaps all files of a ConfigMap volume at once.
            else if ((mask & IN_DELETE) != 0)
                deleted.Add(name);
            // A file that is created will be written and closed; a symbolic link, or a FIFO, is whole from the start.
            else if ((mask & IN_CREATE) == 0 || RegularFile.IsSpecial(Path.Combine(_folder, name)))
                names.Add(name);
        }
        return new FolderChange(names, deleted, rescan, gone);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial SafeFileHandle inotify_init1(int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int inotify_add_watch(SafeFileHandle fd, string path, uint mask);

    [LibraryImport("libc", SetLastError = true)]
    private static partial SafeFileHandle eventfd(uint initial, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(Span<PollFd> fds, nuint count, int timeout);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(SafeFileHandle fd, byte[] buffer, nuint count);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd(nint fd)
    {
        public int Fd = (int)fd;
        public short Events = POLLIN;
        public short Returned;
    }
}
