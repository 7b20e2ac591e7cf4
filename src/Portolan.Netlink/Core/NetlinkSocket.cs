using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Portolan.Netlink.Uapi;
using static Portolan.Netlink.Uapi.NetlinkHeader;
using static Portolan.Netlink.Uapi.SocketFilter;

namespace Portolan.Netlink.Core;

/// <summary>A netlink socket: requests go out and answers come back on the calling thread; notifications can be awaited.</summary>
/// <remarks>
/// The kernel processes a request inside the call that sends it, so its answers are available when <see cref="Send"/> returns; the
/// synchronous receive therefore never waits. Use one socket per purpose: a socket that listens to groups should send nothing. Not
/// thread-safe.
/// </remarks>
public sealed class NetlinkSocket : IDisposable
{
    // netlink_sendmsg refuses a message longer than sk_sndbuf - 32.
    private const int SendBufferReserve = 32;

    private readonly SafeSocketHandle _handle;
    private Socket? _socket;

    private NetlinkSocket(SafeSocketHandle handle) => _handle = handle;

    /// <summary>The longest message, in bytes, that the send buffer currently allows; a transaction is one message.</summary>
    public int SendLimitBytes => GetOption(SOL_SOCKET, SO_SNDBUF) - SendBufferReserve;

    /// <summary>
    /// The socket's port id (nl_pid), unique in its network namespace: notifications contain that of the socket that made a change.
    /// </summary>
    public uint PortId { get; private set; }

    internal uint NextSequence { get; set; } = 1;

    /// <summary>Opens and binds a socket, with extended acknowledgements on.</summary>
    /// <exception cref="NetlinkException">
    /// The kernel has no such protocol (EPROTONOSUPPORT), the namespace does not exist (ENOENT) or may not be entered (EPERM).
    /// </exception>
    public static NetlinkSocket Open(NetlinkProtocol protocol, NetlinkSocketOptions? options = null)
    {
        options ??= new NetlinkSocketOptions();
        SafeSocketHandle handle = options.NetworkNamespace is { } name ? OpenInNamespace(protocol, name) : OpenHere(protocol);
        var socket = new NetlinkSocket(handle);
        try
        {
            socket.Bind();
            socket.SetOption(SOL_NETLINK, NETLINK_EXT_ACK, 1);
            socket.SetOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
            if (options.ReceiveBufferBytes > 0)
                socket.SetBuffer(SO_RCVBUFFORCE, SO_RCVBUF, options.ReceiveBufferBytes);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Joins a multicast group: from now on its notifications arrive on this socket.</summary>
    /// <exception cref="NetlinkException">The group needs CAP_NET_ADMIN (EPERM), or does not exist (EINVAL).</exception>
    public void Join(uint group) => SetOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, checked((int)group), "join a netlink group");

    /// <summary>
    /// The kernel no longer delivers notifications of what the sockets with these port ids (<see cref="PortId"/>) did: whoever changes a lot
    /// and listens to others is not woken by its own changes.
    /// </summary>
    /// <remarks>A classic BPF program on this socket (SO_ATTACH_FILTER); it replaces the one of an earlier call.</remarks>
    /// <exception cref="NetlinkException">The kernel refuses the program (EPERM: a filter of this socket was locked).</exception>
    public unsafe void IgnoreSenders(params ReadOnlySpan<uint> ports)
    {
        // Notifications of one datagram have one sender: the first header tells it. ld [nlmsg_pid]; jeq PORT, ignore; ...; ret all; ignore: ret 0.
        var program = new SocketFilter[ports.Length + 3];
        program[0] = new SocketFilter(BPF_LD_W_ABS, 0, 0, NLMSG_PID_OFFSET);
        for (int i = 0; i < ports.Length; i++)
        {
            // The header is in the byte order of the host, and the program reads big-endian.
            uint loaded = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(ports[i]) : ports[i];
            program[i + 1] = new SocketFilter(BPF_JEQ, checked((byte)(ports.Length - i)), 0, loaded);
        }
        program[^2] = new SocketFilter(BPF_RET, 0, 0, uint.MaxValue);
        program[^1] = new SocketFilter(BPF_RET, 0, 0, 0);
        fixed (SocketFilter* instructions = program)
        {
            var whole = new SocketFilterProgram((ushort)program.Length, instructions);
            if (LibC.SetSocketOption(_handle, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof(SocketFilterProgram)) != 0)
                throw new NetlinkException("filter notifications", new Errno(Marshal.GetLastPInvokeError()));
        }
    }

    /// <summary>Requests a send buffer for a message of this size; <see cref="SendLimitBytes"/> is what was granted.</summary>
    /// <remarks>Above net.core.wmem_max this needs CAP_NET_ADMIN (SO_SNDBUFFORCE).</remarks>
    public void RaiseSendLimit(int bytes)
    {
        int buffer = checked(bytes + SendBufferReserve);
        // The kernel doubles what it is asked for (sock_setsockopt), to account for its own overhead.
        SetBuffer(SO_SNDBUFFORCE, SO_SNDBUF, buffer / 2 + 1);
    }

    internal void RaiseReceiveBuffer(int bytes) => SetBuffer(SO_RCVBUFFORCE, SO_RCVBUF, bytes);

    /// <summary>Sends one message, or a batch of them, in one system call.</summary>
    /// <returns>The error, 0 if it was sent. EMSGSIZE: longer than <see cref="SendLimitBytes"/>.</returns>
    public unsafe Errno Send(ReadOnlySpan<byte> message)
    {
        fixed (byte* data = message)
        {
            while (LibC.Send(_handle, data, message.Length, 0) < 0)
            {
                var errno = new Errno(Marshal.GetLastPInvokeError());
                if (errno != Errno.EINTR)
                    return errno;
            }
        }
        return default;
    }

    /// <summary>Receives one datagram of answers without waiting.</summary>
    /// <param name="buffer">Space for it; 64 KiB is enough for any datagram the kernel sends for the requests of this library.</param>
    /// <param name="received">Its length.</param>
    /// <returns>The error: EAGAIN if there is nothing, ENOBUFS if answers were lost, EMSGSIZE if the buffer was too short.</returns>
    public unsafe Errno TryReceive(Span<byte> buffer, out int received)
    {
        received = 0;
        fixed (byte* data = buffer)
        {
            nint length;
            while ((length = LibC.Receive(_handle, data, buffer.Length, LibC.MSG_DONTWAIT | LibC.MSG_TRUNC)) < 0)
            {
                var errno = new Errno(Marshal.GetLastPInvokeError());
                if (errno != Errno.EINTR)
                    return errno;
            }
            if (length > buffer.Length)
                return Errno.EMSGSIZE;
            received = (int)length;
        }
        return default;
    }

    /// <summary>Waits for one datagram of notifications.</summary>
    /// <returns>Its length, or -1 if the receive buffer overran and notifications were lost (ENOBUFS).</returns>
    /// <exception cref="NetlinkException">The socket cannot be read any more.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        _socket ??= new Socket(_handle);
        try
        {
            return await _socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
        {
            return -1;
        }
        catch (SocketException exception)
        {
            throw new NetlinkException("receive notifications", new Errno(exception.NativeErrorCode));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket?.Dispose();
        _handle.Dispose();
    }

    private static SafeSocketHandle OpenHere(NetlinkProtocol protocol)
    {
        int descriptor = LibC.Socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)protocol);
        return descriptor < 0
            ? throw new NetlinkException($"open a netlink socket ({protocol})", new Errno(Marshal.GetLastPInvokeError()))
            : new SafeSocketHandle(descriptor, ownsHandle: true);
    }

