using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.Tests.NfTables;

public sealed class MonitorTests : IDisposable
{
    private static readonly NfTableId s_table = new(NfFamily.IPv4, "portolan");

    private readonly PrivateNetwork _network = PrivateNetwork.Create();
    private readonly NfTransaction _transaction = new();
    private readonly NetlinkSocket _socket;

    public MonitorTests() => _socket = _network.Open();

    [Fact]
    public async Task A_flush_by_somebody_else_is_told_with_the_process_that_did_it()
    {
        using NfMonitor monitor = Open(NfMonitorTopics.Changes, _socket.PortId);
        WriteTable();
        _network.Nft("flush", "ruleset");

        List<NfEvent> events = await ReadUntil(monitor, happened => happened is NfGenerationEvent);
        Assert.Contains(events, happened => happened is NfTableEvent { Deleted: true } gone && gone.Table.Id == s_table);
        Assert.Contains(events, happened => happened is NfRuleEvent { Deleted: true });
        Assert.Contains(events, happened => happened is NfSetEvent { Deleted: true, Set.Name: "endpoints" });
        NfGenerationEvent generation = Assert.IsType<NfGenerationEvent>(events[^1]);
        Assert.Equal("nft", generation.Generation.ThreadName);
        // Our own commit came first; it is not told.
        Assert.DoesNotContain(events, happened => happened.PortId == _socket.PortId);
    }

    [Fact]
    public async Task Own_changes_are_told_to_who_does_not_ignore_them()
    {
        using NfMonitor monitor = Open(NfMonitorTopics.Changes);
        WriteTable();
        List<NfEvent> events = await ReadUntil(monitor, happened => happened is NfGenerationEvent);
        Assert.All(events, happened => Assert.Equal(_socket.PortId, happened.PortId));
        Assert.Equal(3, events.OfType<NfElementsEvent>().Sum(happened => happened.Count));
        int thread = events.OfType<NfGenerationEvent>().Single().Generation.ThreadId;
        Assert.True(Directory.Exists($"/proc/self/task/{thread}"));
    }

    [Fact]
    public async Task More_events_than_the_buffer_takes_are_told_as_lost()
    {
        using NfMonitor monitor = NfMonitor.Open(
            NfMonitorTopics.Changes, new NetlinkSocketOptions { NetworkNamespace = _network.Path, ReceiveBufferBytes = 4096 });
        WriteTable();
        AddManyElements();
        List<NfEvent> events = await ReadUntil(monitor, happened => happened is NfEventsLost);
        Assert.IsType<NfEventsLost>(events[^1]);
    }

    [Fact]
    public async Task Ignored_changes_take_no_space_in_the_buffer_and_wake_nobody()
    {
        using NfMonitor monitor = NfMonitor.Open(NfMonitorTopics.Changes,
            new NetlinkSocketOptions { NetworkNamespace = _network.Path, ReceiveBufferBytes = 4096 }, 4711, _socket.PortId);
        WriteTable();
        AddManyElements();
        _network.Nft("add", "table", "ip", "other");
        List<NfEvent> events = await ReadUntil(monitor, happened => happened is NfGenerationEvent);
        Assert.Equal("other", Assert.IsType<NfTableEvent>(events[0]).Table.Id.Name);
        Assert.Equal(2, events.Count);
    }

    [Fact]
    public async Task A_traced_packet_tells_its_way_through_the_rules()
    {
        Tools.Require("ping");
        _network.Run("ip", "link", "set", "lo", "up");
        using NfMonitor monitor = Open(NfMonitorTopics.Traces);
        _transaction.AddTable(new NfTable(s_table));
        _transaction.AddChain(new NfChain(s_table, "judge"));
        _transaction.AddChain(new NfChain(s_table, "output") { Hook = new NfHook("filter", NfHookNumber.Output, 0) });
        _transaction.AppendRule(new NfRule(s_table, "output",
            [new NfImmediate(NfRegister.R1, new NfData([1])), new NfMetaStore(NfMetaKey.Trace, NfRegister.R1)]));
        _transaction.AppendRule(new NfRule(s_table, "output", [new NfImmediateVerdict(NfVerdict.Jump("judge"))]));
        Assert.True(_transaction.Commit(_socket).IsCommitted);
        _network.Run("ping", "-c", "1", "-W", "1", "127.0.0.1");

        List<NfEvent> events = await ReadUntil(monitor, happened => happened is NfTraceEvent { Kind: NfTraceKind.Policy });
        NfTraceEvent[] steps = [.. events.OfType<NfTraceEvent>().Where(step => step.Chain is "output" or "judge")];
        NfVerdict next = new(NfVerdictCode.Continue);
        Assert.Equal(
            [("output", next), ("output", NfVerdict.Jump("judge")), ("judge", next), ("output", next), ("output", null)],
            steps.Select(step => (step.Chain, step.Verdict)));
        Assert.Single(steps.Select(step => step.Id).Distinct());
        Assert.Equal(NfPolicy.Accept, steps[^1].Policy);
        Assert.Equal(NfFamily.IPv4, steps[0].PacketFamily);
        // IPv4 header of 20 bytes, protocol 1 (ICMP), to 127.0.0.1.
        Assert.Equal((20, 1), (steps[0].NetworkHeader.Length, (int)steps[0].NetworkHeader.Span[9]));
        Assert.All(steps[..2], step => Assert.NotEqual(0UL, step.RuleHandle));
    }

    public void Dispose()
    {
        _socket.Dispose();
        _transaction.Dispose();
        _network.Dispose();
    }

    private NfMonitor Open(NfMonitorTopics topics, params uint[] ignored) =>
        NfMonitor.Open(topics, new NetlinkSocketOptions { NetworkNamespace = _network.Path }, ignored);

    private void AddManyElements()
    {
        _transaction.Reset();
        _transaction.BeginElements(NfElementChange.Add, s_table, "endpoints");
        for (uint index = 100; index < 5_000; index++)
            _transaction.Element(Samples.EndpointKey("10.0.0.1", 80, index), Samples.EndpointData("10.1.1.1", 8080));
        _transaction.EndElements();
        Assert.True(_transaction.Commit(_socket).IsCommitted);
    }

    private void WriteTable()
    {
        _transaction.AddTable(new NfTable(s_table));
        _transaction.AddSet(Samples.EndpointMap(s_table));
        _transaction.AddChain(new NfChain(s_table, "dispatch"));
        _transaction.AppendRule(new NfRule(s_table, "dispatch", Samples.DnatByMap("endpoints", 5)));
        _transaction.BeginElements(NfElementChange.Add, s_table, "endpoints");
        for (uint index = 0; index < 3; index++)
            _transaction.Element(Samples.EndpointKey("10.0.0.1", 80, index), Samples.EndpointData("10.1.1.1", 8080));
        _transaction.EndElements();
        Assert.True(_transaction.Commit(_socket).IsCommitted);
    }

    private static async Task<List<NfEvent>> ReadUntil(NfMonitor monitor, Predicate<NfEvent> last)
    {
        var events = new List<NfEvent>();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        await foreach (NfEvent happened in monitor.ReadAllAsync(limit.Token))
        {
            events.Add(happened);
            if (last(happened))
                break;
        }
        return events;
    }
}
