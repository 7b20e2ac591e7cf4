using System.CommandLine;
using System.Globalization;
using Portolan.Inet;
using Portolan.Netlink;
using Portolan.Netlink.NfTables;

namespace Portolan.Commands.Chart;

/// <summary>portolan watch: the way of real packets, as the kernel traces them.</summary>
internal static class WatchCommand
{
    internal static Command Create()
    {
        var options = new ChartOptions();
        var destination = new Option<string>("--dst") { Description = "Destination address of the packets to watch.", Required = true, HelpName = "ADDRESS" };
        var port = new Option<ushort?>("--dport") { Description = "Destination port.", HelpName = "N" };
        var protocol = new Option<string?>("--proto") { Description = "tcp, udp, sctp, icmp, icmpv6 or a number." };
        var rate = new Option<uint>("--rate") { Description = "The most packets to trace in a second.", DefaultValueFactory = _ => 10 };
        var seconds = new Option<uint>("--seconds") { Description = "Stop after this many seconds.", DefaultValueFactory = _ => 60 };
        var count = new Option<int?>("--count") { Description = "Stop after this many packets.", HelpName = "N" };
        var command = new Command("watch", "Ask the kernel to trace real packets and print each one's way through the rules (of nftables and iptables-nft; "
            + "iptables-legacy has no such trace). The trace rule is in a table of its own that the kernel removes when this program ends, however it ends.\n\n"
            + "Example: portolan watch --dst 172.30.5.207 --dport 443 --seconds 30")
        {
            destination, port, protocol, rate, seconds, count,
        };
        options.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            var chart = new ChartOutput();
            if (!InetAddress.TryParse(parsed.GetValue(destination), out InetAddress address))
            {
                chart.Error($"--dst: '{parsed.GetValue(destination)}' is not an IP address.");
                return ExitStatus.CouldNotRun;
            }
            IpProtocol transport = IpProtocol.None;
            if (parsed.GetValue(protocol) is { } text && !IpProtocols.TryParse(text, out transport))
            {
                chart.Error($"--proto: '{text}' is no protocol.");
                return ExitStatus.CouldNotRun;
            }
            if (ChartInput.Read(parsed, options, chart) is not { } input)
                return ExitStatus.CouldNotRun;
            var wanted = new WatchedPackets(address, transport, parsed.GetValue(port), parsed.GetValue(rate));
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            stop.CancelAfter(TimeSpan.FromSeconds(parsed.GetValue(seconds)));
            try
            {
                await WatchAsync(wanted, input, chart, parsed.GetValue(options.Netns), parsed.GetValue(count), parsed.GetValue(options.Json), stop.Token);
            }
            catch (NetlinkException error)
            {
                chart.Error($"The kernel cannot be asked to trace packets: {error.Message}. Watching needs root.");
                return ExitStatus.CouldNotRun;
            }
            return ExitStatus.Ok;
        });
        return command;
    }

    private static async Task WatchAsync(
        WatchedPackets wanted, ChartInput input, ChartOutput chart, string? netns, int? count, bool json, CancellationToken stop)
    {
        var socketOptions = new NetlinkSocketOptions { NetworkNamespace = netns };
        using NfMonitor monitor = NfMonitor.Open(NfMonitorTopics.Traces, socketOptions);
        // The table belongs to this socket: when it closes, by us or by the kernel after a kill -9, the table goes.
        using NetlinkSocket owner = NetlinkSocket.Open(NetlinkProtocol.Netfilter, socketOptions);
        wanted.Install(owner);
        chart.Message($"watching packets to {wanted}; Ctrl-C ends it");
        using NetlinkSocket reading = NetlinkSocket.Open(NetlinkProtocol.Netfilter, socketOptions);
        var ways = new TracedWays(input, new NfReader(reading), chart, json);
        try
        {
            await foreach (NfEvent happened in monitor.ReadAllAsync(stop))
            {
                if (happened is NfTraceEvent step)
                    ways.Add(step);
                if (happened is NfEventsLost)
                    chart.Message("the kernel made traces faster than they could be read; some steps are missing");
                if (count is { } most && ways.Packets > most)
                    break;
            }
        }
        catch (OperationCanceledException)
        {
            // The time is up, or the user has seen enough.
        }
        chart.Message($"{ways.Packets.ToString(CultureInfo.InvariantCulture)} packets traced; the trace rule is removed");
    }
}

/// <summary>Which packets to trace, and the rule that asks the kernel to.</summary>
internal sealed record WatchedPackets(InetAddress Destination, IpProtocol Protocol, ushort? Port, uint Rate)
{
    // Before every other chain, raw's at -300 included.
    private const int FirstPriority = -450;

    public override string ToString() => (Port is { } port ? new InetEndpoint(Destination, port).ToString() : Destination.ToString())
        + (Protocol == IpProtocol.None ? string.Empty : "/" + Protocol.ToRuleText());

    /// <summary>Makes the trace table.</summary>
    /// <exception cref="NetlinkException">The kernel refuses.</exception>
    internal void Install(NetlinkSocket owner)
    {
        var table = new NfTableId(Destination.Family.ToNfFamily(), string.Create(CultureInfo.InvariantCulture, $"portolan-watch-{Environment.ProcessId}"));
        using var transaction = new NfTransaction();
        transaction.AddTable(new NfTable(table) { Flags = NfTableFlags.Owner, Comment = "traces packets for portolan watch" });
        foreach ((string name, NfHookNumber hook) in (ReadOnlySpan<(string, NfHookNumber)>)[("prerouting", NfHookNumber.Prerouting), ("output", NfHookNumber.Output)])
        {
            transaction.AddChain(new NfChain(table, name) { Hook = new NfHook("filter", hook, FirstPriority) });
            transaction.AppendRule(new NfRule(table, name, [.. Expressions()]));
        }
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
        if (Protocol != IpProtocol.None)
        {
            yield return new NfMetaLoad(NfMetaKey.TransportProtocol, register);
            yield return new NfCompare(register, NfCompareOperator.Equal, new NfData([(byte)Protocol]));
        }
        if (Port is { } port)
        {
            yield return new NfPayloadLoad(NfPayloadBase.Transport, 2, 2, register);
            yield return new NfCompare(register, NfCompareOperator.Equal, NfData.BigEndian(port));
        }
        yield return new NfLimit(Rate, 1, Rate);
        yield return new NfImmediate(register, new NfData([1]));
        yield return new NfMetaStore(NfMetaKey.Trace, register);
    }
}
