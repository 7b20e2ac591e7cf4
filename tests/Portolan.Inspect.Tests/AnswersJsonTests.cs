using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>The JSON of answers can be read back into them: whoever renders them elsewhere gets the same data.</summary>
public sealed class AnswersJsonTests
{
    [Theory]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.json")]
    [InlineData("portolan/nft-1.0.6.txt")]
    [InlineData("article.md")]
    public void Answers_survive_their_JSON(string dump)
    {
        Ruleset rules = Dumps.Read(dump);
        ServiceCatalogue services = ServiceCatalogue.Read(rules);
        var guide = new ChainGuide(services);
        var node = new NodeAddresses(null, []);
        AnswersJsonContext context = AnswersJsonContext.Default;

        var all = ServicesAnswer.Of(services.Services);
        Assert.NotEmpty(all.Services);
        Survives(all, context.ServicesAnswer);
        Survives(RulesAnswer.Of(RuleSelection.Of(rules, services, guide, null, null).Places, guide), context.RulesAnswer);
        Survives(ExplainAnswer.Of(services.Find("default/testsvc"), [ClientPlace.Outside, ClientPlace.Pod],
            new Explainer(rules, services, node, guide)), context.ExplainAnswer);
        Survives(GraphAnswer.Of(ChainGraphBuilder.OfAll(rules, guide)), context.GraphAnswer);
        Survives(GraphAnswer.Of(new DecisionGraphBuilder(rules, services, node, guide).Build("x", services.Find("shop/payments"))),
            context.GraphAnswer);
        Survives(CheckAnswer.Of(RuleChecker.Check(new CheckInput(rules, services, node, guide)), rules, services), context.CheckAnswer);
        // Whether the address is the node's own is unknown: ends within an end.
        TraceAnswer trace = TraceAnswer.Of(new PacketSimulator(rules, node).Trace(Dumps.Tcp("203.0.113.9", "192.168.10.11", 30031)), guide);
        Survives(trace, context.TraceAnswer);
    }

    private static void Survives<T>(T answer, JsonTypeInfo<T> type)
    {
        string json = JsonSerializer.Serialize(answer, type);
        T? back = JsonSerializer.Deserialize(json, type);
        Assert.NotNull(back);
        Assert.Equal(json, JsonSerializer.Serialize(back, type));
    }
}
