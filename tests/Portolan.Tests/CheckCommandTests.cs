using System.Text.Json;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Tests;

/// <summary>portolan check on the command line: exit statuses, and comparing with manifests and with an API server.</summary>
public sealed class CheckCommandTests : IDisposable
{
    private readonly ChartRun _run = new();

    public CheckCommandTests()
    {
        _run.Copy("harbor/kube-proxy-1.36/iptables-save.txt", "dump.txt");
        _run.Copy("harbor/cluster.yaml", "cluster.yaml");
    }

    public void Dispose() => _run.Dispose();

    [Fact]
    public void A_clean_dump_ends_with_0_and_says_what_was_looked_at()
    {
        Outcome outcome = _run.Run("check", "--rules", "dump.txt");
        Assert.Equal((0, "No findings: 15 service ports, 185 rules.\n", ""), (outcome.Status, outcome.Output, outcome.Errors));
    }

    [Fact]
    public void A_finding_says_severity_rule_explanation_and_what_to_do_and_ends_with_1()
    {
        _run.Write("broken.txt", File.ReadAllText(Path.Combine(_run.Folder, "dump.txt"))
            .Replace("0.33333333349 -j KUBE-SEP-FZQ6KZLGXRSKN2AD", "0.9 -j KUBE-SEP-FZQ6KZLGXRSKN2AD", StringComparison.Ordinal));
        Outcome outcome = _run.Run("check", "--rules", "broken.txt");
        Assert.Equal(1, outcome.Status);
        string[] lines = outcome.Output.TrimEnd().Split('\n');
        Assert.Equal(5, lines.Length);
        Assert.Equal("warning: shop/web:http: unequal-shares", lines[0]);
        Assert.StartsWith("  rule  nat KUBE-SVC-67NZLRHBNDSAWJRO rule 2 (broken.txt:", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("  what  The 3 endpoints do not get equal shares", lines[2], StringComparison.Ordinal);
        Assert.StartsWith("  do    ", lines[3], StringComparison.Ordinal);
        Assert.Equal("1 finding in 15 service ports, 185 rules.", lines[4]);

        using JsonDocument json = JsonDocument.Parse(_run.Run("check", "--rules", "broken.txt", "--json").Output);
        JsonElement finding = json.RootElement.GetProperty("findings").EnumerateArray().Single();
        Assert.Equal("unequal-shares", finding.GetProperty("code").GetString());
        Assert.Equal("KUBE-SVC-67NZLRHBNDSAWJRO", finding.GetProperty("chain").GetString());
    }

    [Fact]
    public void Manifests_that_agree_are_clean_and_a_dump_of_one_family_says_that_the_other_is_not_compared()
    {
        Outcome outcome = _run.Run("check", "--rules", "dump.txt", "--manifests", "cluster.yaml", "--node", "node-a", "--pod-cidr",
            "10.244.0.0/16");
        Assert.Equal(0, outcome.Status);
        Assert.Contains("note: The input has no nat rules of IPv6", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_API_server_that_agrees_is_clean_and_one_that_has_more_or_less_is_not()
    {
        await using FakeServer server = Harbor();
        string[] check = ["check", "--rules", "dump.txt", "--kubeconfig", Kubeconfig(server), "--node", "node-a"];
        Outcome outcome = _run.Run(check);
        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));

        server.Cluster.Apply("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"new","namespace":"shop"},"spec":{"clusterIP":"172.30.10.77","clusterIPs":["172.30.10.77"],"ports":[{"port":80}]}}""");
        server.Cluster.Delete(FakeResource.Services, "shop", "web");
        outcome = _run.Run(check);
        Assert.Equal(1, outcome.Status);
        Assert.Contains("error: shop/new: service-without-rules", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("error: shop/web:http: rules-without-service", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Requests, request => request.IsWatch);
    }

    [Fact]
    public async Task An_API_server_that_refuses_or_does_not_know_the_node_is_one_line_and_2()
    {
        await using FakeServer server = Harbor();
        string kubeconfig = Kubeconfig(server);
        AssertOneLine(_run.Run("check", "--rules", "dump.txt", "--kubeconfig", kubeconfig, "--node", "nobody"), "has no node 'nobody'");
        server.Fault = request => request.Resource == FakeResource.EndpointSlices ? new FakeFault { Status = 403 } : null;
        AssertOneLine(_run.Run("check", "--rules", "dump.txt", "--kubeconfig", kubeconfig, "--node", "node-a"),
            "not allowed to list and watch endpointslices");
        await server.StopAsync();
        AssertOneLine(_run.Run("check", "--rules", "dump.txt", "--kubeconfig", kubeconfig, "--node", "node-a"), "cannot be reached");
    }

    [Theory]
    [InlineData("does not exist", "--kubeconfig", "missing.conf")]
    [InlineData("cannot be used", "--kubeconfig", "dump.txt")]
    [InlineData("not a pod with a service account", "--in-cluster")]
    [InlineData("missing/ does not exist", "--manifests", "missing/")]
    [InlineData("'10.244/16' is not a range", "--pod-cidr", "10.244/16")]
    public void What_cannot_be_compared_with_is_one_line_and_2(string message, params string[] arguments)
    {
        AssertOneLine(_run.Run(["check", "--rules", "dump.txt", .. arguments]), message);
    }

    [Fact]
    public void Manifests_and_an_API_server_together_are_refused()
    {
        Outcome outcome = _run.Run("check", "--rules", "dump.txt", "--manifests", "cluster.yaml", "--in-cluster");
        Assert.Equal(2, outcome.Status);
        Assert.Contains("Only one of --manifests, --kubeconfig and --in-cluster", outcome.Errors, StringComparison.Ordinal);
    }

    private static void AssertOneLine(Outcome outcome, string message)
    {
        Assert.Equal((2, ""), (outcome.Status, outcome.Output));
        Assert.Contains(message, outcome.Errors, StringComparison.Ordinal);
        Assert.Single(outcome.Errors.TrimEnd('\n').Split('\n'));
    }

    private static FakeServer Harbor()
    {
        var server = new FakeServer();
        ManifestObjects.ApplyTo(server.Cluster, Path.Combine(ChartRun.Data, "harbor/cluster.yaml"));
        server.Cluster.Apply("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"kubernetes","namespace":"default"},"spec":{"clusterIP":"172.30.0.1","clusterIPs":["172.30.0.1"],"ports":[{"name":"https","port":443}]}}""");
        server.Cluster.Apply("""{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"kubernetes","namespace":"default","labels":{"kubernetes.io/service-name":"kubernetes"}},"addressType":"IPv4","ports":[{"name":"https","port":8443}],"endpoints":[{"addresses":["10.97.0.1"]}]}""");
        return server;
    }

    private string Kubeconfig(FakeServer server)
    {
        _run.Write("kubeconfig", FakeKubeconfig.For(server.Address));
        return "kubeconfig";
    }
}
