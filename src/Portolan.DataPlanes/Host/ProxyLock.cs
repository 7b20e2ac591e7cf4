using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Portolan.DataPlanes.Host;

/// <summary>
/// A lock that only one proxy per network namespace can hold: two would keep undoing each other's rules. It is the name of an
/// abstract unix socket (unix(7)), which is local to the network namespace, like rules, and which the kernel frees when its process ends,
/// however it ends.
/// </summary>
/// <remarks>
/// Containers that share the namespace share the name, whatever files they see; a tool that a killed proxy leaves running does not hold it.
/// Any process in the namespace may take it, without permission to write rules: a waiting proxy logs who holds it.
/// </remarks>
public sealed class ProxyLock : IDisposable
{
    /// <summary>The name, as ss(8) shows it: with @ for the zero byte that makes it abstract.</summary>
    public const string ShownName = "@portolan/proxy";

    // Connections are never accepted: each waiting proxy takes a place in the backlog; one that finds none cannot learn who holds the name.
    private const int Places = 128;

    // asm-generic/socket.h; struct ucred: pid, uid, gid.
    private const int SOL_SOCKET = 1, SO_PEERCRED = 17;
    private const int UserCredentialsLength = 12;
    private const int LongestCommand = 200; // bytes

    private static readonly UnixDomainSocketEndPoint s_name = new("\0" + ShownName[1..]);

    private readonly Socket _socket;

    private ProxyLock(Socket socket) => _socket = socket;

    /// <summary>Takes the name in the network namespace of the calling thread; null when another process holds it.</summary>
    /// <exception cref="SocketException">The machine allows no unix socket.</exception>
    public static ProxyLock? TryTake()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(s_name);
            socket.Listen(Places);
            return new(socket);
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            socket.Dispose();
            return null;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Frees the name.</summary>
    public void Dispose() => _socket.Dispose();

    /// <summary>Finds the process that holds the name; null if nobody does, or if it cannot be determined.</summary>
    public static Holder? FindHolder()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            socket.Connect(s_name);
            return new(socket);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    /// <summary>A connection to the process that holds the name. It identifies that process, and breaks when the process ends.</summary>
    public sealed class Holder : IDisposable
    {
        private readonly Socket _connection;

        internal Holder(Socket connection)
        {
            _connection = connection;
            Span<byte> credentials = stackalloc byte[UserCredentialsLength];
            if (connection.GetRawSocketOption(SOL_SOCKET, SO_PEERCRED, credentials) < UserCredentialsLength)
                return;
            ProcessId = BitConverter.ToInt32(credentials);
            UserId = BitConverter.ToUInt32(credentials[4..]);
        }

        /// <summary>Its process id in this PID namespace; 0 if it is not visible from here (another container).</summary>
        public int ProcessId { get; }

        /// <summary>Its user id in this user namespace.</summary>
        public uint UserId { get; }

        /// <summary>It has ended, or closed the socket.</summary>
        public bool IsGone => _connection.Poll(TimeSpan.Zero, SelectMode.SelectRead);

        /// <inheritdoc/>
        public void Dispose() => _connection.Dispose();

        /// <summary>For the operator: process id, command line and user, as far as they are visible.</summary>
        public override string ToString()
        {
            if (ProcessId == 0)
                return string.Create(CultureInfo.InvariantCulture, $"a process in another container, of user {UserId}");
            string command = CommandOf(ProcessId);
            string what = command.Length > 0 ? $" ({command})" : "";
            return string.Create(CultureInfo.InvariantCulture, $"process {ProcessId}{what} of user {UserId}");
        }

        // The process chooses its command line, so no control characters may reach a terminal.
        private static string CommandOf(int process)
        {
            try
            {
                using FileStream file = File.OpenRead(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/cmdline"));
                Span<byte> bytes = stackalloc byte[LongestCommand];
                int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
                string command = Encoding.UTF8.GetString(bytes[..length]).TrimEnd('\0').Replace('\0', ' ');
                return string.Concat(command.Select(static c => char.IsControl(c) ? '?' : c)) + (length == LongestCommand ? "..." : "");
            }
            catch (Exception unseen) when (unseen is IOException or UnauthorizedAccessException)
            {
                return "";
            }
        }
    }
}
