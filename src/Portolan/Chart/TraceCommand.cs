using System.CommandLine;
using System.Globalization;
using Portolan.Chart.Renderers;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Chart;

/// <summary>portolan trace: what the rules do with one packet.</summary>
internal static class TraceCommand
{
    internal static Command Create(ChartSession session)
    {
        var options = new ChartOptions(session);
        var rare = new PacketOptions();
        var source = new Option<string>("--src")
        {
            Description = "The source: an address, or pod, node or outside for one that stands for such a client.",
            Required = true,
            HelpName = "CLIENT",
        };
        var destination = new Option<string>("--dst")
        {
            Description = "The destination: an address, or what 'why' takes: a service's name or DNS name, address:port, a node port. " +
                "Of a name, the first frontend that fits --src and --dport: the cluster IP.",
            Required = true,
            HelpName = "WHAT",
        };
        var protocol = new Option<string>("--proto")
        {
            Description = "tcp, udp, sctp, icmp, icmpv6 or a number. Without it, that of the service, or tcp.",
        };
        var destinationPort = new Option<ushort?>("--dport") { Description = "Destination port.", HelpName = "N" };
        var sourcePort = new Option<ushort?>("--sport")
        {
            Description = "Source port; without it, rules that match on it are unknown.",
            HelpName = "N",
        };
        var input = new Option<string?>("--in") { Description = "The interface the packet comes in on.", HelpName = "IFACE" };
        var output = new Option<string?>("--out") { Description = "The interface the packet would leave on.", HelpName = "IFACE" };
        var local = new Option<bool>("--from-node")
        {
            Description = "A program on this node sends the packet. Implied when --src is an address of this node.",
        };
        var state = new Option<string>("--state") { Description = "State of the packet's connection.", DefaultValueFactory = _ => "new" };
        state.AcceptOnlyFromAmong("new", "established", "related", "invalid");
        var mark = new Option<string?>("--mark") { Description = "The packet's mark, decimal or 0x...", HelpName = "M" };
        var podCidr = new Option<string[]>("--pod-cidr")
        {
            Description = "Range of pod addresses: packets from it are labelled 'from a pod'.",
            HelpName = "CIDR",
        };
        var reply = new Option<bool>("--reply")
        {
            Description = "Follow the reply too: from each endpoint that the packet reaches, back through the connection's translation.",
        };
        var affinity = new Option<string>("--affinity")
        {
            Description = "fresh: the client has not used the service recently. unknown: the lists of iptables' recent match are treated " +
                "as unknown. Where the lists were read, they decide.",
            DefaultValueFactory = _ => "fresh",
        };
        affinity.AcceptOnlyFromAmong("fresh", "unknown");

        var command = new Command("trace", "Simulate one packet: every path it may take through the rules, with its probability.\n\n"
            + "Examples:\n  portolan trace --src 203.0.113.9 --dst 172.6.6.6 --dport 443 --rules dump.txt\n"
            + "  portolan trace --src pod --dst shop/web --reply")
        {
            source, destination, protocol, destinationPort, sourcePort, input, output, local, state, mark, podCidr, reply, affinity,
        };
        rare.AddTo(command);
        options.AddTo(command);
        options.Run(command, (parsed, chart) =>
        {
            if (!TryMark(parsed.GetValue(mark), out uint markValue))
            {
                chart.Error($"--mark: '{parsed.GetValue(mark)}' is not a number.");
                return ExitStatus.CouldNotRun;
            }
            if (ClusterInput.PodRanges(parsed.GetValue(podCidr) ?? [], chart) is not { } podRanges)
                return ExitStatus.CouldNotRun;
            if (ChartInput.Read(parsed, options, chart) is not { } rules)
                return ExitStatus.CouldNotRun;
            Routes routes = rules.IsLive ? LiveRules.ReadRoutes(parsed.GetValue(options.Netns)) : Routes.Of(rules.Rules);
            if (PacketEnds.Of(parsed.GetValue(source)!, parsed.GetValue(destination)!, parsed.GetValue(protocol),
                parsed.GetValue(destinationPort), rules, routes, podRanges, chart) is not { } ends)
                return ExitStatus.CouldNotRun;
            (InetAddress from, InetAddress to, IpProtocol transport, ushort? toPort) = ends;
            bool isFromNode = parsed.GetValue(local) || (parsed.GetValue(input) is null && rules.Node.IsLocal(from) == true)
                || parsed.GetValue(source) == "node";
            var common = new PacketSpec
            {
                Source = from,
                Destination = to,
                Protocol = transport,
                SourcePort = parsed.GetValue(sourcePort),
                DestinationPort = toPort,
                IsFromNode = isFromNode,
                InInterface = parsed.GetValue(input) ?? (isFromNode ? null : routes.DeviceTo(from)),
                OutInterface = parsed.GetValue(output),
                Routes = routes,
                RoutesLoopback = rules.IsLive ? LiveRules.RoutesLoopback(parsed.GetValue(options.Netns)) : null,
                State = Enum.Parse<ConntrackStates>(parsed.GetValue(state)!, ignoreCase: true),
                Mark = markValue,
                ClientIsFresh = parsed.GetValue(affinity) == "fresh",
            };
            if (rare.Apply(parsed, common, chart) is not { } packet)
                return ExitStatus.CouldNotRun;
            NodeAddresses node = rules.Node;
            // Addresses of the Internet are rarely a node's own; where they are, the user has to say so.
            bool isTakenAsRemote = node.IsLocal(to) is null && RemoteAddresses.IsOfInternet(to) && rules.Services.At(to, transport,
                packet.DestinationPort ?? 0)
                is null;
            if (isTakenAsRemote)
                node = node.WithRemote([to]);
            // A stand-in for the address of a node port whose node is not known.
            else if (node.IsLocal(to) is null && !InetAddress.TryParse(parsed.GetValue(destination), out _) && IsNodePort(rules, ends))
                node = node.WithLocal(to);
            TraceResult result = new PacketSimulator(rules.Rules, node).Trace(packet);
            var answer = TraceAnswer.Of(result, rules.Guide, rules.ReportedInput,
                isTakenAsRemote ? [$"{to} is assumed not to be local; if it is an address of this node, give --local-address {to}."] : []);
            if (parsed.GetValue(reply))
                answer = answer with { Replies = ReplyAnswer.Of(result, rules.Rules, node, rules.Guide) };
            if (parsed.GetValue(options.Json))
                chart.Json(answer, AnswersJsonContext.Default.TraceAnswer);
            else
                TraceRenderer.Print(answer, podRanges, chart);
            return rules.AnsweredStatus;
        });
        return command;
    }

    private static bool IsNodePort(ChartInput rules, PacketEnds ends) =>
        rules.Services.At(ends.Destination, ends.Protocol, ends.Port ?? 0)?.Frontends.Any(frontend =>
            frontend.Kind == ProgrammedKind.NodePort && frontend.Port == ends.Port) == true;

    private static bool TryMark(string? text, out uint mark)
    {
        mark = 0;
        return text is null || (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out mark)
            : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out mark));
    }
}