    // setns moves one thread, and a pool thread must not stay in the namespace: this thread ends when the socket is open.
    private static SafeSocketHandle OpenInNamespace(NetlinkProtocol protocol, string name)
    {
        SafeSocketHandle? handle = null;
        NetlinkException? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                EnterNamespace(name);
                handle = OpenHere(protocol);
            }
            catch (NetlinkException exception)
            {
                failure = exception;
            }
        });
        thread.Start();
        thread.Join();
        return handle ?? throw failure!;
    }

    private static void EnterNamespace(string name)
    {
        string path = Path.IsPathRooted(name) ? name : Path.Combine("/run/netns", name);
        int descriptor = LibC.Open(path, LibC.O_RDONLY | LibC.O_CLOEXEC);
        if (descriptor < 0)
            throw new NetlinkException($"open network namespace {path}", new Errno(Marshal.GetLastPInvokeError()));
        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        if (LibC.SetNamespace(file, LibC.CLONE_NEWNET) != 0)
            throw new NetlinkException($"enter network namespace {path}", new Errno(Marshal.GetLastPInvokeError()));
    }

    private unsafe void Bind()
    {
        Span<byte> address = stackalloc byte[12];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)AF_NETLINK);
        fixed (byte* bytes = address)
        {
            if (LibC.Bind(_handle, bytes, address.Length) != 0)
                throw new NetlinkException("bind a netlink socket", new Errno(Marshal.GetLastPInvokeError()));
            int length = address.Length;
            if (LibC.GetSocketName(_handle, bytes, ref length) != 0)
                throw new NetlinkException("read a netlink socket's address", new Errno(Marshal.GetLastPInvokeError()));
        }
        PortId = MemoryMarshal.Read<uint>(address[4..]);
    }

    private void SetBuffer(int forced, int ordinary, int bytes)
    {
        if (LibC.SetSocketOption(_handle, SOL_SOCKET, forced, bytes, sizeof(int)) != 0)
            SetOption(SOL_SOCKET, ordinary, bytes);
    }

    private void SetOption(int level, int option, int value, string operation = "set a netlink socket option")
    {
        if (LibC.SetSocketOption(_handle, level, option, value, sizeof(int)) != 0)
            throw new NetlinkException(operation, new Errno(Marshal.GetLastPInvokeError()));
    }

    private int GetOption(int level, int option)
    {
        int length = sizeof(int);
        return LibC.GetSocketOption(_handle, level, option, out int value, ref length) == 0
            ? value
            : throw new NetlinkException("read a netlink socket option", new Errno(Marshal.GetLastPInvokeError()));
    }
}
