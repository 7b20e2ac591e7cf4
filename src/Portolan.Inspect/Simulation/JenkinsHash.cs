using System.Buffers.Binary;
using System.Numerics;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>nft's jhash: Bob Jenkins' lookup3 as linux/jhash.h has it, over the registers that hold the values.</summary>
internal static class JenkinsHash
{
    private const uint InitialValue = 0xdeadbeef;

    /// <summary>The number nft computes; null when the register layout of the values is not known.</summary>
    internal static uint? Compute(Expression operand, Expression value, HashExpression hash)
    {
        if (hash.Seed is not { } seed)
            return null;
        Span<byte> bytes = stackalloc byte[256];
        int length = 0;
        if (operand is ConcatExpression operands && value is ConcatExpression values)
        {
            for (int index = 0; index < operands.Parts.Length; index++)
            {
                int written = length + 32 <= bytes.Length ? Write(operands.Parts[index], values.Parts[index], bytes[length..]) : -1;
                if (written < 0)
                    return null;
                // Each part of a concatenation begins at a register of its own, 4 bytes apart.
                length += (written + 3) & ~3;
            }
        }
        else
        {
            length = Write(operand, value, bytes);
            if (length < 0)
                return null;
        }
        uint number = Hash(bytes[..length], seed);
        return (uint)(((ulong)number * hash.Modulus) >> 32) + hash.Offset;
    }

    internal static uint Hash(ReadOnlySpan<byte> key, uint seed)
    {
        uint a = InitialValue + (uint)key.Length + seed, b = a, c = a;
        while (key.Length > 12)
        {
            a += BinaryPrimitives.ReadUInt32LittleEndian(key);
            b += BinaryPrimitives.ReadUInt32LittleEndian(key[4..]);
            c += BinaryPrimitives.ReadUInt32LittleEndian(key[8..]);
            Mix(ref a, ref b, ref c);
            key = key[12..];
        }
        if (key.IsEmpty)
            return c;
        Span<byte> tail = stackalloc byte[12];
        tail.Clear();
        key.CopyTo(tail);
        a += BinaryPrimitives.ReadUInt32LittleEndian(tail);
        b += BinaryPrimitives.ReadUInt32LittleEndian(tail[4..]);
        c += BinaryPrimitives.ReadUInt32LittleEndian(tail[8..]);
        Finish(ref a, ref b, ref c);
        return c;
    }

    private static int Write(Expression operand, Expression value, Span<byte> bytes)
    {
        bytes[..Math.Min(bytes.Length, 16)].Clear();
        if (value is AddressValue address)
            return address.Address.WriteBytes(bytes);
        if (value is not NumberValue number || operand is not SelectorExpression selector)
            return -1;
        switch (selector.Field)
        {
            case PacketField.MetaMark or PacketField.CtMark:
                BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)number.Value);
                return 4;
            case PacketField.MetaL4Proto or PacketField.IpProtocol or PacketField.MetaNfProto or PacketField.Ip6NextHeader:
                bytes[0] = (byte)number.Value;
                return 1;
            case >= PacketField.TcpSourcePort and <= PacketField.TransportDestinationPort
                and not PacketField.TcpFlags and not PacketField.UdpLength:
                BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)number.Value);
                return 2;
            default:
                return -1;
        }
    }

    private static void Mix(ref uint a, ref uint b, ref uint c)
    {
        a -= c; a ^= BitOperations.RotateLeft(c, 4); c += b;
        b -= a; b ^= BitOperations.RotateLeft(a, 6); a += c;
        c -= b; c ^= BitOperations.RotateLeft(b, 8); b += a;
        a -= c; a ^= BitOperations.RotateLeft(c, 16); c += b;
        b -= a; b ^= BitOperations.RotateLeft(a, 19); a += c;
        c -= b; c ^= BitOperations.RotateLeft(b, 4); b += a;
    }

    private static void Finish(ref uint a, ref uint b, ref uint c)
    {
        c ^= b; c -= BitOperations.RotateLeft(b, 14);
        a ^= c; a -= BitOperations.RotateLeft(c, 11);
        b ^= a; b -= BitOperations.RotateLeft(a, 25);
        c ^= b; c -= BitOperations.RotateLeft(b, 16);
        a ^= c; a -= BitOperations.RotateLeft(c, 4);
        b ^= a; b -= BitOperations.RotateLeft(a, 14);
        c ^= b; c -= BitOperations.RotateLeft(b, 24);
    }
}
