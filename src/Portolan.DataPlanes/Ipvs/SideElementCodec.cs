using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>The sets of the table beside the virtual servers, and the bytes of their elements.</summary>
internal static class SideElementCodec
{
    /// <summary>Longest key: IPv6 address, protocol, port, IPv6 address.</summary>
    internal const int MaxKey = 40;

    private const uint NetworkOrder = 2;

    /// <summary>A set as it is created.</summary>
    internal static NfSet Definition(IpFamily family, PortolanIpvsSet set)
    {
        NfDataType address = NfDataType.Address(family);
        NfTableId table = SideProgram.TableOf(family);
        string name = PortolanIpvs.NameOf(set);
        switch (set)
        {
            case PortolanIpvsSet.Addresses:
                return new NfSet(table, name, address) { UserData = new NfSetUserData { KeyByteOrder = NetworkOrder } };
            case PortolanIpvsSet.Hairpin:
                return new NfSet(table, name, NfDataType.Concatenation(address, address)) { UserData = new NfSetUserData() };
        }
        NfDataType key = NfDataType.Concatenation(address, NfDataType.InetProtocol, NfDataType.InetService);
        return set switch
        {
            PortolanIpvsSet.SourceRanges => new NfSet(table, name,
                NfDataType.Concatenation(address, NfDataType.InetProtocol, NfDataType.InetService, address))
            {
                Flags = NfSetFlags.Interval | NfSetFlags.Concatenation,
                FieldLengths = [address.Length, 1, 2, address.Length],
                UserData = new NfSetUserData(),
            },
            PortolanIpvsSet.Shortcuts => new NfSet(table, name, key)
            {
                Flags = NfSetFlags.Map,
                Data = NfDataType.Concatenation(address, NfDataType.InetService),
                UserData = new NfSetUserData { DataByteOrder = 0 },
            },
            _ => new NfSet(table, name, key) { UserData = new NfSetUserData() },
        };
    }

    /// <summary>Writes an element into the open list of its set.</summary>
    internal static void Write(NfTransaction transaction, in SideElement element, int subject)
    {
        Span<byte> key = stackalloc byte[MaxKey], end = stackalloc byte[MaxKey], data = stackalloc byte[MaxKey];
        int length = WriteKey(key, element, element.Source.Address);
        int endLength = element.Set == PortolanIpvsSet.SourceRanges ? WriteKey(end, element, element.Source.Last) : 0;
        int dataLength = 0;
        if (element.Set == PortolanIpvsSet.Shortcuts)
        {
            data.Clear();
            dataLength = element.Target.Address.WriteBytes(data);
            WritePort(data[dataLength..], element.Target.Port);
            dataLength += 4;
        }
        transaction.Element(new NfElement { Key = key[..length], KeyEnd = end[..endLength], Data = data[..dataLength] }, subject);
    }

    /// <summary>Reads an element; false for one that we never write.</summary>
    internal static bool TryRead(IpFamily family, PortolanIpvsSet set, in NfElement element, out SideElement read)
    {
        read = default;
        int length = InetAddress.LengthOf(family);
        ReadOnlySpan<byte> key = element.Key;
        if (key.Length < length || !InetAddress.TryFromBytes(key[..length], out InetAddress address))
            return false;
        switch (set)
        {
            case PortolanIpvsSet.Addresses:
                read = SideElement.Of(set, address);
                return key.Length == length;
            case PortolanIpvsSet.Hairpin:
                read = SideElement.Of(set, address);
                return key.Length == 2 * length && key[length..].SequenceEqual(key[..length]);
        }
        if (key.Length < length + 8)
            return false;
        var protocol = (IpProtocol)key[length];
        ushort port = ReadPort(key[(length + 4)..]);
        InetPrefix source = default;
        InetEndpoint target = default;
        if (set == PortolanIpvsSet.SourceRanges && !TryReadRange(key[(length + 8)..], element.KeyEnd, length, out source))
            return false;
        if (set == PortolanIpvsSet.Shortcuts)
        {
            if (element.Data.Length != length + 4 || !InetAddress.TryFromBytes(element.Data[..length], out InetAddress to))
                return false;
            target = new InetEndpoint(to, ReadPort(element.Data[length..]));
        }
        read = new SideElement(set, address, protocol, port, source, target);
        return true;
    }

    private static bool TryReadRange(ReadOnlySpan<byte> first, ReadOnlySpan<byte> keyEnd, int length, out InetPrefix range)
    {
        range = default;
        if (!InetAddress.TryFromBytes(first, out InetAddress start))
            return false;
        InetAddress last = start;
        if (!keyEnd.IsEmpty && (keyEnd.Length != (2 * length) + 8 || !InetAddress.TryFromBytes(keyEnd[(length + 8)..], out last)))
            return false;
        UInt128 span = start.ToNumber() ^ last.ToNumber();
        range = InetPrefix.Of(start, (length * 8) - (128 - (int)UInt128.LeadingZeroCount(span)));
        return range.Address == start && range.Last == last;
    }

    private static int WriteKey(Span<byte> key, in SideElement element, InetAddress source)
    {
        key.Clear();
        int length = element.Address.WriteBytes(key);
        if (element.Set == PortolanIpvsSet.Addresses)
            return length;
        if (element.Set == PortolanIpvsSet.Hairpin)
            return length + element.Address.WriteBytes(key[length..]);
        key[length] = (byte)element.Protocol;
        WritePort(key[(length + 4)..], element.Port);
        length += 8;
        return element.Set == PortolanIpvsSet.SourceRanges ? length + source.WriteBytes(key[length..]) : length;
    }

    private static void WritePort(Span<byte> bytes, ushort port) => (bytes[0], bytes[1]) = ((byte)(port >> 8), (byte)port);

    private static ushort ReadPort(ReadOnlySpan<byte> bytes) => (ushort)((bytes[0] << 8) | bytes[1]);
}
