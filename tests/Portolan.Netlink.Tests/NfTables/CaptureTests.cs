using System.Buffers.Binary;
using System.Globalization;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.Tests.NfTables;

/// <summary>
/// What we write is, byte for byte, what nft 1.0.6 sends for the same rules (Captures/*.hex, made by Captures/capture.sh).
/// </summary>
public sealed class CaptureTests : IDisposable
{
    private static readonly NfTableId s_table = new(NfFamily.IPv4, "t");
    private static readonly NfRegister s_r1 = NfRegister.R1, s_r2 = NfRegister.R2, s_r3 = NfRegister.R3;

    private readonly NfTransaction _transaction = new();

    [Fact]
    public void Tables_chains_and_sets_are_what_nft_sends()
    {
        _transaction.AddTable(new NfTable(s_table) { Comment = "tab" });
        _transaction.AddChain(new NfChain(s_table, "c") { Comment = "cc" });
        _transaction.AddChain(new NfChain(s_table, "pre") { Hook = new NfHook("nat", NfHookNumber.Prerouting, -100) });
        _transaction.AddChain(new NfChain(s_table, "post") { Hook = new NfHook("nat", NfHookNumber.Postrouting, 100) });
        _transaction.AddChain(
            new NfChain(s_table, "input") { Hook = new NfHook("filter", NfHookNumber.Input, 5) { Policy = NfPolicy.Drop } });
        NfSet endpoints = Samples.EndpointMap(s_table);
        _transaction.AddSet(endpoints with { UserData = endpoints.UserData! with { Comment = "cm" } });
        _transaction.AddSet(new NfSet(s_table, "services",
            NfDataType.Concatenation(NfDataType.IPv4Address, NfDataType.InetProtocol, NfDataType.InetService))
        {
            Flags = NfSetFlags.Map,
            Data = NfDataType.Verdict,
            UserData = new NfSetUserData { DataByteOrder = 0, KeyTypeof = NfTypeof.ConcatenationByType },
        });
        _transaction.AddSet(new NfSet(s_table, "clients", NfDataType.Concatenation(NfDataType.IPv4Address, NfDataType.InetService))
        {
            Flags = NfSetFlags.Map | NfSetFlags.Timeout | NfSetFlags.Dynamic,
            Data = NfDataType.IPv4Address,
            Size = 100,
            Timeout = TimeSpan.FromHours(3),
            UserData = new NfSetUserData
            {
                DataByteOrder = 2,
                KeyTypeof = NfTypeof.Concatenation(NfTypeof.IPv4Source, NfTypeof.TcpDestinationPort),
                DataTypeof = NfTypeof.IPv4Destination,
            },
        });
        _transaction.AddSet(new NfSet(s_table, "ranges", NfDataType.Concatenation(NfDataType.IPv4Address, NfDataType.InetService))
        {
            Flags = NfSetFlags.Interval | NfSetFlags.Concatenation,
            FieldLengths = [4, 2],
            UserData = new NfSetUserData { KeyTypeof = NfTypeof.ConcatenationByType },
        });
        _transaction.AddSet(new NfSet(s_table, "marks", NfDataType.Mark) { UserData = new NfSetUserData { KeyByteOrder = 1 } });
        AssertSameAs("objects");
    }

    [Fact]
    public void Elements_are_what_nft_sends()
    {
        byte[] tcp = [10, 0, 0, 1, 6, 0, 0, 0, 0, 80, 0, 0], udp = [10, 0, 0, 1, 17, 0, 0, 0, 0, 53, 0, 0];
        Elements("endpoints", new NfElement
        {
            Key = Samples.EndpointKey("10.0.0.1", 80, 0),
            Data = Samples.EndpointData("10.1.1.1", 8080),
            Comment = "shop/web"u8,
        });
        _transaction.BeginElements(NfElementChange.Add, s_table, "services");
        _transaction.Element(new NfElement { Key = tcp, Verdict = NfVerdictCode.Goto, Chain = "c"u8 });
        _transaction.Element(new NfElement { Key = udp, Verdict = NfVerdictCode.Drop });
        _transaction.EndElements();
        Elements("clients", new NfElement { Key = [10, 0, 0, 9, 0, 80, 0, 0], Data = [10, 1, 1, 1], Timeout = TimeSpan.FromMinutes(5) });
        Elements("ranges", new NfElement { Key = [10, 0, 0, 0, 0, 10, 0, 0], KeyEnd = [10, 255, 255, 255, 0, 20, 0, 0] });
        Elements("marks", new NfElement { Key = [0, 0x40, 0, 0] }, NfElementChange.Create);
        Elements("services", new NfElement { Key = udp }, NfElementChange.Delete);
        _transaction.FlushSet(s_table, "marks");
        AssertSameAs("elements");
    }

