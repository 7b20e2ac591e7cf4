using System.Globalization;
using System.Text.Json;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Tests;

/// <summary>--all-nodes: every node of a cluster is asked, and the answers are grouped.</summary>
public sealed class AllNodesTests : IDisposable
{
    private readonly ChartRun _run = new();
    private readonly FakeServer _server = new();

    public AllNodesTests()
    {
        _run.Write("kubeconfig", FakeKubeconfig.For(_server.Address));
    }

    public void Dispose()
    {
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _run.Dispose();
    }

    [Fact]
    public void Five_hundred_nodes_are_counted_by_what_they_do_and_those_that_fail_are_named()
    {
        for (int i = 0; i < 500; i++)
            AddNode($"node-{i:000}", i is 7 or 9 or 12 ? Dropped(i) : Works(i));

        Outcome outcome = Why();

        Assert.True(outcome.Status == 1, outcome.Errors);
        Assert.Equal("shop/web: 497 nodes serve it; 3 drop it from outside the cluster: node-007, node-009, node-012",
            outcome.Output.Split('\n')[0]);
        Assert.Contains("\nnode-007, node-009, node-012:\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("  shop/web:http at 172.30.0.80:80 from outside the cluster: dropped\n    cause: no-local-endpoint: none " +
            "on node 7 " +
            "(words of node-007)\n    mend:  run one here\n", outcome.Output, StringComparison.Ordinal);
        Assert.EndsWith("500 of 500 nodes answered.\n", outcome.Output, StringComparison.Ordinal);
        Assert.InRange(_server.Execs.Most, 2, 16);
    }

