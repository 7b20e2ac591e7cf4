using System.Runtime.InteropServices;

namespace Portolan.Proxy.Logging;

/// <summary>
/// Descriptor 2 as it is. The runtime's console stream would hold two more descriptors for it, and a file stream would write at an offset
/// of its own, over what tools that share the file have written.
/// </summary>
internal sealed partial class StandardErrorStream : Stream
{
    private const int Descriptor = 2;
    // asm-generic/errno-base.h
    private const int EINTR = 4, EAGAIN = 11;

    private static readonly TimeSpan s_untilThereIsRoom = TimeSpan.FromMilliseconds(10);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="IOException">It is closed, or its file system is full.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            nint written = WriteOnce(Descriptor, buffer, (nuint)buffer.Length);
            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }
            int error = Marshal.GetLastPInvokeError();
            // A terminal or pipe that somebody else has made non-blocking.
            if (error == EAGAIN)
                Thread.Sleep(s_untilThereIsRoom);
            else if (error != EINTR)
                throw new IOException($"standard error: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Nothing is held back.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteOnce(int descriptor, ReadOnlySpan<byte> bytes, nuint length);
}
