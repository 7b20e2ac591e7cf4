using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Testing.Scenarios;

namespace Portolan.Inspect.Tests;

/// <summary>The flows that real packets took under the dumped rules (tests/data/harbor/flows.yaml) are what trace says.</summary>
public sealed class HarborFlowTests
{
    [Theory]
    [InlineData("kube-proxy 1.36", "iptables", "harbor/kube-proxy-1.36/iptables-save.txt", "harbor/kube-proxy-1.36/ip6tables-save.txt")]
    [InlineData("kube-proxy 1.36", "nftables", "harbor/kube-proxy-1.36/nft-list-ruleset.txt")]
    [InlineData("kube-proxy 1.36", "nftables", "harbor/kube-proxy-1.36/nft-list-ruleset.json")]
    [InlineData("kube-proxy 1.20", "iptables", "harbor/kube-proxy-1.20/iptables-save.txt")]
    public void Trace_says_what_real_packets_did(string name, string mode, params string[] files)
    {
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "harbor", "flows.yaml"));
        Scenario scenario = ScenarioReader.Read("flows.yaml", text).Single(item => item.Name == name);
        Assert.True(ProxyModes.TryParse(mode, out ProxyMode proxyMode));
        var simulator = new PacketSimulator(Dumps.Read(files), new NodeAddresses(null, [.. scenario.Node.Addresses]));
        var failures = new List<string>();
        int flows = 0;
        foreach (ScenarioFlow flow in scenario.Steps.SelectMany(step => step.Flows))
        {
            if (flow.ExpectationIn(proxyMode) is not { } expected || (!flow.Only.IsEmpty && !flow.Only.Contains(proxyMode)))
                continue;
            flows++;
            TraceResult trace = simulator.Trace(Packet(flow, scenario.Node));
            failures.AddRange(trace.Outcomes.Where(outcome => !Fits(outcome, expected))
                .Select(outcome => $"{flow.Name}: expected {expected}, trace says {OutcomeText.Of(outcome)}"));
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.NotEqual(0, flows);
    }

    internal static PacketSpec Packet(ScenarioFlow flow, ScenarioNode node)
    {
        InetAddress source = flow.Sources.IsEmpty || flow.Sources[0].Family == IpFamily.None
            ? node.Addresses.First(address => address.Family == flow.Destination.Family)
            : flow.Sources[0];
        return new PacketSpec
        {
            Source = source,
            Destination = flow.Destination,
            Protocol = flow is { Protocol: IpProtocol.Icmp, Destination.Family: IpFamily.IPv6 } ? IpProtocol.IcmpV6 : flow.Protocol,
            SourcePort = 40_000,
            DestinationPort = flow.DestinationPort == 0 ? null : flow.DestinationPort,
            IsFromNode = flow.From == FlowOrigin.Node,
            InInterface = flow.From switch { FlowOrigin.Node => null, FlowOrigin.Pod => "pod0", _ => "ext0" },
        };
    }

    internal static bool Fits(Outcome outcome, Expectation expected) => expected switch
    {
        Refused => outcome.Verdict == OutcomeVerdict.Reject,
        Dropped => outcome.Verdict == OutcomeVerdict.Drop,
        DeliveredToNode => outcome is { Verdict: OutcomeVerdict.Local, IsTranslated: false },
        Direct direct => outcome is { Verdict: OutcomeVerdict.Forward or OutcomeVerdict.Local, IsTranslated: false }
            && (direct.Masquerade is null || direct.Masquerade == outcome.IsMasqueraded),
        Reaches reaches => outcome is { Verdict: OutcomeVerdict.Forward or OutcomeVerdict.Local, DestinationPort: { } port }
            && reaches.Destinations.Contains(new InetEndpoint(outcome.Destination, port))
            && (reaches.Masquerade is null || reaches.Masquerade == outcome.IsMasqueraded),
        AnyOf any => any.Choices.Any(choice => Fits(outcome, choice)),
        _ => false,
    };
}
