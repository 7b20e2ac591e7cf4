using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Spectre.Console;

namespace Portolan.Chart;

/// <summary>portolan trace: what the rules do with one packet.</summary>
internal static class TraceCommand
{
    internal static Command Create()
    {
        var options = new ChartOptions();
        var rare = new PacketOptions();
        var source = new Option<string>("--src") { Description = "Source address.", Required = true, HelpName = "ADDRESS" };
        var destination = new Option<string>("--dst") { Description = "Destination address.", Required = true, HelpName = "ADDRESS" };
        var protocol = new Option<string>("--proto") { Description = "tcp, udp, sctp, icmp, icmpv6 or a number.", DefaultValueFactory = _ => "tcp" };
        var destinationPort = new Option<ushort?>("--dport") { Description = "Destination port.", HelpName = "N" };
        var sourcePort = new Option<ushort?>("--sport") { Description = "Source port; without one, rules that ask for it are unknown.", HelpName = "N" };
        var input = new Option<string?>("--in") { Description = "The interface the packet comes in by.", HelpName = "IFACE" };
        var output = new Option<string?>("--out") { Description = "The interface the packet would leave by.", HelpName = "IFACE" };
        var local = new Option<bool>("--from-node") { Description = "A program on this node sends the packet. Implied when --src is an address of this node." };
        var state = new Option<string>("--state") { Description = "State of the packet's connection.", DefaultValueFactory = _ => "new" };
        state.AcceptOnlyFromAmong("new", "established", "related", "invalid");
        var mark = new Option<string?>("--mark") { Description = "The packet's mark, decimal or 0x...", HelpName = "M" };
        var podCidr = new Option<string[]>("--pod-cidr") { Description = "Range of pod addresses: packets from it are said to come from a pod.", HelpName = "CIDR" };
        var affinity = new Option<string>("--affinity")
        {
            Description = "fresh: the client has not used the service lately. unknown: the lists of iptables' recent match are taken as unknown. Where the lists themselves were read they decide.",
            DefaultValueFactory = _ => "fresh",
        };
        affinity.AcceptOnlyFromAmong("fresh", "unknown");

        var command = new Command("trace", "Simulate one packet: every path it may take through the rules, with its probability.\n\n"
            + "Example: portolan trace --src 203.0.113.9 --dst 172.6.6.6 --dport 443 --rules dump.txt")
        {
            source, destination, protocol, destinationPort, sourcePort, input, output, local, state, mark, podCidr, affinity,
        };
        rare.AddTo(command);
        options.AddTo(command);
        command.SetAction(parsed =>
        {
            var chart = new ChartOutput();
            if (!TryAddress(parsed, source, chart, out InetAddress from) || !TryAddress(parsed, destination, chart, out InetAddress to))
                return ExitStatus.CouldNotRun;
            if (from.Family != to.Family)
            {
                chart.Error("--src and --dst are of different families.");
                return ExitStatus.CouldNotRun;
            }
            if (!IpProtocols.TryParse(parsed.GetValue(protocol), out IpProtocol transport))
            {
                chart.Error($"--proto: '{parsed.GetValue(protocol)}' is no protocol. Known: tcp, udp, sctp, icmp, icmpv6, or a number from 1 to 255.");
                return ExitStatus.CouldNotRun;
            }
            if (transport == IpProtocol.Icmp && to.Family == IpFamily.IPv6)
                transport = IpProtocol.IcmpV6;
            if (!TryMark(parsed.GetValue(mark), out uint markValue))
            {
                chart.Error($"--mark: '{parsed.GetValue(mark)}' is no number.");
                return ExitStatus.CouldNotRun;
            }
            if (ChartInput.Read(parsed, options, chart) is not { } rules)
                return ExitStatus.CouldNotRun;
            var common = new PacketSpec
            {
                Source = from,
                Destination = to,
                Protocol = transport,
                SourcePort = parsed.GetValue(sourcePort),
                DestinationPort = parsed.GetValue(destinationPort),
                IsFromNode = parsed.GetValue(local) || (parsed.GetValue(input) is null && rules.Node.IsLocal(from) == true),
                InInterface = parsed.GetValue(input),
                OutInterface = parsed.GetValue(output),
                State = Enum.Parse<ConntrackStates>(parsed.GetValue(state)!, ignoreCase: true),
                Mark = markValue,
                ClientIsFresh = parsed.GetValue(affinity) == "fresh",
            };
            if (rare.Apply(parsed, common, chart) is not { } packet)
                return ExitStatus.CouldNotRun;
            TraceResult result = new PacketSimulator(rules.Rules, rules.Node).Trace(packet);
            if (parsed.GetValue(options.Json))
                ChartOutput.Json(TraceAnswer.Of(result, rules.Guide), AnswersJsonContext.Default.TraceAnswer);
            else
                Print(result, rules.Guide, parsed.GetValue(podCidr) ?? [], chart);
            return rules.AnsweredStatus;
        });
        return command;
    }

