using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>Ends that are told together lose nothing, and ways that part for longer stay apart.</summary>
public sealed class OutcomeGroupTests
{
    [Theory]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt")]
    [InlineData("harbor/kube-proxy-1.20/iptables-save.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.txt")]
    public void Each_end_is_in_one_group_with_its_whole_way(string dump)
    {
        Ruleset rules = Dumps.Read(dump);
        int together = 0;
        foreach (string source in (string[])["203.0.113.9", "10.244.1.10", "10.244.1.200", "192.168.10.11"])
        {
            foreach ((string destination, ushort port) in ((string, ushort)[])[("172.30.10.1", 80), ("192.168.10.11", 30080),
                ("172.6.6.6", 443), ("172.6.6.7", 443), ("10.244.9.9", 80)])
            {
                TraceResult trace = Dumps.Trace(rules, Dumps.Tcp(source, destination, port, fromNode: source == "192.168.10.11"));
                IReadOnlyList<OutcomeGroup> groups = OutcomeGroup.Of(trace.Outcomes);

                Assert.Equal(trace.Outcomes.Order(ByText), groups.SelectMany(static group => group.Outcomes).Order(ByText));
                foreach (OutcomeGroup group in groups)
                {
                    Outcome first = group.Outcomes[0];
                    foreach (Outcome outcome in group.Outcomes)
                    {
                        ImmutableArray<PathStep> way = [.. first.Path[..group.SharedStart], .. group.OwnSteps(outcome),
                            .. first.Path[(first.Path.Length - group.SharedEnd)..]];
                        Assert.Equal(outcome.Path.Select(Told), way.Select(Told));
                    }
                    together += group.Outcomes.Count - 1;
                }
            }
        }
        Assert.True(together > 10, $"only {together} ends were told with another");
    }

    [Fact]
    public void Endpoints_share_one_way_and_have_two_rules_each_of_their_own()
    {
        TraceResult trace = Dumps.Trace(Dumps.Read(Dumps.Save136), Dumps.Tcp("203.0.113.9", "172.30.10.1", 80));

        OutcomeGroup group = Assert.Single(OutcomeGroup.Of(trace.Outcomes));

        Assert.Equal(3, group.Outcomes.Count);
        Assert.Equal(
            ["KUBE-SVC-67NZLRHBNDSAWJRO KUBE-SEP-FZQ6KZLGXRSKN2AD", "KUBE-SVC-67NZLRHBNDSAWJRO KUBE-SEP-F45V6TZZSXLO3WFM",
                "KUBE-SVC-67NZLRHBNDSAWJRO KUBE-SEP-B6B75Z6B5OC7A4K2"],
            group.Outcomes.Select(outcome => string.Join(' ',
                group.OwnSteps(outcome).Where(static step => step.Place is not null).Select(static step => step.Place!.Chain.Name))));
    }

    [Fact]
    public void An_end_that_is_masqueraded_is_told_apart_from_those_that_are_not()
    {
        TraceResult trace = Dumps.Trace(Dumps.Read(Dumps.Save136), Dumps.Tcp("10.244.2.10", "172.30.10.1", 80));

        Assert.Equal([[false, false], [true]], OutcomeGroup.Of(trace.Outcomes)
            .Select(static group => group.Outcomes.Select(static outcome => outcome.IsMasqueraded)).OrderBy(static group => group.First()));
    }

    private static Comparer<Outcome> ByText { get; } =
        Comparer<Outcome>.Create(static (one, other) => string.CompareOrdinal(OutcomeText.Of(one), OutcomeText.Of(other)));

    private static string Told(PathStep step) => $"{step.Kind} {step.Hook} {step.Place} {step.Table?.Name} {step.Chain?.Name} {step.Text}";
}
