using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Portolan.Inet;
using Portolan.Inspect;
using Portolan.Rules;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Packets;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Truth;

/// <summary>
/// The simulator against the kernel: random rules are loaded into a namespace, random packets are sent through it, and what became of each
/// must be one of the outcomes that trace gives for it. PORTOLAN_TRUTH_RULESETS sets how many rulesets are tried.
/// </summary>
public sealed class TraceTruthTests(ITestOutputHelper output)
{
    private const int PacketsPerRuleset = 100;

    private static readonly InetAddress s_node = InetAddress.Parse("192.168.0.2");

    // As NodeLab makes them: pod0 has no address of its own.
    private static readonly NodeAddresses s_interfaces = new(
    [
        new NetInterface(1, "lo", true, true, [new InterfaceAddress(InetAddress.Parse("127.0.0.1"), 8, default, default, "host")]),
        new NetInterface(2, NodeLab.ExternalDevice, true, false, [new InterfaceAddress(s_node, 32, default, default, "global")]),
        new NetInterface(3, NodeLab.PodDevice, true, false, []),
    ]);

    [Fact]
    public void What_the_kernel_does_under_random_iptables_rules_is_what_trace_says() =>
        Compare("iptables-restore", static rules => rules.Iptables(), "iptables-save", []);

    [Fact]
    public void What_the_kernel_does_under_random_nftables_rules_is_what_trace_says() =>
        Compare("nft", static rules => rules.Nftables(), "nft", ["list", "ruleset"]);

    private void Compare(string loader, Func<RandomRules, string> write, string lister, string[] listArguments)
    {
        Lab.SkipWithoutTunDevices();
        Lab.SkipWithout(loader, lister);
        int rulesets = int.TryParse(Environment.GetEnvironmentVariable("PORTOLAN_TRUTH_RULESETS"), NumberStyles.None, CultureInfo.InvariantCulture, out int wanted) ? wanted : 25;
        using var lab = new NodeLab("truth", [s_node], [InetPrefix.Parse("10.180.0.0/24")]);
        // The kernel limits the refusals it sends over all destinations as well; before Linux 6.11 that limit is not the namespace's to change.
        lab.Namespace.Run(static () => Tool.TryRun("sysctl", ["-q", "-w", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=1000000"]));
        var runner = new FlowRunner(lab);
        int packets = 0, unknown = 0, refused = 0;
        var failures = new List<string>();
        for (int seed = 1; seed <= rulesets && failures.Count < 5; seed++)
        {
            var random = new Random(seed);
            string text = write(new RandomRules(random));
            string? dump = Load(lab, loader, text, lister, listArguments);
            if (dump is null)
            {
                refused++;
                continue;
            }
            lab.FlushConntrack();
            var simulator = new PacketSimulator(RulesetReader.Read(new SourceText("dump", Encoding.UTF8.GetBytes(dump))), s_interfaces);
            foreach (FlowOrigin origin in (FlowOrigin[])[FlowOrigin.External, FlowOrigin.Pod])
            {
                ImmutableArray<Probe> probes = [.. Enumerable.Range(0, PacketsPerRuleset / 2).Select(number => RandomProbe(random, origin, seed, number))];
                PacketOutcome[] seen = [.. lab.Namespace.Run(() => runner.Inject(origin, probes, checkReply: false, TimeSpan.FromMilliseconds(20)).ToArray())];
                for (int index = 0; index < seen.Length; index++)
                {
                    TraceResult trace = simulator.Trace(Premise(probes[index], origin));
                    packets++;
                    if (trace.Outcomes.Any(outcome => outcome.Verdict == OutcomeVerdict.Unknown))
                        unknown++;
                    else if (!trace.Outcomes.Any(outcome => Fits(outcome, seen[index])))
                        failures.Add($"seed {seed}, {origin} {probes[index].Protocol}: the kernel: {seen[index]}; trace: {string.Join(" or ", trace.Outcomes.Select(OutcomeText.Of))}\n{dump}");
                }
            }
        }
        output.WriteLine($"{packets} packets under {rulesets - refused} rulesets ({refused} refused by the kernel), {unknown} unknown, {failures.Count} disagreements");
        Assert.True(failures.Count == 0, string.Join("\n\n", failures.Take(3)));
        Assert.True(packets > 0 && refused < rulesets / 2, $"the kernel refused {refused} of {rulesets} rulesets");
    }

    private static string? Load(NodeLab lab, string loader, string text, string lister, string[] listArguments)
    {
        (int status, _, _) = lab.Namespace.Run(() => loader == "nft"
            ? Tool.TryRun("nft", ["-f", "-"], "flush ruleset\n" + text)
            : Tool.TryRun(loader, [], text));
        return status == 0 ? lab.Namespace.Run(() => Tool.Run(lister, listArguments)) : null;
    }

    private static Probe RandomProbe(Random random, FlowOrigin origin, int seed, int number)
    {
        string source = origin == FlowOrigin.External
            ? string.Create(CultureInfo.InvariantCulture, $"203.0.113.{random.Next(2, 6)}")
            : string.Create(CultureInfo.InvariantCulture, $"10.180.0.{random.Next(199, 203)}");
        string[] destinations = ["172.30.0.10", "172.30.0.11", "192.168.0.2", "10.180.0.10", "198.51.100.7"];
        ushort[] ports = [53, 80, 443, 444, 8080];
        IpProtocol protocol = random.Next(8) switch { < 4 => IpProtocol.Tcp, < 6 => IpProtocol.Udp, 6 => IpProtocol.Sctp, _ => IpProtocol.Icmp };
        // A port and token of its own each, so that no two packets share a connection.
        return new Probe(
            new InetEndpoint(InetAddress.Parse(source), (ushort)(1024 + number * 2 + (origin == FlowOrigin.Pod ? 1 : 0))),
            new InetEndpoint(InetAddress.Parse(destinations[random.Next(destinations.Length)]), protocol == IpProtocol.Icmp ? (ushort)0 : ports[random.Next(ports.Length)]),
            protocol,
            (uint)(seed * 10_000 + (origin == FlowOrigin.Pod ? 5_000 : 0) + number + 1));
    }

    private static PacketPremise Premise(Probe probe, FlowOrigin origin) => new()
    {
        Source = probe.Source.Address,
        Destination = probe.Destination.Address,
        Protocol = probe.Protocol,
        SourcePort = probe.Source.Port,
        DestinationPort = probe.Protocol == IpProtocol.Icmp ? null : probe.Destination.Port,
        InInterface = origin == FlowOrigin.Pod ? NodeLab.PodDevice : NodeLab.ExternalDevice,
    };

    private static bool Fits(Outcome outcome, PacketOutcome seen)
    {
        bool isSame = outcome.Destination == seen.Destination.Address && (outcome.DestinationPort is not { } port || port == seen.Destination.Port);
        // A source that masquerading chose is one of the node's; otherwise it is what trace says.
        bool isSource = outcome.Source.Family == IpFamily.None ? seen.Source.Address == s_node : seen.Source.Address == outcome.Source;
        return outcome.Verdict switch
        {
            OutcomeVerdict.Forward => seen.End == PacketEnd.Forwarded && isSame && isSource,
            OutcomeVerdict.Local => seen.End == PacketEnd.Delivered && isSame && isSource,
            OutcomeVerdict.Drop => seen.End == PacketEnd.Vanished,
            OutcomeVerdict.Reject => seen.End == PacketEnd.Refused,
            _ => false,
        };
    }
}