    [Fact]
    public void Rules_are_what_nft_sends()
    {
        Rule("c", "rc", Daddr(s_r1), new NfMetaLoad(NfMetaKey.TransportProtocol, NfRegister.At(1)), Dport(NfRegister.At(2)),
            new NfLookup("services", s_r1, NfRegister.Verdict));
        Rule("post", null, new NfConntrackLoad(NfConntrackKey.Mark, s_r1), Equal(NfData.HostOrder(1)), new NfCounter(), new NfMasquerade());
        Rule("post", null,
            new NfMetaLoad(NfMetaKey.Mark, s_r1), NfBitwise.MaskXor(s_r1, NfData.HostOrder(0x4000), NfData.HostOrder(0)),
            Equal(NfData.HostOrder(0x4000)),
            new NfMetaLoad(NfMetaKey.Mark, s_r1), NfBitwise.MaskXor(s_r1, NfData.HostOrder(uint.MaxValue), NfData.HostOrder(0x4000)),
            new NfMetaStore(NfMetaKey.Mark, s_r1), new NfMasquerade { Flags = NfNatFlags.PortRandomFully });
        Rule("c", null, new NfFib(NfFibResult.AddressType, NfFibFlags.Destination, s_r1), Equal(NfData.HostOrder(2)),
            new NfImmediateVerdict(NfVerdict.Jump("c")));
        Rule("c", null, new NfConntrackLoad(NfConntrackKey.DestinationIPv4, s_r1, NfConntrackDirection.Original),
            Equal(NfData.BigEndian(0x0a000001)), new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Accept)));
        Rule("c", null, [.. Transport(6), Dport(s_r1), new NfCompare(s_r1, NfCompareOperator.NotEqual, NfData.BigEndian((ushort)80)),
            new NfReject(NfRejectKind.TcpReset)]);
        Rule("c", null,
            [.. Transport(17), Dport(s_r1), Equal(NfData.BigEndian((ushort)53)), new NfReject(NfRejectKind.IcmpUnreachable, 3)]);
        Rule("c", null, new NfLimit(10, 60, 5), new NfLog { Prefix = "x: " });
        Rule("c", null, [.. Transport(6), Saddr(s_r1), Dport(NfRegister.At(1)), Daddr(s_r2),
            new NfDynamicSet("clients", NfDynamicSetOperation.Update, s_r1, s_r2)]);
        Rule("c", null, [new NfPayloadLoad(NfPayloadBase.Network, 12, 1, s_r1), Equal(new NfData([10])), .. Transport(6), Dport(s_r1),
            new NfCompare(s_r1, NfCompareOperator.GreaterOrEqual, NfData.BigEndian((ushort)1000)),
            new NfCompare(s_r1, NfCompareOperator.LessOrEqual, NfData.BigEndian((ushort)2000)),
            new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Return))]);
        Rule("pre", null,
            [.. Transport(6), Dport(s_r1), Equal(NfData.BigEndian((ushort)80)), new NfImmediate(s_r1, NfData.BigEndian(0x0a000001)),
            new NfImmediate(s_r2, NfData.BigEndian(0x0a000009)), new NfImmediate(s_r3, NfData.BigEndian((ushort)8080)),
            new NfNat(NfNatKind.Destination, NfFamily.IPv4, s_r1, s_r3) { AddressMax = s_r2,
                Flags = NfNatFlags.Persistent | NfNatFlags.PortSpecified }]);
        Rule("pre", null,
            [.. Transport(6), Dport(s_r1), Equal(NfData.BigEndian((ushort)81)), new NfImmediate(s_r1, NfData.BigEndian((ushort)8081)),
            new NfRedirect { PortMin = s_r1, Flags = NfNatFlags.PortSpecified }]);
        Rule("c", null, new NfMetaLoad(NfMetaKey.InputInterfaceName, s_r1), Equal(new NfData("pod"u8)),
            new NfNumberGenerator(NfNumberGeneratorKind.Incremental, 4, s_r1, 2), Equal(NfData.HostOrder(3)),
            new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Drop)));
        Rule("c", null, Saddr(s_r2), new NfJenkinsHash(s_r2, 4, 16, s_r1, 0x1234, 3), new NfMetaStore(NfMetaKey.Mark, s_r1));
        _transaction.InsertRule(new NfRule(s_table, "c", [new NfNoTrack()]));
        _transaction.FlushChain(s_table, "c");
        _transaction.DeleteChain(s_table, "input");
        AssertSameAs("rules");
    }

    public void Dispose() => _transaction.Dispose();

    private static NfPayloadLoad Saddr(NfRegister register) => new(NfPayloadBase.Network, 12, 4, register);

    private static NfPayloadLoad Daddr(NfRegister register) => new(NfPayloadBase.Network, 16, 4, register);

    private static NfPayloadLoad Dport(NfRegister register) => new(NfPayloadBase.Transport, 2, 2, register);

    private static NfCompare Equal(NfData value) => new(s_r1, NfCompareOperator.Equal, value);

    private static NfExpression[] Transport(byte protocol) =>
        [new NfMetaLoad(NfMetaKey.TransportProtocol, s_r1), Equal(new NfData([protocol]))];

    private void Rule(string chain, string? comment, params NfExpression[] expressions) =>
        _transaction.AppendRule(new NfRule(s_table, chain, [.. expressions]) { Comment = comment });

    private void Elements(string set, NfElement element, NfElementChange change = NfElementChange.Add)
    {
        _transaction.BeginElements(change, s_table, set);
        _transaction.Element(element);
        _transaction.EndElements();
    }

    private void AssertSameAs(string capture)
    {
        string file = Path.Combine(AppContext.BaseDirectory, "Captures", capture + ".hex");
        byte[] sent = Convert.FromHexString(string.Concat(File.ReadLines(file).Where(line => !line.StartsWith('#'))));
        Assert.Equal(Messages(sent), Messages(_transaction.WriteBatchEnd().ToArray()));
    }

    // One line per message; without the length of the whole, which changes with what is left out below.
    private static string[] Messages(byte[] batch)
    {
        var lines = new List<string>();
        for (int offset = 0; offset < batch.Length;)
        {
            int length = BitConverter.ToInt32(batch, offset);
            int type = BitConverter.ToUInt16(batch, offset + 4), flags = BitConverter.ToUInt16(batch, offset + 6);
            string sequence = BitConverter.ToUInt32(batch, offset + 8).ToString(CultureInfo.InvariantCulture);
            byte[] attributes = batch[(offset + 20)..(offset + length)];
            lines.Add($"{sequence} {type:x4} {flags:x4} {Convert.ToHexStringLower(batch.AsSpan(offset + 16, 4))} "
                + Convert.ToHexStringLower(WithoutSetIds((byte)type, attributes)));
            offset += (length + 3) & ~3;
        }
        return [.. lines];
    }

    // nft refers to sets by name and by a number of its own as well; we do by name.
    private static byte[] WithoutSetIds(byte message, byte[] attributes) => message switch
    {
        12 or 14 => Rewrite(attributes, (type, value) => type == 4 ? null : type == 3 ? WithoutNumbers(value) : value),
        6 => Rewrite(attributes, (type, value) => type == 4 ? Rewrite(value, (_, expression) => WithoutSetId(expression)) : value),
        _ => attributes,
    };

    // libnftnl numbers the elements of a list; all are NFTA_LIST_ELEM to the kernel, and to us.
    private static byte[] WithoutNumbers(byte[] list)
    {
        for (int offset = 0; offset < list.Length; offset += (BinaryPrimitives.ReadUInt16LittleEndian(list.AsSpan(offset)) + 3) & ~3)
            BinaryPrimitives.WriteUInt16LittleEndian(list.AsSpan(offset + 2), 0x8001);
        return list;
    }

    private static byte[] WithoutSetId(byte[] expression)
    {
        int setId = expression.AsSpan().IndexOf("lookup\0"u8) >= 0 ? 4 : expression.AsSpan().IndexOf("dynset\0"u8) >= 0 ? 2 : -1;
        return setId < 0
            ? expression
            : Rewrite(expression, (part, data) => part == 2 ? Rewrite(data, (type, value) => type == setId ? null : value) : data);
    }

    private static byte[] Rewrite(byte[] attributes, Func<int, byte[], byte[]?> change)
    {
        var result = new List<byte>();
        for (int offset = 0; offset < attributes.Length;)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(attributes.AsSpan(offset));
            int type = BinaryPrimitives.ReadUInt16LittleEndian(attributes.AsSpan(offset + 2));
            byte[]? value = change(type & 0x3fff, attributes[(offset + 4)..(offset + length)]);
            if (value is not null)
            {
                result.AddRange(BitConverter.GetBytes((ushort)(value.Length + 4)));
                result.AddRange(BitConverter.GetBytes((ushort)type));
                result.AddRange(value);
                // Padding as it was sent: it must be zero in what we write, too.
                result.AddRange(attributes[(offset + length)..Math.Min(attributes.Length, offset + ((length + 3) & ~3))]);
            }
            offset += (length + 3) & ~3;
        }
        return [.. result];
    }
}
