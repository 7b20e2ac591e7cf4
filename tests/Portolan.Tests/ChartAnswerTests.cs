using System.Text.Json;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;

namespace Portolan.Tests;

/// <summary>An answer says what it was read from, and one that cannot be written ends in one line.</summary>
public sealed class ChartAnswerTests : IDisposable
{
    private const string Save = "harbor/kube-proxy-1.36/iptables-save.txt";

    private static readonly string[] s_tools =
        ["iptables-nft-save", "iptables-legacy-save", "ip6tables-nft-save", "ip6tables-legacy-save", "nft", "ipset", "ip", "grep"];

    private readonly ChartRun _run = new();

    public ChartAnswerTests() => _run.Copy(Save, "save");

    public void Dispose() => _run.Dispose();

    [Fact]
    public void The_answer_from_dumps_says_on_request_what_was_read_and_what_was_not()
    {
        Outcome plain = _run.Run("services", "--rules", "save", "--rules", "missing", "--json");
        Outcome verbose = _run.Run("services", "--rules", "save", "--rules", "missing", "--json", "-v");

        Assert.Equal((3, 3), (plain.Status, verbose.Status));
        using JsonDocument without = JsonDocument.Parse(plain.Output), with = JsonDocument.Parse(verbose.Output);
        Assert.False(without.RootElement.TryGetProperty("input", out _));
        JsonElement input = with.RootElement.GetProperty("input");
        Assert.Equal("files", input.GetProperty("kind").GetString());
        JsonElement[] sources = [.. input.GetProperty("sources").EnumerateArray()];
        Assert.Equal(["save", "missing"], sources.Select(source => source.GetProperty("name").GetString()));
        Assert.Equal(new FileInfo(Path.Combine(_run.Folder, "save")).Length, sources[0].GetProperty("bytes").GetInt64());
        Assert.Equal("cannot be read: there is no such file", sources[1].GetProperty("error").GetString());
        Assert.DoesNotContain("read save:", plain.Errors, StringComparison.Ordinal);
        Assert.Contains("portolan: read save: ", verbose.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("services")]
    [InlineData("services", "--json")]
    [InlineData("explain", "shop/web")]
    [InlineData("check", "--json")]
    [InlineData("graph", "--all", "--format", "svg")]
    [InlineData("trace", "--src", "203.0.113.9", "--dst", "172.30.10.1", "--dport", "80")]
    public void An_answer_to_a_full_disk_is_one_line_and_status_2(params string[] command)
    {
        string program = string.Join(' ', PortolanBinary.Command.Select(word => $"'{word}'"));
        var start = new System.Diagnostics.ProcessStartInfo("sh",
            ["-c", $"{program} {string.Join(' ', command)} --rules save > /dev/full"])
        {
            WorkingDirectory = _run.Folder,
            RedirectStandardError = true,
        };
        using var process = System.Diagnostics.Process.Start(start)!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();

        Assert.Equal(2, process.ExitCode);
        Assert.Contains("No space left on device", Assert.Single(errors.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_change_the_order_of_reading_are_shown_escaped()
    {
        _run.Write("odd", File.ReadAllText(Path.Combine(ChartRun.Data, Save)).Replace("shop/web:http", "shop/w\u202eb:http",
            StringComparison.Ordinal));

        foreach (string[] command in (string[][])[["services"], ["rules"], ["check"], ["explain", "shop/w\u202eb"]])
        {
            Outcome outcome = _run.Run([.. command, "--rules", "odd"]);
            Assert.DoesNotContain('\u202e', outcome.Output + outcome.Errors);
        }
        Assert.Contains("shop/w\\u202eb", _run.Run("services", "--rules", "odd").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_answer_from_a_live_node_says_which_commands_were_run_and_which_failed()
    {
        string path = FakeTools();
        Outcome outcome = _run.Run(["services", "--json"], input: null, ("PATH", path));

        Assert.Equal(3, outcome.Status);
        Assert.Equal("portolan: nft -j list ruleset failed with status 1: Operation not permitted; its rules are missing.\n",
            outcome.Errors);
        using JsonDocument answer = JsonDocument.Parse(outcome.Output);
        Assert.NotEmpty(answer.RootElement.GetProperty("services").EnumerateArray());
        JsonElement input = answer.RootElement.GetProperty("input");
        Assert.Equal("live", input.GetProperty("kind").GetString());
        Assert.False(input.TryGetProperty("netns", out _));
        Assert.Equal([Path.Combine(path, "iptables-nft-save"), "-c"], Command(input, "iptables-nft-save -c"));
        JsonElement failed = Source(input, "nft -j list ruleset");
        Assert.Equal(1, failed.GetProperty("status").GetInt32());
        Assert.Equal("failed with status 1: Operation not permitted", failed.GetProperty("error").GetString());
    }

    [Fact]
    public void The_network_namespace_is_part_of_what_was_run()
    {
        string path = FakeTools();
        Outcome outcome = _run.Run(["services", "--json", "--netns", "node", "-v"], input: null, ("PATH", path));

        using JsonDocument answer = JsonDocument.Parse(outcome.Output);
        JsonElement input = answer.RootElement.GetProperty("input");
        Assert.Equal("node", input.GetProperty("netns").GetString());
        Assert.Equal([Path.Combine(path, "ip"), "netns", "exec", "node", Path.Combine(path, "iptables-nft-save"), "-c"],
            Command(input, "iptables-nft-save -c"));
        Assert.Contains($"portolan: ran {path}/ip netns exec node {path}/iptables-nft-save -c: ", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_no_rules_can_be_read_the_error_says_what_was_run()
    {
        string path = FakeTools();
        Script(path, "iptables-nft-save", "exit 0");

        Outcome outcome = _run.Run(["services"], input: null, ("PATH", path));

        Assert.Equal(2, outcome.Status);
        Assert.Contains($"No rules could be read: neither iptables-save nor nft produced any (ran {path}/iptables-nft-save -c: 0 bytes; ",
            outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("failed with status 1: Operation not permitted", outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("services --rules save", "/dev/full")]
    [InlineData("services --rules save --json", "/dev/full")]
    [InlineData("graph --all --rules save", "/dev/full")]
    [InlineData("completion bash", "/dev/full")]
    [InlineData("services --help", "/dev/full")]
    [InlineData("services --rules save", "&-")]
    [InlineData("services --rules save --json", "&-")]
    public void An_answer_that_cannot_be_written_is_one_line_and_status_2(string command, string target)
    {
        (int status, string errors) = Shell($"exec {Portolan} {command} >{target}");

        Assert.Equal(2, status);
        Assert.StartsWith("portolan: ", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("defect", errors, StringComparison.Ordinal);
        Assert.Single(errors.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Nothing_is_said_when_the_reader_of_a_pipe_has_seen_enough()
    {
        (_, string errors) = Shell($"{Portolan} rules --all --rules save | true");

        Assert.Equal(string.Empty, errors);
    }

    [Fact]
    public void Nowhere_to_write_at_all_still_ends_with_status_2()
    {
        (int status, string errors) = Shell($"exec {Portolan} services --rules save >/dev/full 2>/dev/full");

        Assert.Equal((2, string.Empty), (status, errors));
    }

    private static string Portolan => string.Join(' ', PortolanBinary.Command);

    /// <summary>
    /// Programs in place of those that list the kernel's rules: one lists a dump, nft fails, the others have nothing to list.
    /// </summary>
    private string FakeTools()
    {
        string path = Directory.CreateDirectory(Path.Combine(_run.Folder, "bin")).FullName;
        foreach (string tool in s_tools)
            Script(path, tool, "exit 0");
        Script(path, "iptables-nft-save", $"exec /bin/cat '{Path.Combine(_run.Folder, "save")}'");
        Script(path, "nft", "echo 'Operation not permitted' >&2; exit 1");
        Script(path, "ip", "[ \"$1\" = netns ] || exit 0; shift 3; exec \"$@\"");
        return path;
    }

    private static void Script(string folder, string name, string text)
    {
        string file = Path.Combine(folder, name);
        File.WriteAllText(file, $"#!/bin/sh\n{text}\n");
        Tool.Run("chmod", ["755", file]);
    }

    private static JsonElement Source(JsonElement input, string name) =>
        input.GetProperty("sources").EnumerateArray().Single(source => source.GetProperty("name").GetString() == name);

    private static string?[] Command(JsonElement input, string name) =>
        [.. Source(input, name).GetProperty("command").EnumerateArray().Select(word => word.GetString())];

    private (int Status, string Errors) Shell(string script)
    {
        var start = new System.Diagnostics.ProcessStartInfo("sh", ["-c", script])
        {
            WorkingDirectory = _run.Folder,
            RedirectStandardError = true
        };
        using var process = System.Diagnostics.Process.Start(start)!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, errors);
    }
}
