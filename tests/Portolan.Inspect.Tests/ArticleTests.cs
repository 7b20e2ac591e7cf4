using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>The article's own listing leads to the article's conclusions.</summary>
public sealed class ArticleTests
{
    private static readonly Ruleset s_rules = Dumps.Read(Dumps.Article);
    private static readonly ServiceCatalogue s_catalogue = ServiceCatalogue.Read(s_rules);
    private static readonly ProgrammedService s_service = Assert.Single(s_catalogue.Services);

    [Fact]
    public void The_seven_endpoints_have_equal_shares_and_the_last_rule_has_no_probability()
    {
        Assert.Equal("default/testsvc", s_service.DisplayName);
        Assert.Equal(7, s_service.Endpoints.Length);
        Assert.All(s_service.Endpoints, endpoint => Assert.Equal("1/7", ShareText.Of(endpoint.Share)));
        Assert.Equal(["0.14286000002", "0.16667000018", "0.20000000019", "0.25000000000", "0.33332999982", "0.50000000000", ""],
            s_service.Endpoints.Select(endpoint => endpoint.Printed));
    }

    [Fact]
    public void Only_the_endpoint_whose_chain_is_shown_has_an_address()
    {
        ProgrammedEndpoint known = Assert.Single(s_service.Endpoints, endpoint => endpoint.Address.Family != IpFamily.None);
        Assert.Equal("172.31.9.52:80", known.Text);
        Assert.Equal("KUBE-SEP-BVMKBOC4GGNJ3567", known.Chain);
    }

    [Fact]
    public void The_load_balancer_drops_outsiders_for_lack_of_local_endpoints()
    {
        ProgrammedFrontend frontend = Assert.Single(s_service.Frontends, item => item.Kind == ProgrammedKind.LoadBalancer);
        Assert.Equal("172.6.6.6:443", frontend.Text);
        Assert.Equal(ProgrammedState.Dropped, frontend.State);
        Assert.True(s_service.IsExternalLocal);

        ExplainedPath walk = ExplainedPath(ProgrammedKind.LoadBalancer, ClientPlace.Outside);
        string[] chains = [.. walk.Steps.Select(step => step.Place.Chain.Name)];
        Assert.Equal(["PREROUTING", "KUBE-SERVICES", "KUBE-FW-M42ZCW2EYUCRBVAF", "KUBE-XLB-M42ZCW2EYUCRBVAF", "KUBE-MARK-DROP"],
            chains[..5]);
        Assert.Contains(walk.Conclusions, text => text.Contains("marked 0x8000 to be dropped", StringComparison.Ordinal));
        Assert.Contains(walk.Conclusions,
            text => text == "Why: externalTrafficPolicy is Local and default/testsvc has no endpoint on this node.");
    }

    [Fact]
    public void Pods_that_dial_the_load_balancer_are_sent_to_the_service_chain()
    {
        ExplainedPath walk = ExplainedPath(ProgrammedKind.LoadBalancer, ClientPlace.Pod);
        Assert.Contains(walk.Steps, step => step.Place.Chain.Name == "KUBE-XLB-M42ZCW2EYUCRBVAF" && step.Place.Index == 0
            && step.Why == "source 172.31.0.0/16" && step.What.Contains("KUBE-SVC-M42ZCW2EYUCRBVAF", StringComparison.Ordinal));
        Assert.Equal(7, walk.Choice!.Endpoints.Length);
    }

    [Fact]
    public void There_are_two_chains_for_marks()
    {
        var guide = new ChainGuide(s_catalogue);
        Assert.StartsWith("marks packets to be masqueraded", guide.PurposeOf("KUBE-MARK-MASQ"), StringComparison.Ordinal);
        Assert.StartsWith("marks packets to be dropped", guide.PurposeOf("KUBE-MARK-DROP"), StringComparison.Ordinal);
        Assert.Equal("marks the packet 0x4000", ExplainedPath(ProgrammedKind.ClusterIP, ClientPlace.Outside).Steps[2].What);
    }

    [Fact]
    public void What_the_excerpt_leaves_out_is_named_as_unknown()
    {
        ExplainedPath walk = ExplainedPath(ProgrammedKind.LoadBalancer, ClientPlace.Outside);
        Assert.Contains(walk.Unknowns, text => text.Contains("leaves out rules of chain KUBE-SERVICES", StringComparison.Ordinal));
        Assert.Contains(walk.Unknowns, text => text.Contains("filter", StringComparison.Ordinal));

        TraceResult trace = Dumps.Trace(s_rules, Dumps.Tcp("172.31.4.4", "172.30.5.207", 443), NodeAddresses.Unknown);
        // Of the one endpoint that is shown it is only open whether it is on this node itself.
        Assert.Equal(6.0 / 7, trace.Outcomes.Where(outcome => !OutcomeText.IsOnlyPlaceUnknown(outcome))
            .Sum(outcome => outcome.Probability), 4);
        Outcome known = Assert.Single(trace.Outcomes, OutcomeText.IsOnlyPlaceUnknown);
        Assert.Equal([OutcomeVerdict.Forward, OutcomeVerdict.Local], known.Candidates.Select(candidate => candidate.Verdict));
        Assert.Equal("172.31.9.52:80", known.DestinationText);
    }

    private static ExplainedPath ExplainedPath(ProgrammedKind kind, ClientPlace place) =>
        Assert.Single(new Explainer(s_rules, s_catalogue, NodeAddresses.Unknown, new ChainGuide(s_catalogue)).Explain(s_service, [place]),
            walk => walk.Frontend.Kind == kind);
}
