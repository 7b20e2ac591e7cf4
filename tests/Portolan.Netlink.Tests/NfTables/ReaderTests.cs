using System.Collections.Immutable;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.Tests.NfTables;

public sealed class ReaderTests : IDisposable
{
    private static readonly NfTableId s_table = new(NfFamily.IPv4, "portolan");

    private readonly PrivateNetwork _network = PrivateNetwork.Create();
    private readonly NfTransaction _transaction = new();
    private readonly NetlinkSocket _socket;
    private readonly NfReader _reader;

    public ReaderTests()
    {
        _socket = _network.Open();
        _reader = new NfReader(_socket);
    }

    [Fact]
    public void Tables_chains_and_sets_are_read_back_as_they_were_written()
    {
        NfTable table = new(s_table) { Comment = "portolan 0.1.0", Flags = NfTableFlags.Dormant };
        NfChain regular = new(s_table, "dispatch") { Comment = "ümläute" };
        NfChain baseChain = new(s_table, "post") { Hook = new NfHook("nat", NfHookNumber.Postrouting, 100) };
        NfChain dropping = new(s_table, "input") { Hook = new NfHook("filter", NfHookNumber.Input, -5) { Policy = NfPolicy.Drop } };
        NfSet[] sets =
        [
            Samples.EndpointMap(s_table), Samples.AffinitySet(s_table),
            new NfSet(s_table, "verdicts", NfDataType.InetService)
            {
                Flags = NfSetFlags.Map,
                Data = NfDataType.Verdict,
                UserData = new NfSetUserData { KeyByteOrder = 2, DataByteOrder = 0, Comment = "with a counter each" },
                Expressions = [new NfCounter()],
            },
            new NfSet(s_table, "ranges", NfDataType.Concatenation(NfDataType.IPv4Address, NfDataType.InetService))
            {
                Flags = NfSetFlags.Interval | NfSetFlags.Concatenation,
                FieldLengths = [4, 2],
                UserData = new NfSetUserData { KeyTypeof = NfTypeof.ConcatenationByType },
            },
        ];
        _transaction.AddTable(table);
        foreach (NfChain chain in new[] { regular, baseChain, dropping })
            _transaction.AddChain(chain);
        foreach (NfSet set in sets)
            _transaction.AddSet(set);
        Commit();

        Assert.Equal([table], _reader.ReadTables().Select(read => read with { Handle = 0 }));
        Assert.Equal([regular, baseChain, dropping], _reader.ReadChains(s_table).Select(read => read with { Handle = 0, Use = 0 }));
        Assert.Equal(sets, _reader.ReadSets(s_table).Select(read => read with { Handle = 0 }));
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void Expressions_are_read_back_as_they_were_written(string name, string chain, ImmutableArray<NfExpression> program)
    {
        var rule = new NfRule(s_table, chain, program) { Comment = name };
        AddChains();
        _transaction.AppendRule(rule);
        Commit();
        Assert.Equal(program, Assert.Single(_reader.ReadRules(s_table)).Expressions);
        _network.Nft("list", "ruleset");
        _network.Nft("-j", "list", "ruleset");
    }

    public static TheoryData<string, string, ImmutableArray<NfExpression>> Programs()
    {
        NfRegister r1 = NfRegister.R1, r2 = NfRegister.R2;
        NfData one = NfData.HostOrder(1);
        return new()
        {
            { "dnat by map", "pre", Samples.DnatByMap("endpoints", 5) },
            { "port compare", "filter",
                [new NfMetaLoad(NfMetaKey.TransportProtocol, r1), new NfCompare(r1, NfCompareOperator.Equal, new NfData([6])),
                new NfPayloadLoad(NfPayloadBase.Transport, 2, 2, r1),
                new NfCompare(r1, NfCompareOperator.Greater, NfData.BigEndian((ushort)80))] },
            { "range", "filter",
                [new NfMetaLoad(NfMetaKey.TransportProtocol, r1), new NfCompare(r1, NfCompareOperator.Equal, new NfData([6])),
                new NfPayloadLoad(NfPayloadBase.Transport, 2, 2, r1),
                new NfRange(r1, true, NfData.BigEndian((ushort)80), NfData.BigEndian((ushort)90))] },
            { "mark set", "filter", [new NfMetaLoad(NfMetaKey.Mark, r1),
                NfBitwise.MaskXor(r1, NfData.HostOrder(0xffffbfff), NfData.HostOrder(0x4000)), new NfMetaStore(NfMetaKey.Mark, r1)] },
            { "shift", "filter", [new NfMetaLoad(NfMetaKey.Mark, r1), new NfBitwise(r1, r1, 4, NfBitwiseOperation.LeftShift) { Data = one },
                new NfMetaStore(NfMetaKey.Mark, r1)] },
            { "ct", "filter", [new NfConntrackLoad(NfConntrackKey.DestinationIPv4, r1, NfConntrackDirection.Original),
                new NfCompare(r1, NfCompareOperator.NotEqual, NfData.BigEndian(0x0a000001))] },
            { "ct mark set", "filter", [new NfImmediate(r1, one), new NfConntrackStore(NfConntrackKey.Mark, r1)] },
            { "byteorder", "filter", [new NfPayloadLoad(NfPayloadBase.Network, 12, 4, r1), new NfByteOrder(r1, r1, false, 4, 4),
                new NfCompare(r1, NfCompareOperator.Less, NfData.BigEndian(7))] },
            { "lookup inverted", "filter",
                [new NfPayloadLoad(NfPayloadBase.Network, 12, 4, r1), new NfPayloadLoad(NfPayloadBase.Network, 16, 2, NfRegister.At(1)),
                new NfLookup("affinity", r1, Inverted: true), new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Drop))] },
            { "jump", "filter", [new NfImmediateVerdict(NfVerdict.Jump("target"))] },
            { "goto", "filter", [new NfImmediateVerdict(NfVerdict.Goto("target"))] },
            { "return", "filter", [new NfImmediateVerdict(new NfVerdict(NfVerdictCode.Return))] },
            { "jhash", "filter", [new NfPayloadLoad(NfPayloadBase.Network, 12, 4, r1), new NfJenkinsHash(r1, 4, 16, r2, 0x1234, 3),
                new NfMetaStore(NfMetaKey.Mark, r2)] },
            { "symhash", "filter", [new NfSymmetricHash(16, r1), new NfMetaStore(NfMetaKey.Mark, r1)] },
            { "numgen", "filter",
                [new NfNumberGenerator(NfNumberGeneratorKind.Incremental, 4, r1, 2), new NfMetaStore(NfMetaKey.Mark, r1)] },
            { "dnat range", "pre",
                [new NfMetaLoad(NfMetaKey.TransportProtocol, r1), new NfCompare(r1, NfCompareOperator.Equal, new NfData([6])),
                new NfImmediate(r1, NfData.BigEndian(0x0a000001)), new NfImmediate(r2, NfData.BigEndian(0x0a000009)),
                new NfImmediate(NfRegister.R3, NfData.BigEndian((ushort)80)),
                new NfNat(NfNatKind.Destination, NfFamily.IPv4, r1, NfRegister.R3) { AddressMax = r2, Flags = NfNatFlags.Persistent }] },
            { "snat", "post", [new NfImmediate(r1, NfData.BigEndian(0x0a000001)), new NfNat(NfNatKind.Source, NfFamily.IPv4, r1)] },
            { "masquerade", "post", [new NfMasquerade { Flags = NfNatFlags.PortRandomFully }] },
            { "redirect", "pre",
                [new NfMetaLoad(NfMetaKey.TransportProtocol, r1), new NfCompare(r1, NfCompareOperator.Equal, new NfData([6])),
                new NfImmediate(r1, NfData.BigEndian((ushort)8080)), new NfRedirect { PortMin = r1 }] },
            { "reject", "filter", [new NfReject(NfRejectKind.IcmpUnreachable, 3)] },
            { "reset", "filter", [new NfMetaLoad(NfMetaKey.TransportProtocol, r1),
                new NfCompare(r1, NfCompareOperator.Equal, new NfData([6])), new NfReject(NfRejectKind.TcpReset)] },
            { "counter", "filter", [new NfCounter(7, 4711)] },
            { "limit", "filter", [new NfLimit(10, 60, 5, Inverted: true)] },
            { "quota", "filter", [new NfQuota(1000, 10, 1)] },
            { "connlimit", "filter", [new NfConnectionLimit(10, true)] },
            { "fib", "filter", [new NfFib(NfFibResult.AddressType, NfFibFlags.Destination, r1),
                new NfCompare(r1, NfCompareOperator.Equal, NfData.HostOrder(2))] },
            { "dynset", "filter",
                [new NfPayloadLoad(NfPayloadBase.Network, 12, 4, r1), new NfPayloadLoad(NfPayloadBase.Network, 16, 2, NfRegister.At(1)),
                new NfDynamicSet("affinity", NfDynamicSetOperation.Update, r1) { Timeout = TimeSpan.FromMinutes(5),
                Expressions = [new NfCounter()] }] },
            { "log", "filter", [new NfLog { Prefix = "dropped ", Level = 4, Flags = 1 }] },
            { "log group", "filter", [new NfLog { Group = 3, SnapLength = 64, QueueThreshold = 2 }] },
            { "notrack", "raw", [new NfNoTrack()] },
            { "route", "filter", [new NfRoute(1, r1), new NfCompare(r1, NfCompareOperator.Equal, NfData.BigEndian(0x0a000001))] },
            { "socket", "pre", [new NfSocket(0, r1), new NfCompare(r1, NfCompareOperator.Equal, new NfData([1]))] },
            { "exthdr", "filter",
                [new NfMetaLoad(NfMetaKey.TransportProtocol, r1), new NfCompare(r1, NfCompareOperator.Equal, new NfData([6])),
                new NfExtensionHeader(1, 2, 2, 2, 0, r1), new NfCompare(r1, NfCompareOperator.Less, NfData.BigEndian((ushort)1400))] },
            { "payload set", "filter",
                [new NfImmediate(r1, new NfData([0, 64])), new NfPayloadStore(NfPayloadBase.Network, 8, 2, r1, 1, 10)] },
        };
    }

    [Fact]
    public void Elements_are_read_back_with_data_verdicts_comments_and_timeouts()
    {
        AddChains();
        _transaction.AddSet(new NfSet(s_table, "verdicts", NfDataType.InetService)
        {
            Flags = NfSetFlags.Map,
            Data = NfDataType.Verdict,
            Expressions = [new NfCounter()]
        });
        _transaction.BeginElements(NfElementChange.Add, s_table, "endpoints");
        _transaction.Element(new NfElement
        {
            Key = Samples.EndpointKey("10.0.0.1", 80, 0),
            Data = Samples.EndpointData("10.1.1.1", 8080),
            Comment = "shop/web:http"u8
        });
        _transaction.EndElements();
        _transaction.BeginElements(NfElementChange.Add, s_table, "verdicts");
        _transaction.Element(new NfElement { Key = [0, 80], Verdict = NfVerdictCode.Goto, Chain = "target"u8 });
        _transaction.Element(new NfElement { Key = [0, 81], Verdict = NfVerdictCode.Drop });
        _transaction.EndElements();
        _transaction.BeginElements(NfElementChange.Add, s_table, "affinity");
        _transaction.Element(new NfElement { Key = [10, 0, 0, 9, 0, 80, 0, 0], Timeout = TimeSpan.FromMinutes(5) });
        _transaction.EndElements();
        Commit();

        Assert.Equal(["0a000001060000000050000000000000: 0a0101011f900000 shop/web:http"], Read("endpoints"));
        Assert.Equal(["0050: goto target counted", "0051: drop counted"], Read("verdicts").Order());
        Assert.Equal(["0a00000900500000: 00:05:00"], Read("affinity"));
    }

    [Fact]
    public void Elements_are_found_by_key_and_those_missing_are_counted()
    {
        AddChains();
        _transaction.BeginElements(NfElementChange.Add, s_table, "endpoints");
        for (uint index = 0; index < 3_000; index++)
            _transaction.Element(Samples.EndpointKey("10.0.0.1", 80, index), Samples.EndpointData("10.1.1.1", (ushort)index));
        _transaction.EndElements();
        Commit();
        Assert.Contains(_reader.ReadSets(s_table), set => set.Name == "endpoints" && (set.ElementCount ?? 3_000) == 3_000);

        // Of nine thousand keys, every third exists.
        byte[] keys =
            [.. Enumerable.Range(0, 9_000)
            .SelectMany(index => Samples.EndpointKey("10.0.0.1", 80, (uint)(index % 3 == 0 ? index / 3 : index + 9_000)))];
        var visitor = new TextVisitor([]);
        Assert.Equal(6_000, _reader.FindElements(s_table, "endpoints", keys, 16, ref visitor));
        Assert.Equal(3_000, visitor.Lines.Distinct().Count());
        Assert.Contains("0a00000106000000005000000b000000: 0a010101000b0000", visitor.Lines);

        Assert.Equal(Errno.ENOENT,
            Assert.Throws<NetlinkException>(() => _reader.FindElements(s_table, "missing", keys, 16, ref visitor)).Errno);
        Assert.Equal(Errno.EINVAL,
            Assert.Throws<NetlinkException>(() => _reader.FindElements(s_table, "endpoints", keys, 12, ref visitor)).Errno);
        Assert.Equal(0, _reader.FindElements(s_table, "endpoints", [], 16, ref visitor));
    }

    [Fact]
    public void An_unknown_set_is_an_error_with_the_kernels_number()
    {
        AddChains();
        Commit();
        NetlinkException exception = Assert.Throws<NetlinkException>(() => Read("missing"));
        Assert.Equal(Errno.ENOENT, exception.Errno);
        // The socket is still good for the next request.
        Assert.Empty(Read("endpoints"));
    }

    [Fact]
    public void A_list_that_changes_while_it_is_read_is_read_again()
    {
        AddChains();
        _transaction.BeginElements(NfElementChange.Add, s_table, "endpoints");
        for (uint index = 0; index < 5_000; index++)
            _transaction.Element(Samples.EndpointKey("10.0.0.1", 80, index), Samples.EndpointData("10.1.1.1", 8080));
        _transaction.EndElements();
        Commit();

        using NetlinkSocket other = _network.Open();
        var visitor = new ChangingVisitor(() =>
        {
            _transaction.Reset();
            _transaction.AddChain(new NfChain(s_table, "new"));
            Assert.True(_transaction.Commit(other).IsCommitted);
        });
        Assert.True(_reader.ReadElements(s_table, "endpoints", ref visitor));
        Assert.Equal((2, 5_000, 1), (visitor.Starts, visitor.Count, _reader.Restarts));
    }

    [Fact]
    public void The_generation_moves_with_each_commit()
    {
        uint before = _reader.ReadGeneration().Id;
        AddChains();
        Commit();
        Assert.NotEqual(before, _reader.ReadGeneration().Id);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _transaction.Dispose();
        _network.Dispose();
    }

    private void AddChains()
    {
        _transaction.AddTable(new NfTable(s_table));
        _transaction.AddSet(Samples.EndpointMap(s_table));
        _transaction.AddSet(Samples.AffinitySet(s_table));
        _transaction.AddChain(new NfChain(s_table, "target"));
        _transaction.AddChain(new NfChain(s_table, "filter") { Hook = new NfHook("filter", NfHookNumber.Input, 0) });
        _transaction.AddChain(new NfChain(s_table, "pre") { Hook = new NfHook("nat", NfHookNumber.Prerouting, -100) });
        _transaction.AddChain(new NfChain(s_table, "post") { Hook = new NfHook("nat", NfHookNumber.Postrouting, 100) });
        _transaction.AddChain(new NfChain(s_table, "raw") { Hook = new NfHook("filter", NfHookNumber.Prerouting, -300) });
    }

    private void Commit()
    {
        CommitResult result = _transaction.Commit(_socket);
        Assert.True(result.IsCommitted, string.Join('\n', result.Refusals));
    }

    private List<string> Read(string set)
    {
        var visitor = new TextVisitor([]);
        _reader.ReadElements(s_table, set, ref visitor);
        return visitor.Lines;
    }

    private readonly struct TextVisitor(List<string> lines) : INfElementVisitor
    {
        public List<string> Lines { get; } = lines;

        public void Start() => Lines.Clear();

        public void Visit(in NfElement element)
        {
            string verdict = element.Verdict is { } code
                ? new NfVerdict(code, element.Chain.IsEmpty ? null : System.Text.Encoding.UTF8.GetString(element.Chain)).ToString()
                : Convert.ToHexStringLower(element.Data);
            string[] parts =
            [
                Convert.ToHexStringLower(element.Key) + ":", verdict, System.Text.Encoding.UTF8.GetString(element.Comment),
                element.Timeout > TimeSpan.Zero ? element.Timeout.ToString() : "", element.Counter is null ? "" : "counted",
            ];
            Lines.Add(string.Join(' ', parts.Where(part => part.Length > 0)));
        }
    }

    private struct ChangingVisitor(Action change) : INfElementVisitor
    {
        public int Starts { get; private set; }

        public int Count { get; private set; }

        public void Start()
        {
            Starts++;
            Count = 0;
        }

        public void Visit(in NfElement element)
        {
            if (++Count == 100 && Starts == 1)
                change();
        }
    }
}