    private static void Print(TraceResult result, ChainGuide guide, string[] podCidrs, ChartOutput chart)
    {
        PacketSpec packet = result.Packet;
        string sender = packet.IsFromNode ? "sent by this node"
            : podCidrs.Any(text => InetPrefix.TryParse(text, out InetPrefix prefix) && prefix.Contains(packet.Source)) ? "from a pod"
            : packet.InInterface is { } device ? $"in by {device}" : "arriving";
        chart.Line($"{packet.Protocol.ToRuleText()} {packet.Source} -> {Destination(packet)}, {packet.State.ToString().ToLowerInvariant()}, {sender}{PacketOptions.Describe(packet)}",
            new Style(decoration: Decoration.Bold));
        foreach (OutcomeGroup group in OutcomeGroup.Of(result.Outcomes))
        {
            chart.Line();
            PrintGroup(group, guide, chart, string.Empty);
            foreach (OutcomeGroup candidates in OutcomeGroup.Of(group.Outcomes[0].Candidates))
            {
                chart.Line("  it may be:");
                PrintGroup(candidates, guide, chart, "  ");
            }
        }
        if (!result.Caveats.IsEmpty)
            chart.Line();
        foreach (string caveat in result.Caveats)
            chart.Line($"note: {caveat}");
    }

    // All ends first, then the way they share, once, with what is each one's own at its place.
    private static void PrintGroup(OutcomeGroup group, ChainGuide guide, ChartOutput chart, string indent)
    {
        Outcome first = group.Outcomes[0];
        Color color = first.Verdict switch
        {
            OutcomeVerdict.Forward or OutcomeVerdict.Local => Color.Green,
            OutcomeVerdict.Unknown => Color.Yellow,
            _ => Color.Red,
        };
        foreach (Outcome outcome in group.Outcomes)
            chart.Line(indent + OutcomeText.Of(outcome), new Style(color));
        PrintSteps(first.Path[..group.SharedStart], guide, chart, indent);
        foreach (Outcome outcome in group.Outcomes.Where(outcome => !group.OwnSteps(outcome).IsEmpty))
        {
            chart.Line($"{indent}    to {outcome.DestinationText}:");
            PrintSteps(group.OwnSteps(outcome), guide, chart, indent + "  ");
        }
        PrintSteps(first.Path[(first.Path.Length - group.SharedEnd)..], guide, chart, indent);
    }

    private static void PrintSteps(ImmutableArray<PathStep> steps, ChainGuide guide, ChartOutput chart, string indent)
    {
        foreach (PathStep step in steps)
        {
            switch (step.Kind)
            {
                case PathStepKind.Hook:
                    chart.Line($"{indent}  {step.Hook.ToString().ToLowerInvariant()}");
                    break;
                case PathStepKind.Rule:
                    string service = guide.ServiceOf(step.Place!) is { } name ? $"  [{name}]" : string.Empty;
                    chart.Line($"{indent}    {step.Place!.Table.Name} {step.Place.Chain.Name} {(step.Place.Index + 1).ToString(CultureInfo.InvariantCulture)}: "
                        + $"{RuleText.Of(step.Place.Rule)}{service}");
                    break;
                case PathStepKind.Policy:
                    chart.Line($"{indent}    {step.Table!.Name} {step.Chain!.Name}: policy drop");
                    break;
                default:
                    chart.Line($"{indent}    routing: {step.Text}");
                    break;
            }
        }
    }

    private static string Destination(PacketSpec packet) =>
        packet is { HasPorts: true, DestinationPort: { } port } ? new InetEndpoint(packet.Destination, port).ToString() : packet.Destination.ToString();

    private static bool TryAddress(ParseResult parsed, Option<string> option, ChartOutput chart, out InetAddress address)
    {
        string text = parsed.GetValue(option)!;
        if (InetAddress.TryParse(text, out address))
            return true;
        chart.Error($"{option.Name}: '{text}' is not an IP address.");
        return false;
    }

    private static bool TryMark(string? text, out uint mark)
    {
        mark = 0;
        return text is null || (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out mark)
            : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out mark));
    }
}
