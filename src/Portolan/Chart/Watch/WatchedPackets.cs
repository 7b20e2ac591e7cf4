using System.Globalization;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Chart.Watch;

/// <summary>Which packets to trace, and the table that makes the kernel do it.</summary>
/// <param name="Destination">Their destination when they arrive.</param>
/// <param name="Protocol">Their protocol; None for every one.</param>
/// <param name="Port">Their destination port; null for every one.</param>
/// <param name="Rate">How many to trace per second on average, and in a burst.</param>
/// <param name="OnlySyn">True for the first segments of TCP connections only.</param>
internal sealed record WatchedPackets(InetAddress Destination, IpProtocol Protocol, ushort? Port, uint Rate, bool OnlySyn)
{
    internal const string TablePrefix = "portolan-watch-";
    internal const string SelectChain = "select";
    internal const string LeftChain = "left";
    internal const string DeliveredChain = "delivered";

    // Before every other chain, including raw's at -300; and after every other, where the packet is in its final form.
    private const int FirstPriority = -450;
    private const int LastPriority = int.MaxValue;

    // In the TCP header's flags byte: of SYN and ACK, only SYN.
    private const byte Syn = 0x02;
    private const byte SynAndAck = 0x12;

    public override string ToString() => (Port is { } port ? new InetEndpoint(Destination, port).ToString() : Destination.ToString())
        + (Protocol == IpProtocol.None ? string.Empty : "/" + Protocol.ToRuleText());

    /// <summary>
    /// Creates the table. The socket owns it: when it is closed, by us or by the kernel after a kill -9, the table is removed.
    /// </summary>
    /// <exception cref="NetlinkException">The kernel refuses the table.</exception>
    internal void Install(NetlinkSocket owner)
    {
        var table = new NfTableId(Destination.Family.ToNfFamily(),
            string.Create(CultureInfo.InvariantCulture, $"{TablePrefix}{Environment.ProcessId}"));
        using var transaction = new NfTransaction();
        transaction.AddTable(new NfTable(table) { Flags = NfTableFlags.Owner, Comment = "traces packets for portolan watch" });
        // One chain selects for both hooks, so that they share one limit.
        transaction.AddChain(new NfChain(table, SelectChain));
        transaction.AppendRule(new NfRule(table, SelectChain, [.. Expressions()]));
        foreach ((string name, NfHookNumber hook) in (ReadOnlySpan<(string, NfHookNumber)>)[("prerouting", NfHookNumber.Prerouting),
            ("output", NfHookNumber.Output)])
        {
            transaction.AddChain(new NfChain(table, name) { Hook = new NfHook("filter", hook, FirstPriority) });
            transaction.AppendRule(new NfRule(table, name, [new NfImmediateVerdict(NfVerdict.Jump(SelectChain))]));
        }
        // They have no rules, but show a traced packet as it leaves.
        transaction.AddChain(new NfChain(table, DeliveredChain) { Hook = new NfHook("filter", NfHookNumber.Input, LastPriority) });
        transaction.AddChain(new NfChain(table, LeftChain) { Hook = new NfHook("filter", NfHookNumber.Postrouting, LastPriority) });
        CommitResult result = transaction.Commit(owner);
        if (!result.IsCommitted)
            throw new NetlinkException("make the trace rule", result.Refusals.IsEmpty ? default : result.Refusals[0].Errno);
    }

    private IEnumerable<NfExpression> Expressions()
    {
        bool isV4 = Destination.Family == IpFamily.IPv4;
        NfRegister register = NfRegister.R1;
        yield return new NfPayloadLoad(NfPayloadBase.Network, isV4 ? 16u : 24u, (uint)Destination.Length, register);
        yield return new NfCompare(register, NfCompareOperator.Equal, NfData.Address(Destination));
        IpProtocol protocol = OnlySyn ? IpProtocol.Tcp : Protocol;
        if (protocol != IpProtocol.None)
        {
            yield return new NfMetaLoad(NfMetaKey.TransportProtocol, register);
            yield return new NfCompare(register, NfCompareOperator.Equal, new NfData([(byte)protocol]));
        }
        if (Port is { } port)
        {
            yield return new NfPayloadLoad(NfPayloadBase.Transport, 2, 2, register);
            yield return new NfCompare(register, NfCompareOperator.Equal, NfData.BigEndian(port));
        }
        if (OnlySyn)
        {
            yield return new NfPayloadLoad(NfPayloadBase.Transport, 13, 1, register);
            yield return new NfBitwise(register, register, 1, NfBitwiseOperation.MaskXor)
            {
                Mask = new NfData([SynAndAck]),
                Xor = new NfData([0])
            };
            yield return new NfCompare(register, NfCompareOperator.Equal, new NfData([Syn]));
        }
        yield return new NfLimit(Rate, 1, Rate);
        yield return new NfImmediate(register, new NfData([1]));
        yield return new NfMetaStore(NfMetaKey.Trace, register);
    }
}
