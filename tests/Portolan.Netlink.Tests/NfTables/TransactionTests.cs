using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.Tests.NfTables;

public sealed class TransactionTests : IDisposable
{
    private static readonly NfTableId s_table = new(NfFamily.IPv4, "portolan");

    private readonly PrivateNetwork _network = PrivateNetwork.Create();
    private readonly NfTransaction _transaction = new();
    private readonly NetlinkSocket _socket;

    public TransactionTests() => _socket = _network.Open();

    [Fact]
    public void What_is_written_is_listed_by_nft_as_an_operator_would_write_it()
    {
        _transaction.AddTable(new NfTable(s_table) { Comment = "portolan 0.1.0" });
        _transaction.AddChain(new NfChain(s_table, "dispatch") { Comment = "one look-up per connection" });
        _transaction.AddChain(new NfChain(s_table, "prerouting") { Hook = new NfHook("nat", NfHookNumber.Prerouting, -100) });
        _transaction.AddSet(Samples.EndpointMap(s_table));
        _transaction.AddSet(Samples.AffinitySet(s_table));
        _transaction.BeginElements(NfElementChange.Add, s_table, "endpoints");
        _transaction.Element(new NfElement
        {
            Key = Samples.EndpointKey("10.0.0.1", 80, 0),
            Data = Samples.EndpointData("10.1.1.1", 8080),
            Comment = "shop/web:http"u8
        });
        _transaction.EndElements();
        _transaction.AppendRule(new NfRule(s_table, "dispatch", Samples.DnatByMap("endpoints", 5)) { Comment = "to an endpoint" });
        _transaction.AppendRule(new NfRule(s_table, "prerouting", [new NfCounter(), new NfImmediateVerdict(NfVerdict.Jump("dispatch"))]));

        CommitResult result = _transaction.Commit(_socket);

        Assert.True(result.IsCommitted, string.Join('\n', result.Refusals));
        Assert.Equal("""
            table ip portolan {
            	comment "portolan 0.1.0"
            	map endpoints {
            		typeof ip daddr . meta l4proto . th dport . numgen random mod 5 : ip daddr . th dport
            		elements = { 10.0.0.1 . tcp . 80 . 0 comment "shop/web:http" : 10.1.1.1 . 8080 }
            	}

            	set affinity {
            		type ipv4_addr . inet_service
            		size 65535
            		flags dynamic,timeout
            		timeout 3h
            		comment "clients"
            	}

            	chain dispatch {
            		comment "one look-up per connection"
            		dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 5 map @endpoints comment "to an endpoint"
            	}

            	chain prerouting {
            		type nat hook prerouting priority dstnat; policy accept;
            		counter packets 0 bytes 0 jump dispatch
            	}
            }

            """, _network.Nft("list", "ruleset"), ignoreLineEndingDifferences: true);
        Assert.Contains("\"endpoints\"", _network.Nft("-j", "list", "ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_names_the_element_at_fault_and_nothing_is_made()
    {
        _transaction.AddTable(new NfTable(s_table));
        _transaction.AddSet(Samples.EndpointMap(s_table));
        Assert.True(_transaction.Commit(_socket).IsCommitted);

        _transaction.Reset();
        _transaction.BeginElements(NfElementChange.Add, s_table, "endpoints");
        for (int index = 0; index < 20; index++)
        {
            // Number 13 has a key that is too short for the map.
            byte[] key = index == 13 ? [1, 2, 3] : Samples.EndpointKey("10.0.0.1", 80, (uint)index);
            _transaction.Element(key, Samples.EndpointData("10.1.1.1", 8080), subject: 1000 + index);
        }
        _transaction.EndElements();
        CommitResult result = _transaction.Commit(_socket);

        Assert.Equal(CommitOutcome.Refused, result.Outcome);
        CommitRefusal refusal = Assert.Single(result.Refusals);
        Assert.Equal((1013, 0, 13, Errno.EINVAL), (refusal.Subject, refusal.MessageIndex, refusal.ElementIndex, refusal.Errno));
        Assert.DoesNotContain("10.1.1.1", _network.Nft("list", "ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_refused_message_is_told_with_its_subject()
    {
        _transaction.AddTable(new NfTable(s_table), subject: 1);
        _transaction.AddChain(new NfChain(s_table, "a"), subject: 2);
        _transaction.AppendRule(new NfRule(s_table, "a", [new NfImmediateVerdict(NfVerdict.Jump("nowhere"))]), subject: 3);
        _transaction.AppendRule(new NfRule(s_table, "a", [new NfCounter()]), subject: 4);
        _transaction.DeleteSet(s_table, "missing", subject: 5);
        CommitResult result = _transaction.Commit(_socket);

        Assert.Equal([(3, Errno.ENOENT), (5, Errno.ENOENT)], result.Refusals.Select(refusal => (refusal.Subject, refusal.Errno)));
        Assert.Equal([$"add rule 1 to chain a of table {s_table}", $"delete set missing of table {s_table}"],
            result.Refusals.Select(refusal => refusal.Change));
        Assert.Equal("", _network.Nft("list", "ruleset"));
    }

    [Fact]
    public void Thousands_of_refusals_are_a_refusal_and_the_socket_is_good_for_the_next_commit()
    {
        _transaction.AddTable(new NfTable(s_table), subject: 1);
        for (int index = 0; index < 5_000; index++)
            _transaction.DeleteSet(s_table, "missing", subject: 100 + index);
        CommitResult result = _transaction.Commit(_socket);
        Assert.Equal(CommitOutcome.Refused, result.Outcome);
        Assert.Equal([100, 101, 102], result.Refusals.Take(3).Select(refusal => refusal.Subject));

        _transaction.Reset();
        _transaction.AddTable(new NfTable(s_table));
        Assert.True(_transaction.Commit(_socket).IsCommitted);
    }

    [Fact]
    public void A_list_longer_than_64_KiB_is_split_and_refusals_still_name_the_element()
    {
        const int Count = 70_000;
        _transaction.AddTable(new NfTable(s_table));
        _transaction.AddSet(Samples.EndpointMap(s_table));
        _transaction.BeginElements(NfElementChange.Add, s_table, "endpoints");
        for (int index = 0; index < Count; index++)
            _transaction.Element(Samples.EndpointKey("10.0.0.1", 80, (uint)index), Samples.EndpointData("10.1.1.1", 8080), index);
        _transaction.EndElements();
        Assert.True(_transaction.MessageCount > 40);
        Assert.True(_transaction.Commit(_socket).IsCommitted);

        _transaction.Reset();
        _transaction.BeginElements(NfElementChange.Delete, s_table, "endpoints");
        for (int index = 0; index < Count; index++)
            _transaction.Element(Samples.EndpointKey("10.0.0.1", 80, index == 60_123 ? Count : (uint)index), index);
        _transaction.EndElements();
        CommitRefusal refusal = Assert.Single(_transaction.Commit(_socket).Refusals);
        Assert.Equal((60_123, Errno.ENOENT), (refusal.Subject, refusal.Errno));
    }

    [Fact]
    public void A_transaction_for_a_generation_that_has_passed_is_not_made()
    {
        _transaction.AddTable(new NfTable(s_table));
        Assert.True(_transaction.Commit(_socket).IsCommitted);
        _transaction.Reset(generation: uint.MaxValue - 1);
        _transaction.DeleteTable(s_table);
        Assert.Equal(CommitOutcome.GenerationChanged, _transaction.Commit(_socket).Outcome);
        Assert.Contains("table ip portolan", _network.Nft("list", "ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_method_that_throws_leaves_the_transaction_as_it_was()
    {
        _transaction.AddTable(new NfTable(s_table));
        Assert.Throws<ArgumentException>(() => _transaction.AddChain(new NfChain(s_table, "a") { Comment = new string('x', 300) }));
        Assert.Throws<ArgumentException>(() => _transaction.AddChain(new NfChain(s_table, "a\0b")));
        _transaction.AddChain(new NfChain(s_table, "b"));
        Assert.True(_transaction.Commit(_socket).IsCommitted);
        Assert.Equal("table ip portolan {\n\tchain b {\n\t}\n}\n", _network.Nft("list", "ruleset"));
    }

    [Fact]
    public void Small_transactions_on_a_warm_buffer_allocate_nothing()
    {
        _transaction.AddTable(new NfTable(s_table));
        _transaction.AddSet(Samples.EndpointMap(s_table));
        Assert.True(_transaction.Commit(_socket).IsCommitted);
        byte[][] keys = [.. Enumerable.Range(0, 8).Select(index => Samples.EndpointKey("10.0.0.1", 80, (uint)index))];
        byte[] data = Samples.EndpointData("10.1.1.1", 8080);
        Change(NfElementChange.Add);
        Change(NfElementChange.Delete);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 100; round++)
            Change(round % 2 == 0 ? NfElementChange.Add : NfElementChange.Delete);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Change(NfElementChange change)
        {
            _transaction.Reset();
            _transaction.BeginElements(change, s_table, "endpoints");
            foreach (byte[] key in keys)
                _transaction.Element(new NfElement { Key = key, Data = data, Comment = "shop/web:http"u8 });
            _transaction.EndElements();
            if (!_transaction.Commit(_socket).IsCommitted)
                throw new InvalidOperationException("The kernel refused the change.");
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _transaction.Dispose();
        _network.Dispose();
    }
}
