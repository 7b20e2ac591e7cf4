using System.CommandLine;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Model;

namespace Portolan.Chart.Watch;

/// <summary>portolan watch: the path of real packets, as the kernel traces them.</summary>
internal static class WatchCommand
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(100);

    internal static Command Create(ChartSession session)
    {
        var options = new ChartOptions(session);
        var destination = new Option<string>("--dst")
        {
            Description = "Destination address of the packets to watch, as they arrive.",
            Required = true,
            HelpName = "ADDRESS",
        };
        var port = new Option<ushort?>("--dport") { Description = "Destination port.", HelpName = "N" };
        var protocol = new Option<string?>("--proto") { Description = "tcp, udp, sctp, icmp, icmpv6 or a number." };
        var syn = new Option<bool>("--syn")
        {
            Description = "Only the first segment of each TCP connection, which is the one that nat rules decide about.",
        };
        var rate = new Option<uint>("--rate")
        {
            Description = "How many packets to trace per second, and in a burst.",
            DefaultValueFactory = _ => 10,
        };
        var seconds = new Option<uint>("--seconds") { Description = "Stop after this many seconds.", DefaultValueFactory = _ => 60 };
        var count = new Option<int?>("--count") { Description = "Stop after this many packets.", HelpName = "N" };
        var command =
            new Command("watch",
            "Trace real packets in the kernel and print each one's path through the rules (of nftables and iptables-nft; "
            + "iptables-legacy has no such trace). The trace rule is in a table of its own that the kernel removes when this program " +
                "ends, however it ends. Needs root.\n\n"
            + "Examples:\n  portolan watch --dst 172.30.5.207 --dport 443 --seconds 30\n  portolan watch --dst 172.30.5.207 --syn " +
                "--count 1 --json")
        {
            destination, port, protocol, syn, rate, seconds, count,
        };
        options.AddLiveTo(command);
        options.Run(command, async (parsed, chart, cancel) =>
        {
            if (!InetAddress.TryParse(parsed.GetValue(destination), out InetAddress address))
            {
                chart.Error($"--dst: '{parsed.GetValue(destination)}' is not an IP address.");
                return ExitStatus.CouldNotRun;
            }
            IpProtocol transport = IpProtocol.None;
            if (parsed.GetValue(protocol) is { } text && !IpProtocols.TryParse(text, out transport))
            {
                chart.Error($"--proto: '{text}' is not a protocol.");
                return ExitStatus.CouldNotRun;
            }
            if (transport == IpProtocol.Icmp && address.Family == IpFamily.IPv6)
                transport = IpProtocol.IcmpV6;
            if (parsed.GetValue(rate) == 0 || parsed.GetValue(seconds) == 0 || parsed.GetValue(count) is <= 0)
            {
                chart.Error("--rate, --seconds and --count must be at least 1.");
                return ExitStatus.CouldNotRun;
            }
            var wanted = new WatchedPackets(address, transport, parsed.GetValue(port), parsed.GetValue(rate), parsed.GetValue(syn));
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            // Signals end the watch cleanly. After a kill -9 the kernel cleans up.
            using var signals = EndingSignals.Cancelling(stop);
            stop.CancelAfter(TimeSpan.FromSeconds(parsed.GetValue(seconds)));
            try
            {
                return await WatchAsync(wanted, () => ChartInput.Read(parsed, options, chart), chart, parsed.GetValue(options.Netns),
                    parsed.GetValue(count),
                    parsed.GetValue(options.Json), stop.Token);
            }
            catch (NetlinkException error)
            {
                chart.Error($"The kernel cannot trace packets: {error.Message}. Watching needs root, and Linux 5.12 for a table that is " +
                    "removed with its owner.");
                return ExitStatus.CouldNotRun;
            }
        });
        return command;
    }

    private static async Task<int> WatchAsync(
        WatchedPackets wanted, Func<ChartInput?> read, ChartOutput chart, string? netns, int? count, bool json, CancellationToken stop)
    {
        var socketOptions = new NetlinkSocketOptions { NetworkNamespace = netns };
        using NfMonitor monitor = NfMonitor.Open(NfMonitorTopics.Traces, socketOptions);
        using NetlinkSocket owner = NetlinkSocket.Open(NetlinkProtocol.Netfilter, socketOptions);
        wanted.Install(owner);
        using NetlinkSocket reading = NetlinkSocket.Open(NetlinkProtocol.Netfilter, socketOptions);
        // After the table, which itself creates a new generation of the ruleset.
        if (WatchedRules.Open(read, new NfReader(reading), TimeProvider.System) is not { } rules || !CanBeTraced(rules.Input, chart))
            return ExitStatus.CouldNotRun;
        chart.Message($"watching packets to {wanted}; press Ctrl-C to stop");
        var packets = new PacketTracer(rules, chart, json, TimeProvider.System);
        IAsyncEnumerator<NfEvent> events = monitor.ReadAllAsync(stop).GetAsyncEnumerator(stop);
        try
        {
            Task<bool> next = events.MoveNextAsync().AsTask();
            while (count is null || packets.Packets < count)
            {
                if (!next.IsCompleted)
                    await Task.WhenAny(next, Task.Delay(s_tick, stop));
                packets.CloseSilent(isQuiet: !next.IsCompleted);
                if (!next.IsCompleted)
                {
                    stop.ThrowIfCancellationRequested();
                    continue;
                }
                if (!await next)
                    break;
                if (events.Current is NfTraceEvent step)
                    packets.Add(step);
                if (events.Current is NfEventsLost)
                    chart.Message("the kernel sent traces faster than they could be read; some steps are missing");
                next = events.MoveNextAsync().AsTask();
            }
        }
        catch (OperationCanceledException)
        {
            // The time is up, or the user has seen enough.
        }
        if (count is null || packets.Packets < count)
            packets.CloseAll();
        chart.Message($"{packets.Packets.ToString(CultureInfo.InvariantCulture)} {(packets.Packets == 1 ? "packet" : "packets")} traced; " +
            "the trace rule is removed");
        return ExitStatus.Ok;
    }

    /// <summary>False when the service rules are of the back-end that nf_tables' trace does not see.</summary>
    private static bool CanBeTraced(ChartInput input, ChartOutput chart)
    {
        const string advice = "The kernel does not report their steps. 'portolan trace' simulates the packet with these rules; "
            + "'iptables-legacy -t raw -A PREROUTING -d ADDRESS -j TRACE' writes the real steps to the kernel's log (remove it with -D).";
        if (!input.Rules.Tables.Any(table => table.Backend == RuleBackend.IptablesLegacy && ServiceTables.HasIptablesServices(table)))
            return true;
        bool hasOthers = input.Services.Services.Any(service => service.Writer != RuleWriter.KubeProxyIptables)
            || input.Rules.Tables.Any(table => table.Backend != RuleBackend.IptablesLegacy && ServiceTables.HasIptablesServices(table));
        if (hasOthers)
            chart.Warning($"Service rules of iptables-legacy are not shown. {advice}");
        else
            chart.Error($"The service rules are in iptables-legacy, which cannot be watched. {advice}");
        return hasOthers;
    }
}