    [Fact]
    public void Nodes_that_do_not_answer_are_named_and_never_counted_as_healthy()
    {
        AddNode("node-a", Works(1));
        AddNode("silent", "", static exec => exec.ReadInputAsync(static _ => Task.CompletedTask));
        AddNode("garbage", "", static exec => End(exec, "<html>", 0));
        AddNode("foreign", "", static exec => End(exec, """{"kind":"Status"}""", 0));
        AddNode("crashed", "", static exec => End(exec, "", 2, "portolan: No rules could be read: reading them needs root.\n"));
        AddNode("older", "", static exec => End(exec, "", 1, "Unrecognized command or argument '[remote:input=0]'.\n"));
        AddNode("cut", "", static exec =>
        {
            exec.Cut();
            return Task.CompletedTask;
        });
        AddNode("endless", "", static async exec =>
        {
            byte[] much = new byte[1 << 20];
            for (int i = 0; i < 100; i++)
                await exec.WriteAsync(much);
        });
        AddNode("stopped", "", waiting: ("ImagePullBackOff", ""));
        _server.Cluster.Apply(Node("without-pod"));

        Outcome outcome = Why("--timeout", "3");

        Assert.True(outcome.Status == 3, outcome.Output + outcome.Errors);
        string[] lines = outcome.Output.Split('\n');
        Assert.StartsWith("shop/web: 1 node serves it; 9 did not answer: crashed, cut, endless, foreign, ", lines[0],
            StringComparison.Ordinal);
        foreach (string reason in (string[])["silent: no answer within 3 s", "garbage: its answer cannot be read",
            "foreign: its answer cannot be read", "crashed: No rules could be read: reading them needs root.",
            "older: /usr/local/bin/kube-proxy in kube-system/portolan-older on older does not know this command",
                "cut: cut: the connection was lost",
            "endless: its answer is longer than answers are", "stopped: kube-system/portolan-stopped does not run: ImagePullBackOff",
            "without-pod: no pod of the proxy runs there"])
            Assert.Contains(lines, line => line.StartsWith($"  {reason}", StringComparison.Ordinal));
        Assert.Contains("1 of 10 nodes answered.", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_of_other_systems_are_not_asked_for()
    {
        AddNode("node-a", Works(1));
        _server.Cluster.Apply("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"win","labels":{"kubernetes.io/os":"windows"}}}""");

        Assert.Equal("shop/web: 1 node serves it", Why().Output.Split('\n')[0]);
    }

    [Fact]
    public void What_was_read_in_part_is_not_taken_for_health_and_a_node_without_the_service_is_told()
    {
        AddNode("node-a", Works(1));
        AddNode("half", "", static exec => End(exec, Works(1), 3));
        AddNode("empty", "", static exec => End(exec, "", 1, "portolan: The rules have no service 'shop/web'.\n"));

        Outcome outcome = Why();

        Assert.Equal(1, outcome.Status);
        Assert.Equal("shop/web: 1 node serves it; 1 serves it as far as it could read its rules: half; 1 has no rules for it: empty",
            outcome.Output.Split('\n')[0]);
        Assert.Contains("  shop/web: not-in-rules\n    cause: The rules have no service 'shop/web'.", outcome.Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_right_to_list_nodes_the_answer_says_that_some_may_be_missing()
    {
        AddNode("node-a", Works(1));
        _server.Fault = static request => request.Path == "/api/v1/nodes"
            ? new FakeFault { Status = 403, Message = "jane cannot list nodes" } : null;

        Outcome outcome = Why();

        Assert.Equal(3, outcome.Status);
        Assert.Contains("note: nodes without a pod of the proxy are not known: not allowed to list nodes", outcome.Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public void As_JSON_the_groups_have_all_names_and_what_nodes_say_cannot_forge_anything()
    {
        AddNode("node-a", Works(1));
        AddNode("node-b", Dropped(2).Replace("none on node 2", "\\u001b[2J\\u202e", StringComparison.Ordinal));
        AddNode("node-c", "", static exec => End(exec, "no", 0));

        Outcome json = Why("--json"), text = Why();

        JsonElement answer = JsonDocument.Parse(json.Output).RootElement;
        Assert.Equal(("shop/web", 3, 2), (answer.GetProperty("what").GetString(), answer.GetProperty("asked").GetInt32(),
            answer.GetProperty("answered").GetInt32()));
        JsonElement[] groups = [.. answer.GetProperty("groups").EnumerateArray()];
        Assert.Equal(["fails", "works"], groups.Select(static group => group.GetProperty("state").GetString()));
        Assert.Equal("node-b", groups[0].GetProperty("nodes")[0].GetString());
        Assert.Equal("no-local-endpoint", groups[0].GetProperty("items")[0].GetProperty("code").GetString());
        Assert.Equal("node-c", answer.GetProperty("silent")[0].GetProperty("node").GetString());
        Assert.DoesNotContain('\u001b', json.Output + text.Output);
        Assert.DoesNotContain('\u202e', text.Output);
    }

    [Fact]
    public void Check_groups_findings()
    {
        const string finding = """
            {"findings":[{"severity":"error","subject":"shop/web:http","code":"unequal-shares","explanation":"E","advice":"A",
             "table":"nat","chain":"KUBE-SVC","rule":3}]}
            """;
        AddNode("node-a", """{"findings":[]}""");
        AddNode("node-b", "", static exec => End(exec, finding, 1));
        AddNode("node-c", "", static exec => End(exec, finding, 1));

        Outcome outcome = _run.Run("check", "--all-nodes", "--kubeconfig", "kubeconfig");

        Assert.Equal(1, outcome.Status);
        Assert.Equal("1 node has no findings; 2 have 1 finding: node-b, node-c", outcome.Output.Split('\n')[0]);
        Assert.Contains("  error: shop/web:http: unequal-shares\n    cause: E (nat KUBE-SVC rule 3)\n    mend:  A\n", outcome.Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Real_nodes_answer_from_their_own_rules()
    {
        using var good = new PortolanRun();
        using var broken = new PortolanRun();
        foreach (PortolanRun node in (PortolanRun[])[good, broken])
        {
            node.Manifest("good.yaml", Manifest.GoodService);
            node.StartProxy(node.Configuration());
            await node.UntilSyncedAsync(1);
        }
        broken.Tools("nft", "add table ip firewall; add chain ip firewall forward { type filter hook forward priority 0; }; " +
            "add rule ip firewall forward ip daddr 10.244.0.0/16 reject");
        AddNode("node-a", "", exec => exec.RunAsync(NodeRunTests.StartIn(good, exec.Command)));
        AddNode("node-b", "", exec => exec.RunAsync(NodeRunTests.StartIn(broken, exec.Command)));

        Outcome outcome = _run.Run("why", "shop/good", "--from", "outside", "--no-probe", "--all-nodes", "--kubeconfig", "kubeconfig",
            "--timeout", "120");

        Assert.True(outcome.Status == 1, outcome.Output + outcome.Errors);
        Assert.StartsWith("shop/good: 1 node serves it; 1 rejects it: node-b\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("cause: stopped-by-rule: firewall forward rule 1 rejects it", outcome.Output, StringComparison.Ordinal);
    }

    private static string Works(int i) => string.Create(CultureInfo.InvariantCulture, $$"""
        {"diagnoses":[
         {"subject":"shop/web:http at 172.30.0.80:80","client":"from a pod (10.244.{{i}}.9)","state":"works",
          "verdict":"goes to 10.244.{{i}}.7:80","code":null,"cause":null,"mend":null},
         {"subject":"shop/web:http at 172.30.0.80:80","client":"from outside the cluster","state":"works","verdict":"goes to 10.244.0.7:80",
          "code":null,"cause":null,"mend":null}],"notes":[]}
        """);

    private static string Dropped(int i) => string.Create(CultureInfo.InvariantCulture, $$"""
        {"diagnoses":[
         {"subject":"shop/web:http at 172.30.0.80:80","client":"from outside the cluster","state":"fails","verdict":"dropped",
          "code":"no-local-endpoint","cause":"none on node {{i}}","mend":"run one here","fieldOfALaterVersion":1},
         {"subject":"shop/web:http at 172.30.0.80:80","client":"from a pod (10.244.{{i}}.9)","state":"works",
          "verdict":"goes to 10.244.{{i}}.7:80","code":null,"cause":null,"mend":null}],"notes":[]}
        """);

    private static async Task End(FakeExec exec, string output, int status, string errors = "")
    {
        // In two pieces, as it comes over a network.
        await exec.WriteAsync(output[..(output.Length / 2)]);
        await exec.WriteAsync(output[(output.Length / 2)..]);
        if (errors.Length > 0)
            await exec.WriteAsync(errors, isError: true);
        await exec.EndAsync(status);
    }

    private static string Node(string name) => $$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{name}}" } }""";

    private void AddNode(string name, string answer, Func<FakeExec, Task>? exec = null, (string, string)? waiting = null)
    {
        _server.Cluster.Apply(Node(name));
        _server.Pods.Add(new FakePod($"portolan-{name}", name)
        {
            Waiting = waiting,
            Exec = exec ?? (one => End(one, answer, answer.Contains("\"fails\"", StringComparison.Ordinal) ? 1 : 0)),
        });
    }

    private Outcome Why(params string[] more) => _run.Run(["why", "shop/web", "--all-nodes", "--kubeconfig", "kubeconfig", .. more]);
}
