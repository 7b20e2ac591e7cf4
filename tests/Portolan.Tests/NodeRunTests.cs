using System.Diagnostics;
using System.Text;
using Portolan.Testing.FakeApiServer;
using Portolan.Testing.Proxies;

namespace Portolan.Tests;

/// <summary>--node and kubectl portolan: a command that runs in the proxy's pod on a node, over an API server's websocket.</summary>
public sealed class NodeRunTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly ChartRun _run = new();
    private readonly FakeServer _server = new();
    private readonly string _kubeconfig;

    public NodeRunTests()
    {
        _run.Write("kubeconfig", FakeKubeconfig.For(_server.Address));
        _kubeconfig = Path.Combine(_run.Folder, "kubeconfig");
        foreach (string json in (string[])[Objects.Service, Objects.Slice, Objects.Node])
            _server.Cluster.Apply(json);
    }

    public void Dispose()
    {
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _run.Dispose();
    }

    [Theory]
    [InlineData("v5.channel.k8s.io")]
    [InlineData("v4.channel.k8s.io")]
    public void A_command_runs_on_the_node_and_its_output_and_status_come_back(string protocol)
    {
        _server.Pods.Add(Pod() with
        {
            Protocol = protocol,
            Exec = static async exec =>
            {
                await exec.WriteAsync("SERVICE\n");
                await exec.WriteAsync("portolan: a message\n", isError: true);
                await exec.WriteAsync("shop/wéb\n");
                await exec.EndAsync(3);
            },
        });

        Outcome outcome = Portolan("services", "shop/good", "--node", "node-a", "-o", "wide", "--kubeconfig", _kubeconfig);

        Assert.Equal(new Outcome(3, "SERVICE\nshop/wéb\n", "portolan: a message\n"), outcome);
    }

    [Fact]
    public void The_program_on_the_node_is_given_the_command_without_what_concerns_the_asker()
    {
        string[]? command = null;
        _server.Pods.Add(Pod() with
        {
            Exec = exec =>
            {
                command = exec.Command;
                return exec.EndAsync(0);
            },
        });

        Outcome outcome = Plugin(["trace", "--src", "pod", "--dst", "shop/good", "--reply", "--node", "node-a", "--context", "fake",
            "--proxy-namespace", "kube-system", "-v"], ("KUBECONFIG", _kubeconfig), ("COLUMNS", "77"));

        Assert.Equal(new Outcome(0, "", ""), outcome);
        Assert.Equal(["/usr/local/bin/kube-proxy", "[remote:columns=77,input=0]", "trace", "--src=pod", "--dst=shop/good", "--reply",
            "--verbose"], command!);
    }

    [Fact]
    public void Why_on_the_node_knows_the_clusters_objects_and_the_answer_comes_from_the_nodes_rules()
    {
        using var node = new PortolanRun();
        node.RunProgram("nft", "add table ip filter; add chain ip filter forward { type filter hook forward priority 0; }; " +
            "add rule ip filter forward tcp dport 8080 reject");
        _server.Pods.Add(Pod() with { Exec = exec => exec.RunAsync(StartIn(node, exec.Command)) });

        Outcome outcome = Portolan("why", "shop/good", "--node", "node-a", "--kubeconfig", _kubeconfig);

        // No rules for the service at all, which only somebody who knows that it exists can say.
        Assert.True(outcome.Status == 1, outcome.Errors);
        Assert.Contains("shop/good", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("cause: ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains(_server.Requests, static request => request.Path == "/api/v1/namespaces/shop/services");
    }

    /// <summary>As in the pod of an image that has nft and ip alone.</summary>
    [Fact]
    public void Rules_of_iptables_legacy_that_cannot_be_listed_are_not_passed_over()
    {
        using var node = new PortolanRun();
        if (Testing.Namespaces.Tool.Find("iptables-legacy") is null)
            Assert.Skip("iptables-legacy is not here");
        node.Tools("iptables-legacy", "-A", "FORWARD", "-j", "DROP");
        node.RunProgram("nft", "add table ip other; add chain ip other any; add rule ip other any accept");
        string tools = Directory.CreateDirectory(Path.Combine(node.Folder, "tools")).FullName;
        foreach (string tool in (string[])["nft", "ip"])
            File.Copy(Testing.Namespaces.Tool.Find(tool)!, Path.Combine(tools, tool));

        // The directories of administrators' programs are looked through besides PATH.
        Outcome outcome = node.RunProgram(["unshare", "-m", "sh", "-c", "mount --bind \"$0\" /usr/sbin && PATH=$0 exec \"$@\"", tools,
            .. PortolanBinary.Command.Select(static word => word == "dotnet" ? Testing.Namespaces.Tool.Find(word)! : word), "rules"]);

        Assert.True(outcome.Status == 3, $"{outcome.Status}: {outcome.Output}{outcome.Errors}");
        Assert.Contains("iptables-legacy-save is not installed here, but the kernel has tables of iptables-legacy (filter); its " +
            "rules are " +
            "missing.", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_ends_the_command_on_the_node()
    {
        using var node = new PortolanRun();
        var running = new TaskCompletionSource<Process>();
        _server.Pods.Add(Pod() with
        {
            Exec = async exec =>
            {
                Process process = StartIn(node, exec.Command);
                await exec.WriteAsync("started\n");
                running.SetResult(process);
                await exec.RunAsync(process);
            },
        });
        node.RunProgram("nft", "add table ip nat");
        using Process asker = Start(["watch", "--dst", "10.0.0.1", "--seconds", "600", "--node", "node-a", "--kubeconfig", _kubeconfig]);
        Process there = await running.Task.WaitAsync(s_patience, Cancel);
        Assert.Equal("started", await asker.StandardOutput.ReadLineAsync(Cancel));

        Process.Start("kill", ["-INT", $"{asker.Id}"]).WaitForExit();

        await asker.WaitForExitAsync(Cancel).WaitAsync(s_patience, Cancel);
        Assert.Equal(130, asker.ExitCode);
        await there.WaitForExitAsync(Cancel).WaitAsync(s_patience, Cancel);
    }

    [Fact]
    public void What_a_terminal_would_act_on_is_shown_instead()
    {
        _server.Pods.Add(Pod() with
        {
            Exec = static async exec =>
            {
                // A title, a cursor movement, a C1 control, a colour, an override of the reading direction; cut in the middle of a
                // character.
                byte[] text = Encoding.UTF8.GetBytes("a\u001b]0;owned\u0007b\u001b[2Jc\u009bd\u001b[31mred\u001b[0m\u202eé\r\n");
                foreach (byte[] part in text.Chunk(3))
                    await exec.WriteAsync(part);
                await exec.WriteAsync("e\u001b[3", isError: true);
                await exec.EndAsync(0);
            },
        });

        Outcome outcome = Portolan("rules", "--node", "node-a", "--kubeconfig", _kubeconfig);

        Assert.Equal("a\ufffd]0;owned\ufffdb\ufffd[2Jc\ufffddred\\u202eé\ufffd\n", outcome.Output);
        Assert.Equal("e\ufffd[3", outcome.Errors);
    }

    [Fact]
    public void A_picture_is_written_to_a_file_here()
    {
        string[]? command = null;
        _server.Pods.Add(Pod() with
        {
            Exec = exec =>
            {
                command = exec.Command;
                return exec.WriteAsync("<svg>\n\t<g/></svg>\n").ContinueWith(_ => exec.EndAsync(0)).Unwrap();
            },
        });

        Outcome outcome = Portolan("graph", "shop/good", "--format", "svg", "-o", "picture.svg", "--node", "node-a", "--kubeconfig",
            _kubeconfig);

        Assert.Equal(new Outcome(0, "", ""), outcome);
        Assert.Equal("<svg>\n\t<g/></svg>\n", File.ReadAllText(Path.Combine(_run.Folder, "picture.svg")));
        Assert.DoesNotContain(command!, static word => word.StartsWith("--output", StringComparison.Ordinal));
    }

    [Fact]
    public void A_node_that_does_not_exist_is_told_with_the_nearest_name() =>
        AssertOneLine(["rules", "--node", "node-q"], "the cluster has no node 'node-q'; did you mean node-a?");

    [Fact]
    public void A_node_without_the_proxys_pod_is_told_and_where_was_looked()
    {
        _server.Pods.Add(Pod() with { Label = "something-else" });

        AssertOneLine(["rules", "--node", "node-a"],
            "no pod of the proxy runs on node-a (namespace kube-system, labels k8s-app in (portolan, " +
            "kube-proxy)); --proxy-namespace and --proxy-selector say where else it is.");
        Assert.Equal(0,
            Portolan("rules", "--node", "node-a", "--proxy-selector", "k8s-app=something-else", "--kubeconfig", _kubeconfig).Status);
    }

    [Fact]
    public void A_pod_that_does_not_run_is_told_with_the_reason()
    {
        _server.Pods.Add(Pod() with { IsReady = false, Waiting = ("CrashLoopBackOff", "back-off 5m0s restarting") });

        AssertOneLine(["rules", "--node", "node-a"],
            "kube-system/portolan-1 on node-a does not run: CrashLoopBackOff: back-off 5m0s restarting.");
    }

    [Fact]
    public void A_pod_that_is_not_ready_answers_with_a_warning_and_the_ready_one_of_two_is_asked()
    {
        _server.Pods.Add(Pod() with { IsReady = false, Exec = Says("old") });

        Outcome alone = Portolan("rules", "--node", "node-a", "--kubeconfig", _kubeconfig);
        _server.Pods.Add(Pod() with { Name = "portolan-2", Exec = Says("new") });
        Outcome both = Portolan("rules", "--node", "node-a", "--kubeconfig", _kubeconfig);

        Assert.Equal("old", alone.Output);
        Assert.Contains("kube-system/portolan-1 on node-a is not ready", alone.Errors, StringComparison.Ordinal);
        Assert.Equal(new Outcome(0, "new", ""), both);
    }

    [Fact]
    public void Without_the_right_to_run_commands_the_rule_that_is_missing_is_named()
    {
        _server.Pods.Add(Pod());
        _server.Fault = static request => request.Path.EndsWith("/exec", StringComparison.Ordinal)
            ? new FakeFault { Status = 403, Message = "User jane cannot create resource pods/exec" } : null;

        AssertOneLine(["rules", "--node", "node-a"],
            "not allowed to run a command in kube-system/portolan-1: your user needs the verbs get " +
            "and create on pods/exec in namespace kube-system (deploy/kubectl-rbac.yaml has the rule). The server says: User jane cannot " +
            "create resource pods/exec");
    }

    [Fact]
    public void Without_the_right_to_list_pods_that_is_said()
    {
        _server.Fault = static request => request.Path.EndsWith("/pods", StringComparison.Ordinal)
            ? new FakeFault { Status = 403, Message = "User jane cannot list resource pods" } : null;

        AssertOneLine(["rules", "--node", "node-a"],
            "not allowed to list pods in namespace kube-system (deploy/kubectl-rbac.yaml has the " +
            "rule). The server says: User jane cannot list resource pods");
    }

    [Fact]
    public void A_kubelet_that_cannot_be_reached_is_told()
    {
        _server.Pods.Add(Pod());
        _server.Fault = static request => request.Path.EndsWith("/exec", StringComparison.Ordinal)
            ? new FakeFault { Status = 500, Message = "error dialing backend: dial tcp 10.0.0.7:10250: i/o timeout" } : null;

        AssertOneLine(["rules", "--node", "node-a"],
            "answers 500 to a command in kube-system/portolan-1 on node-a (error dialing backend: dial " +
            "tcp 10.0.0.7:10250: i/o timeout)");
    }

    [Fact]
    public void An_older_program_in_the_pod_is_told_apart_from_a_wrong_command_line()
    {
        _server.Pods.Add(Pod() with
        {
            Exec = static async exec =>
            {
                await exec.WriteAsync("Unrecognized command or argument '[remote:input=0]'.\n", isError: true);
                await exec.EndAsync(1);
            },
        });

        Outcome outcome = Portolan("rules", "--node", "node-a", "--kubeconfig", _kubeconfig);

        Assert.Equal(1, outcome.Status);
        Assert.Contains("/usr/local/bin/kube-proxy in kube-system/portolan-1 on node-a does not know this command or option: it " +
            "is another " +
            "version than this one, or not portolan.", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_container_without_the_program_is_told()
    {
        _server.Pods.Add(Pod() with
        {
            Exec = static exec => exec.EndAsFailedAsync("exec: \"/usr/local/bin/kube-proxy\": no such file or directory"),
        });

        AssertOneLine(["rules", "--node", "node-a"],
            "/usr/local/bin/kube-proxy could not be started in kube-system/portolan-1 on node-a: exec: " +
            "\"/usr/local/bin/kube-proxy\": no such file or directory. Is portolan in that pod?");
    }

    [Fact]
    public void A_connection_that_breaks_in_the_middle_is_told_and_the_status_is_not_that_of_an_answer()
    {
        _server.Pods.Add(Pod() with
        {
            Exec = static async exec =>
            {
                await exec.WriteAsync("half\n");
                await Task.Delay(200);
                exec.Cut();
            },
        });

        Outcome outcome = Portolan("rules", "--node", "node-a", "--kubeconfig", _kubeconfig);

        Assert.Equal((2, "half\n"), (outcome.Status, outcome.Output));
        Assert.Contains("portolan: node-a: the connection was lost before the command ended", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kubeconfig_is_found_as_kubectl_finds_it()
    {
        _server.Pods.Add(Pod() with { Exec = Says("here") });
        // The first file that has a name counts; a file that does not exist is passed over; ~/.kube/config without KUBECONFIG.
        _run.Write("first", """
            {apiVersion: v1, kind: Config, contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}],
             clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}], users: [{name: nobody, user: {}}]}
            """);
        string list = $"{Path.Combine(_run.Folder, "missing")}:{Path.Combine(_run.Folder, "first")}:{_kubeconfig}";
        Directory.CreateDirectory(Path.Combine(_run.Folder, ".kube"));
        File.Copy(_kubeconfig, Path.Combine(_run.Folder, ".kube", "config"));
        string[] ask = ["rules", "--node", "node-a"];

        Assert.Equal(new Outcome(0, "here", ""), Plugin(ask, ("KUBECONFIG", list)));
        Assert.Equal(new Outcome(0, "here", ""), Plugin(ask, ("KUBECONFIG", null), ("HOME", _run.Folder)));
        Assert.Contains("http://127.0.0.1:1/ cannot be reached", Plugin([.. ask, "--context", "nowhere"], ("KUBECONFIG", list)).Errors,
            StringComparison.Ordinal);
        Assert.Contains("has no context 'other'; it has nowhere, fake.",
            Plugin([.. ask, "--context", "other"], ("KUBECONFIG", list)).Errors,
            StringComparison.Ordinal);
        Assert.Contains("No kubeconfig was found", Plugin(ask, ("KUBECONFIG", null), ("HOME", "/nonexistent")).Errors,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Started_as_kubectl_portolan_it_names_itself_so_and_asks_which_node()
    {
        Outcome help = Plugin(["why", "--help"]), bare = Plugin(["why", "shop/good"]), wrong = Plugin(["whi"]);

        Assert.Contains("Usage:\n  kubectl portolan why <what>", help.Output, StringComparison.Ordinal);
        Assert.Contains("\n    kubectl portolan why shop/web\n", help.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("kubectl-portolan", help.Output, StringComparison.Ordinal);
        Assert.Equal(new Outcome(2, "",
            "portolan: Which node's rules? Give --node NAME, or --all-nodes for every one; or a dump with --rules FILE.\n"), bare);
        Assert.Equal(2, wrong.Status);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static FakePod Pod() => new("portolan-1", "node-a");

    private static Func<FakeExec, Task> Says(string text) => async exec =>
    {
        await exec.WriteAsync(text);
        await exec.EndAsync(0);
    };

    /// <summary>Starts what the pod is asked to run, in a node's network namespace; the program in the pod is the one under test.</summary>
    internal static Process StartIn(PortolanRun node, string[] command)
    {
        string[] there = [.. PortolanBinary.Command, .. command[1..]];
        return node.InNode(() => Process.Start(new ProcessStartInfo(there[0], there[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!);
    }

    private void AssertOneLine(string[] arguments, string expected)
    {
        Outcome outcome = Portolan([.. arguments, "--kubeconfig", _kubeconfig]);
        Assert.Equal((2, ""), (outcome.Status, outcome.Output));
        Assert.StartsWith("portolan: ", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains(expected, outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Errors.Count(static c => c == '\n'));
    }

    private Outcome Portolan(params string[] arguments) => _run.Run(arguments);

    private Outcome Plugin(string[] arguments, params (string Name, string? Value)[] environment) =>
        _run.RunAs("/usr/local/bin/kubectl-portolan", arguments, environment);

    private static Process Start(string[] arguments)
    {
        // A shell without job control starts programs in the background with SIGINT ignored, and they hand that down.
        string[] command = ["--default-signal=INT", .. PortolanBinary.Command, .. arguments];
        return Process.Start(new ProcessStartInfo("env", command)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }
}
