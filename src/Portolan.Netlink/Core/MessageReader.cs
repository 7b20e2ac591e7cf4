using System.Runtime.InteropServices;
using static Portolan.Netlink.Uapi.NetlinkHeader;

namespace Portolan.Netlink.Core;

/// <summary>An acknowledgement or a refusal (struct nlmsgerr with the extended acknowledgement's attributes).</summary>
/// <param name="Sequence">Sequence number of the request.</param>
/// <param name="Errno">0 for an acknowledgement.</param>
/// <param name="Message">The kernel's own message, or null.</param>
/// <param name="Offset">Bytes from the start of the request to the attribute at fault, or -1.</param>
internal readonly record struct NetlinkError(uint Sequence, Errno Errno, string? Message, int Offset);

/// <summary>Iterates over the messages of a datagram. Never reads outside of it, whatever the lengths say.</summary>
internal ref struct MessageReader(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    internal ushort Type { get; private set; }

    internal ushort Flags { get; private set; }

    internal uint Sequence { get; private set; }

    /// <summary>Port id of the socket the message is an answer to, or whose request it reports; 0 for the kernel's own.</summary>
    internal uint PortId { get; private set; }

    /// <summary>What follows the header.</summary>
    internal ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>True if a length did not fit.</summary>
    internal bool IsMalformed { get; private set; }

    internal bool MoveNext()
    {
        if (_rest.IsEmpty)
            return false;
        if (_rest.Length < NLMSG_HDRLEN)
            return Stop();
        uint length = MemoryMarshal.Read<uint>(_rest);
        if (length < NLMSG_HDRLEN || length > (uint)_rest.Length)
            return Stop();
        Type = MemoryMarshal.Read<ushort>(_rest[4..]);
        Flags = MemoryMarshal.Read<ushort>(_rest[6..]);
        Sequence = MemoryMarshal.Read<uint>(_rest[8..]);
        PortId = MemoryMarshal.Read<uint>(_rest[12..]);
        Payload = _rest[NLMSG_HDRLEN..(int)length];
        uint padded = (length + NLMSG_ALIGNTO - 1) & unchecked((uint)-NLMSG_ALIGNTO);
        _rest = padded < (uint)_rest.Length ? _rest[(int)padded..] : default;
        return true;
    }

    /// <summary>Reads the message as NLMSG_ERROR; false if it is another one or too short.</summary>
    internal readonly bool TryGetError(out NetlinkError error)
    {
        error = default;
        if (Type != NLMSG_ERROR || Payload.Length < sizeof(int))
            return false;
        var errno = new Errno(-MemoryMarshal.Read<int>(Payload));
        string? message = null;
        int offset = -1;
        ReadOnlySpan<byte> rest = Payload[sizeof(int)..];
        if ((Flags & NLM_F_ACK_TLVS) != 0 && rest.Length >= NLMSG_HDRLEN)
        {
            // The request follows: only its header if capped, otherwise all of it.
            uint requestLength = (Flags & NLM_F_CAPPED) != 0 ? NLMSG_HDRLEN : MemoryMarshal.Read<uint>(rest);
            var attributes = new AttributeReader(requestLength <= (uint)rest.Length ? rest[(int)requestLength..] : default);
            while (attributes.MoveNext())
            {
                if (attributes.Type == NLMSGERR_ATTR_MSG)
                    message = attributes.String();
                else if (attributes.Type == NLMSGERR_ATTR_OFFS)
                    offset = (int)Math.Min(attributes.UInt32HostOrder(), int.MaxValue);
            }
        }
        error = new NetlinkError(Sequence, errno, message, offset);
        return true;
    }

    private bool Stop()
    {
        IsMalformed = true;
        _rest = default;
        return false;
    }
}
