using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Portolan.Sources.Manifests;

/// <summary>
/// Opens files that somebody else puts into a folder. Opening a FIFO waits for a writer, and reading one, or a device, may never end:
/// open(2) without waiting, then a look at what it is.
/// </summary>
internal static partial class RegularFile
{
    // fcntl.h and linux/stat.h; the same on x86-64 and arm64.
    private const int O_RDONLY = 0, O_NOCTTY = 0x100, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;
    private const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000;
    private const uint STATX_TYPE = 1, STATX_SIZE = 0x200;
    // S_IFMT, S_IFREG and S_IFDIR.
    private const int FormatMask = 0xF000, Regular = 0x8000, Folder = 0x4000;
    private const int ENOENT = 2, ENXIO = 6, EACCES = 13, ENOTDIR = 20;

    // struct statx of linux/stat.h, on every architecture.
    private const int StatLength = 256, StatMode = 28, StatSize = 40;

    /// <summary>Opens a file to be read.</summary>
    /// <param name="path">The file; symbolic links are followed.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="NotRegularFileException">It is a FIFO, a socket or a device.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">The machine refused for another reason.</exception>
    public static SafeFileHandle OpenRead(string path, out long length)
    {
        SafeFileHandle file = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        try
        {
            if (file.IsInvalid)
                throw Failure(path, Marshal.GetLastPInvokeError());
            Span<byte> stat = stackalloc byte[StatLength];
            if (statx(file, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, stat) != 0)
                throw Failure(path, Marshal.GetLastPInvokeError());
            length = BitConverter.ToInt64(stat[StatSize..]);
            return (BitConverter.ToUInt16(stat[StatMode..]) & FormatMask) switch
            {
                Regular => file,
                Folder => throw new FileNotFoundException("is a folder", path),
                _ => throw new NotRegularFileException(),
            };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>True for what is neither a regular file nor a folder, a symbolic link among others: it is whole once it is there.</summary>
    public static bool IsSpecial(string path)
    {
        Span<byte> stat = stackalloc byte[StatLength];
        return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, stat) == 0
            && (BitConverter.ToUInt16(stat[StatMode..]) & FormatMask) is not (Regular or Folder);
    }

    private static Exception Failure(string path, int error) => error switch
    {
        ENOENT or ENOTDIR => new FileNotFoundException("is not there", path),
        // A socket cannot be opened.
        ENXIO => new NotRegularFileException(),
        EACCES => new UnauthorizedAccessException("permission denied"),
        _ => new IOException(new Win32Exception(error).Message),
    };

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle open(string path, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle folder, string path, int flags, uint mask, Span<byte> result);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, Span<byte> result);
}

/// <summary>A path names a FIFO, a socket or a device.</summary>
internal sealed class NotRegularFileException() : IOException("is not a regular file (a FIFO, a socket or a device)");
