using System.Buffers.Binary;
using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.Tests.NfTables;

/// <summary>Objects like those a service proxy writes.</summary>
internal static class Samples
{
    internal static NfSet EndpointMap(NfTableId table, string name = "endpoints") => new(
        table, name,
            NfDataType.Concatenation(NfDataType.IPv4Address, NfDataType.InetProtocol, NfDataType.InetService, NfDataType.Integer(4)))
    {
        Flags = NfSetFlags.Map,
        Data = NfDataType.Concatenation(NfDataType.IPv4Address, NfDataType.InetService),
        UserData = new NfSetUserData
        {
            DataByteOrder = 0,
            KeyTypeof = NfTypeof.Concatenation(NfTypeof.IPv4Destination, NfTypeof.Meta(NfMetaKey.TransportProtocol),
                NfTypeof.TransportDestinationPort, NfTypeof.NumberGenerator(NfNumberGeneratorKind.Random, 5)),
            DataTypeof = NfTypeof.Concatenation(NfTypeof.IPv4Destination, NfTypeof.TransportDestinationPort),
        },
    };

    internal static NfSet AffinitySet(NfTableId table) =>
        new(table, "affinity", NfDataType.Concatenation(NfDataType.IPv4Address, NfDataType.InetService))
        {
            Flags = NfSetFlags.Dynamic | NfSetFlags.Timeout,
            Size = 65535,
            Timeout = TimeSpan.FromHours(3),
            UserData = new NfSetUserData { KeyTypeof = NfTypeof.ConcatenationByType, Comment = "clients" },
        };

    internal static byte[] EndpointKey(string address, ushort port, uint position)
    {
        byte[] key = new byte[16];
        InetAddress.Parse(address).WriteBytes(key);
        key[4] = (byte)IpProtocol.Tcp;
        BinaryPrimitives.WriteUInt16BigEndian(key.AsSpan(8), port);
        BitConverter.TryWriteBytes(key.AsSpan(12), position);
        return key;
    }

    internal static byte[] EndpointData(string address, ushort port)
    {
        byte[] data = new byte[8];
        InetAddress.Parse(address).WriteBytes(data);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4), port);
        return data;
    }

    internal static ImmutableArray<NfExpression> DnatByMap(string map, uint modulus) =>
    [
        new NfPayloadLoad(NfPayloadBase.Network, 16, 4, NfRegister.R1),
        new NfMetaLoad(NfMetaKey.TransportProtocol, NfRegister.At(1)),
        new NfPayloadLoad(NfPayloadBase.Transport, 2, 2, NfRegister.At(2)),
        new NfNumberGenerator(NfNumberGeneratorKind.Random, modulus, NfRegister.At(3)),
        new NfLookup(map, NfRegister.R1, NfRegister.R1),
        new NfNat(NfNatKind.Destination, NfFamily.IPv4, NfRegister.R1, NfRegister.At(1)),
    ];
}
