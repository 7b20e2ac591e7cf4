using CsCheck;
using Portolan.Netlink.Conntrack;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Netlink.Route;
using Portolan.Netlink.Tests.NfTables;

namespace Portolan.Netlink.Tests;

/// <summary>Decoders meet random, truncated and mutated input: they may refuse it, but never throw, hang or read beyond it.</summary>
public sealed class HostileInputTests
{
    private const int Runs = 5_000;

    private static readonly NfTableId s_table = new(NfFamily.IPv4, "portolan");

    // Real messages to spoil: those of a transaction with every kind of object and expression.
    private static readonly byte[] s_batch = MakeBatch();

    private static readonly Gen<byte[]> s_random = Gen.Byte.Array[0, 200];

    // Attributes with lengths that fit more often than chance has it, nested three deep.
    private static readonly Gen<byte[]> s_attributes = AttributeList(AttributeList(AttributeList(Gen.Byte.Array[0, 20])));

    private static readonly Gen<byte[]> s_mutated =
        Gen.Select(Gen.Int[0, s_batch.Length], Gen.Select(Gen.Int[0, s_batch.Length - 1], Gen.Byte).Array[0, 8], (length, changes) =>
        {
            byte[] bytes = [.. s_batch];
            foreach ((int at, byte value) in changes)
                bytes[at] = value;
            return bytes[..length];
        });

    [Fact]
    public void Datagrams_of_any_bytes_are_walked_without_harm() =>
        Gen.OneOf(s_random, s_mutated).Sample(Walk, iter: Runs);

    [Fact]
    public void Payloads_of_any_bytes_are_decoded_or_refused() =>
        Gen.OneOf(s_random, s_attributes.Select(Gen.Byte, (attributes, family) => (byte[])[family, 0, 0, 0, .. attributes]))
        .Sample(DecodeAll, iter: Runs);

    [Fact]
    public void A_message_cut_anywhere_is_decoded_or_refused()
    {
        for (int start = 0; start < s_batch.Length;)
        {
            int length = BitConverter.ToInt32(s_batch, start);
            for (int cut = 0; cut <= length; cut++)
                Walk(s_batch[start..(start + cut)]);
            start += length;
        }
    }

    [Fact]
    public void User_data_of_any_bytes_are_read_or_refused() =>
        s_random.Sample(bytes =>
        {
            for (byte type = 0; type < 8; type++)
            {
                NfUserData.ReadComment(bytes, type);
                NfUserData.TryFindUInt32(bytes, type, out _);
            }
            NfTypeof.Read(bytes);
        }, iter: Runs);

    private static void Walk(byte[] datagram)
    {
        var messages = new MessageReader(datagram);
        while (messages.MoveNext())
        {
            messages.TryGetError(out _);
            DecodeAll(messages.Payload.ToArray());
        }
    }

    private static void DecodeAll(byte[] payload)
    {
        NfObjectDecoder.TryReadTable(payload, out _);
        NfObjectDecoder.TryReadChain(payload, out _);
        if (NfObjectDecoder.TryReadRule(payload, out NfRule? rule))
            WriteAgain(rule);
        NfObjectDecoder.TryReadSet(payload, out _);
        for (ushort type = 0x0a00; type < 0x0a12; type++)
            NfEventDecoder.Read(type, 0, payload);
        ConntrackCodec.TryRead(payload, out _);
        RouteDecoder.TryReadLink(payload, out _);
        RouteDecoder.TryReadAddress(payload, out _);
        if (NfObjectDecoder.TryBegin(payload, out _, out AttributeReader attributes))
        {
            NfElementCodec.TryRead(attributes, out _);
            NfExpressionDecoder.TryReadList(attributes, out _);
        }
    }

    // What was decoded can be written: no value in it is beyond what the encoder takes.
    private static void WriteAgain(NfRule rule)
    {
        using var writer = new MessageWriter();
        foreach (NfExpression expression in rule.Expressions)
            expression.Write(writer);
        Assert.True(NfExpressionDecoder.TryReadList(new AttributeReader(writer.Written), out var again));
        Assert.Equal(rule.Expressions.Length, again.Length);
    }

    private static Gen<byte[]> AttributeList(Gen<byte[]> value) =>
        Gen.Select(Gen.Int[0, 24], Gen.Int[-2, 2], value, Attribute).Array[0, 4].Select(list => list.SelectMany(bytes => bytes).ToArray());

    private static byte[] Attribute(int type, int lie, byte[] value)
    {
        int length = value.Length + 4 + (lie is 1 or -1 ? lie : 0);
        byte[] padding = new byte[-value.Length & 3];
        return [(byte)length, (byte)(length >> 8), (byte)type, 0, .. value, .. padding];
    }

    private static byte[] MakeBatch()
    {
        using var transaction = new NfTransaction();
        transaction.AddTable(new NfTable(s_table) { Comment = "comment" });
        transaction.AddChain(new NfChain(s_table, "post") { Hook = new NfHook("nat", NfHookNumber.Postrouting, 100), Comment = "comment" });
        transaction.AddSet(Samples.EndpointMap(s_table));
        transaction.AddSet(Samples.AffinitySet(s_table));
        foreach (var row in ReaderTests.Programs())
            transaction.AppendRule(new NfRule(s_table, "post", row.Data.Item3) { Comment = "comment" });
        transaction.BeginElements(NfElementChange.Add, s_table, "endpoints");
        transaction.Element(new NfElement
        {
            Key = Samples.EndpointKey("10.0.0.1", 80, 0),
            Data = Samples.EndpointData("10.1.1.1", 80),
            Comment = "x"u8
        });
        transaction.Element(new NfElement
        {
            Key = [1],
            KeyEnd = [2],
            Verdict = NfVerdictCode.Jump,
            Chain = "post"u8,
            Timeout = TimeSpan.FromSeconds(1)
        });
        transaction.EndElements();
        return transaction.WriteBatchEnd().ToArray();
    }
}
