using System.Net.Sockets;
using System.Runtime.InteropServices;
using Portolan.Inet;
using Portolan.Testing.Namespaces;

namespace Portolan.Testing.Lab;

/// <summary>Raw IP sockets for any protocol; the class library's own constructor knows nothing of SCTP.</summary>
internal static unsafe class RawSocket
{
    private const int AF_INET = 2;             // linux/socket.h
    private const int AF_INET6 = 10;
    private const int SOCK_RAW = 3;            // linux/net.h
    private const int SOCK_CLOEXEC = 0x80000;
    private const int IPPROTO_IPV6 = 41;       // linux/in6.h
    private const int IPV6_RECVPKTINFO = 49;
    private const int ControlLength = 64;

    /// <summary>Opens a non-blocking socket in the calling thread's network namespace.</summary>
    public static Socket Open(IpFamily family, IpProtocol protocol)
    {
        nint descriptor = LinuxCalls.OpenSocket(family == IpFamily.IPv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, (int)protocol);
        LinuxCalls.ThrowOnError(descriptor, $"opening a raw socket for {protocol.ToRuleText()}");
        return new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)) { Blocking = false };
    }

    /// <summary>Lets <see cref="ReceiveV6"/> know the destination of what arrives.</summary>
    public static void ShowDestinations(Socket socket) =>
        socket.SetRawSocketOption(IPPROTO_IPV6, IPV6_RECVPKTINFO, BitConverter.GetBytes(1));

    /// <summary>Receives a packet's payload from a raw IPv6 socket, which hands out no IP header.</summary>
    /// <remarks>The class library's own ReceiveMessageFrom asks for an IPv4 option that raw IPv6 sockets do not have.</remarks>
    /// <returns>The payload's length; 0 when nothing waits.</returns>
    public static int ReceiveV6(Socket socket, Span<byte> buffer, out InetAddress source, out InetAddress destination)
    {
        source = destination = default;
        byte* name = stackalloc byte[28];           // struct sockaddr_in6: family, port, flow, address, scope
        byte* control = stackalloc byte[ControlLength]; // struct cmsghdr (16 bytes), then struct in6_pktinfo
        fixed (byte* data = buffer)
        {
            var vector = new IoVector { Base = data, Length = (nuint)buffer.Length };
            var message = new MessageHeader
            {
                Name = name,
                NameLength = 28,
                Vectors = &vector,
                VectorCount = 1,
                Control = control,
                ControlLength = ControlLength,
            };
            nint length = LinuxCalls.ReceiveMessage(socket.SafeHandle, &message, 0);
            if (length <= 0)
                return 0;
            InetAddress.TryFromBytes(new ReadOnlySpan<byte>(name + 8, 16), out source);
            if (message.ControlLength >= 32)
                InetAddress.TryFromBytes(new ReadOnlySpan<byte>(control + 16, 16), out destination);
            return (int)length;
        }
    }

    /// <summary>struct iovec of linux/uio.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr of linux/socket.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
