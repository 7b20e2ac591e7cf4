using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Testing.Lab;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>The judge finds every fault that the format can speak of: without this, a green lab would mean nothing.</summary>
public sealed class FlowJudgeTests
{
    private static readonly InetEndpoint s_client = Endpoint("203.0.113.2:4000");
    private static readonly InetEndpoint s_service = Endpoint("172.30.0.1:80");
    private static readonly InetEndpoint s_pod = Endpoint("10.180.0.1:8080");
    private static readonly InetEndpoint s_otherPod = Endpoint("10.180.1.1:8080");
    private static readonly InetEndpoint s_node = Endpoint("192.168.0.2:5000");

    [Theory]
    [InlineData("reject", PacketEnd.Refused)]
    [InlineData("drop", PacketEnd.Vanished)]
    public void An_end_without_a_destination_is_told_from_all_others(string expectation, PacketEnd right)
    {
        foreach (PacketEnd end in Enum.GetValues<PacketEnd>())
        {
            string? fault = Judge($"expect: {expectation}", Outcome(end, s_service, s_client));
            Assert.Equal(end == right, fault is null);
        }
    }

    [Fact]
    public void Direct_means_untouched_wherever_it_ends()
    {
        Assert.Null(Judge("expect: direct", Outcome(PacketEnd.Forwarded, s_service, s_client)));
        Assert.Null(Judge("expect: direct", Outcome(PacketEnd.Delivered, s_service, s_client)));
        Assert.NotNull(Judge("expect: direct", Outcome(PacketEnd.Forwarded, s_pod, s_client)));
        Assert.NotNull(Judge("expect: direct", Outcome(PacketEnd.Forwarded, s_service, s_node)));
        Assert.NotNull(Judge("expect: local", Outcome(PacketEnd.Forwarded, s_service, s_client)));
    }

    [Theory]
    [InlineData("true", false)]
    [InlineData("false", true)]
    public void A_claim_on_the_source_is_checked(string masquerade, bool keptIsRight)
    {
        string flow = $"expect: {{to: '{s_pod}', masq: {masquerade}}}";
        Assert.Equal(keptIsRight, Judge(flow, Outcome(PacketEnd.Forwarded, s_pod, s_client)) is null);
        Assert.Equal(!keptIsRight, Judge(flow, Outcome(PacketEnd.Forwarded, s_pod, s_node)) is null);
        Assert.NotNull(Judge(flow, Outcome(PacketEnd.Forwarded, s_pod, Endpoint("198.51.100.1:4000"))));
    }

    [Fact]
    public void A_wrong_destination_device_or_reply_is_found()
    {
        string flow = $"expect: {{to: '{s_pod}', dev: pod}}";
        PacketOutcome right = Outcome(PacketEnd.Forwarded, s_pod, s_client) with { Device = NodeLab.PodDevice };
        Assert.Null(Judge(flow, right));
        Assert.NotNull(Judge(flow, right with { Device = NodeLab.ExternalDevice }));
        Assert.NotNull(Judge(flow, right with { Destination = s_otherPod }));
        Assert.NotNull(Judge(flow, right with { ReplyFault = "its reply did not come back" }));
        Assert.Null(Judge(flow + ", reply: false", right with { ReplyFault = "its reply did not come back" }));
    }

    [Fact]
    public void Spread_needs_every_destination_and_sticky_only_one()
    {
        string both = $"expect: {{to: ['{s_pod}', '{s_otherPod}'], spread: true}}";
        string sticky = $"sticky: true, expect: {{to: ['{s_pod}', '{s_otherPod}']}}";
        PacketOutcome first = Outcome(PacketEnd.Forwarded, s_pod, s_client), second = Outcome(PacketEnd.Forwarded, s_otherPod, s_client);
        Assert.Null(Judge(both, first, second));
        Assert.NotNull(Judge(both, first, first));
        Assert.Null(Judge(sticky, first, first));
        Assert.NotNull(Judge(sticky, first, second));
    }

    [Fact]
    public void A_random_port_is_one_that_was_not_kept_by_all()
    {
        string flow = $"expect: {{to: '{s_pod}', masq: true, randomPort: true}}";
        PacketOutcome kept = Outcome(PacketEnd.Forwarded, s_pod, s_node with { Port = s_client.Port }),
            drawn = Outcome(PacketEnd.Forwarded, s_pod, s_node);
        Assert.Null(Judge(flow, kept, drawn));
        Assert.NotNull(Judge(flow, kept, kept));
    }

    [Fact]
    public void Same_as_compares_with_the_earlier_flow()
    {
        var judge = new FlowJudge(ImmutableHashSet.Create(s_node.Address));
        ImmutableArray<ScenarioFlow> flows = Flows(
            $"name: first, {Head}, expect: {{to: ['{s_pod}', '{s_otherPod}']}}",
            $"name: second, {Head}, sameAs: first, expect: {{to: ['{s_pod}', '{s_otherPod}']}}");
        Assert.Null(judge.Judge(flows[0], flows[0].Expect!, [Outcome(PacketEnd.Forwarded, s_pod, s_client)]));
        Assert.Null(judge.Judge(flows[1], flows[1].Expect!, [Outcome(PacketEnd.Forwarded, s_pod, s_client)]));
        Assert.NotNull(judge.Judge(flows[1], flows[1].Expect!, [Outcome(PacketEnd.Forwarded, s_otherPod, s_client)]));
    }

    [Theory]
    [InlineData("dport: 80, expect: reject, expcet: drop")]
    [InlineData("dport: 80, expect: refuse")]
    [InlineData("dport: 80, expect: {to: '10.0.0.1'}")]
    [InlineData("dport: 80, expect: {to: '10.0.0.1:80', mask: true}")]
    [InlineData("dport: 80, sameAs: nobody, expect: reject")]
    [InlineData("dport: 80")]
    [InlineData("expect: reject")]
    [InlineData("dport: 70000, expect: reject")]
    public void What_the_format_does_not_know_is_refused_with_file_and_line(string rest)
    {
        var refusal = Assert.Throws<ScenarioFormatException>(() => Flows($"from: pod, dst: 172.30.0.1, {rest}"));
        Assert.Matches("^trial:[1-9]", refusal.Message);
    }

    private static string Head => $"from: external, dst: '{s_service.Address}', dport: {s_service.Port}";

    private static string? Judge(string flow, params ImmutableArray<PacketOutcome> outcomes)
    {
        ScenarioFlow read = Flows($"{Head}, {flow}").Single();
        return new FlowJudge(ImmutableHashSet.Create(s_node.Address)).Judge(read, read.Expect!, outcomes);
    }

    private static ImmutableArray<ScenarioFlow> Flows(params string[] flows) =>
        ScenarioReader.Read("trial", "name: trial\nsteps:\n- flows:\n" + string.Concat(flows.Select(static flow => $"  - {{{flow}}}\n")))
        .Single().Steps.Single().Flows;

    private static PacketOutcome Outcome(PacketEnd end, InetEndpoint destination, InetEndpoint source) =>
        new()
        {
            SentFrom = s_client,
            SentTo = s_service,
            End = end,
            Destination = destination,
            Source = source,
            Device = NodeLab.ExternalDevice
        };

    private static InetEndpoint Endpoint(string text) =>
        InetEndpoint.TryParse(text, out InetEndpoint endpoint) ? endpoint : throw new FormatException(text);
}
