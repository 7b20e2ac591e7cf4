using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Portolan.Testing.Namespaces;

/// <summary>A network device whose other end is this process: what is written enters the node, what the node sends is read.</summary>
internal sealed unsafe class TunDevice : IDisposable
{
    private const nuint TUNSETIFF = 0x400454ca; // linux/if_tun.h
    private const short IFF_TUN = 0x0001;
    private const short IFF_NO_PI = 0x1000;

    private readonly SafeFileHandle _file;

    /// <summary>Makes the device in the calling thread's network namespace.</summary>
    public TunDevice(string name)
    {
        Name = name;
        _file = LinuxCalls.Open("/dev/net/tun", LinuxCalls.O_RDWR | LinuxCalls.O_NONBLOCK | LinuxCalls.O_CLOEXEC);
        LinuxCalls.ThrowOnError(_file.IsInvalid ? -1 : 0, "opening /dev/net/tun");
        var request = new LinuxCalls.InterfaceRequest { Flags = IFF_TUN | IFF_NO_PI };
        Encoding.ASCII.GetBytes(name, new Span<byte>(request.Name, 15));
        LinuxCalls.ThrowOnError(LinuxCalls.Ioctl(_file, TUNSETIFF, ref request), $"making the device {name}");
    }

    public string Name { get; }

    /// <summary>For poll(2).</summary>
    public int Descriptor => (int)_file.DangerousGetHandle();

    /// <summary>Lets a packet enter the node. When this returns, the node has dealt with it: forwarded, answered or delivered.</summary>
    public void Inject(ReadOnlySpan<byte> packet)
    {
        // A packet that the node drops in its input path can make the write fail; the absence of an outcome says so as well.
        if (LinuxCalls.Write(_file, packet, (nuint)packet.Length) < 0 && Marshal.GetLastPInvokeError() is not (LinuxCalls.EAGAIN or 22))
            LinuxCalls.ThrowOnError(-1, $"writing to {Name}");
    }

    /// <summary>Takes the next packet that the node sent to this device; 0 when there is none.</summary>
    public int Take(Span<byte> buffer)
    {
        nint length = LinuxCalls.Read(_file, buffer, (nuint)buffer.Length);
        if (length >= 0)
            return (int)length;
        if (Marshal.GetLastPInvokeError() != LinuxCalls.EAGAIN)
            LinuxCalls.ThrowOnError(length, $"reading from {Name}");
        return 0;
    }

    public void Dispose() => _file.Dispose();
}
