using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Portolan.Testing.Proxies;

namespace Portolan.Tests;

/// <summary>What the console answers to programs, and to pages that are not its own. Its page is tested in a browser.</summary>
public sealed class ConsoleTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string Harbor => Path.Combine(AppContext.BaseDirectory, "data", "harbor");

    private static string Dump => Path.Combine(Harbor, "kube-proxy-1.36", "iptables-save.txt");

    [Fact]
    public async Task The_first_screen_has_the_broken_service_first_with_its_cause()
    {
        using var console = Start("--rules", Dump, "--manifests", Path.Combine(Harbor, "cluster.yaml"), "--node", "node-a");

        JsonElement home = await HomeAsync(console);

        JsonElement[] rows = [.. home.GetProperty("rows").EnumerateArray()];
        Assert.Equal(("shop/empty:http", "fails", "no-endpoints"), Of(rows[0]));
        Assert.Equal(("default/testsvc", "limited", "no-local-endpoint"), Of(rows[1]));
        Assert.Equal("from outside", Assert.Single(rows[1].GetProperty("who").EnumerateArray()).GetString());
        Assert.All(rows[3..], row => Assert.Equal("works", row.GetProperty("state").GetString()));
        JsonElement web = rows.Single(row => row.GetProperty("name").GetString() == "shop/cart:http");
        Assert.Equal(["172.30.10.2:80", "*:30080"], web.GetProperty("frontends").EnumerateArray()
            .Select(frontend => frontend.GetProperty("text").GetString()));
        Assert.Equal("equal", web.GetProperty("shares").GetString());
    }

    [Fact]
    public async Task A_question_is_answered_as_the_command_answers_it()
    {
        using var console = Start("--rules", Dump);

        JsonElement answer = await JsonAsync(console, "api/ask/trace?src=outside&dst=shop/cart");

        using var chart = new ChartRun();
        Outcome command = chart.Run("trace", "--src", "outside", "--dst", "shop/cart", "--rules", Dump, "-v", "--json");
        Assert.Equal(JsonSerializer.Serialize(JsonDocument.Parse(command.Output).RootElement),
            JsonSerializer.Serialize(answer.GetProperty("answer")));
        Assert.Equal(command.Status, answer.GetProperty("status").GetInt32());
        Assert.Equal($"portolan trace --src=outside --dst=shop/cart --rules={Dump}", answer.GetProperty("command").GetString());
    }

    [Fact]
    public async Task The_cluster_is_that_of_the_node_that_was_named()
    {
        string cluster = Path.Combine(Harbor, "cluster.yaml");
        using var console = Start("--rules", Dump, "--manifests", cluster, "--node", "node-a");

        JsonElement answer = await JsonAsync(console, "api/ask/check");

        using var chart = new ChartRun();
        Outcome command = chart.Run("check", "--rules", Dump, "--manifests", cluster, "--node", "node-a", "-v", "--json");
        Assert.Equal(JsonSerializer.Serialize(JsonDocument.Parse(command.Output).RootElement),
            JsonSerializer.Serialize(answer.GetProperty("answer")));
    }

    [Theory]
    [InlineData("api/ask/why?what=x&rules=/etc/passwd", "'why' has no option 'rules' here.")]
    [InlineData("api/ask/graph?what=x&output=/tmp/x", "'graph' has no option 'output' here.")]
    [InlineData("api/ask/proxy?cleanup=true", "There is no such question.")]
    [InlineData("api/ask/watch?dst=10.0.0.1", "There is no such question.")]
    public async Task Nothing_that_the_page_sends_names_files_or_changes_anything(string address, string error)
    {
        using var console = Start("--rules", Dump);

        using HttpResponseMessage answer = await console.Http.GetAsync(address, Cancel);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        string body = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.Equal(error, JsonDocument.Parse(body).RootElement.GetProperty("error").GetString());
    }

    [Theory]
    [InlineData("@/etc/passwd")]
    [InlineData("--rules=/etc/passwd")]
    [InlineData("<img src=x onerror=alert(1)>")]
    public async Task Whatever_is_asked_about_is_a_name(string what)
    {
        using var console = Start("--rules", Dump);

        JsonElement answer = await JsonAsync(console, $"api/ask/why?what={Uri.EscapeDataString(what)}");

        Assert.Equal(JsonValueKind.Null, answer.GetProperty("answer").ValueKind);
        Assert.StartsWith($"The rules have no service '{what}'", answer.GetProperty("messages")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_of_another_site_gets_nothing()
    {
        using var console = Start("--rules", Dump);

        // A name of its own that points here.
        using var rebound = new HttpRequestMessage(HttpMethod.Get, "api/home");
        rebound.Headers.Host = "evil.example:8484";
        using HttpResponseMessage refused = await console.Http.SendAsync(rebound, Cancel);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, refused.StatusCode);

        foreach ((string name, string value) in ((string, string)[])[("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")])
        {
            using var foreign = new HttpRequestMessage(HttpMethod.Post, "api/drop");
            foreign.Content = new ByteArrayContent(File.ReadAllBytes(Dump));
            foreign.Headers.Add(name, value);
            using HttpResponseMessage answer = await console.Http.SendAsync(foreign, Cancel);
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        }

        using HttpResponseMessage own = await console.Http.GetAsync("api/state", Cancel);
        Assert.Contains("default-src 'self'", own.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("nosniff", own.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.False(own.Headers.Contains("Access-Control-Allow-Origin"));
        using HttpResponseMessage change = await console.Http.PutAsync("api/home", null, Cancel);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, change.StatusCode);
    }

    [Fact]
    public async Task A_dropped_file_is_looked_at_and_one_without_rules_is_refused_with_a_reason()
    {
        using var console = Start("--rules", Dump);

        byte[] old = File.ReadAllBytes(Path.Combine(Harbor, "kube-proxy-1.20", "iptables-save.txt"));
        JsonElement dropped = await DropAsync(console, old, "old.txt");
        JsonElement state = await JsonAsync(console, $"api/state?source={dropped.GetProperty("source").GetString()}");
        JsonElement why = await JsonAsync(console, $"api/ask/why?what=shop/empty&source={dropped.GetProperty("source").GetString()}");
        Assert.Equal(("dropped", "old.txt"), (state.GetProperty("kind").GetString(), state.GetProperty("title").GetString()));
        Assert.Equal("no-endpoints", why.GetProperty("answer").GetProperty("diagnoses")[0].GetProperty("code").GetString());

        JsonElement nothing = await DropAsync(console, "only words\n"u8.ToArray(), "words.txt");
        Assert.StartsWith("words.txt: no rules were found", nothing.GetProperty("error").GetString(), StringComparison.Ordinal);
        using HttpResponseMessage unknown = await console.Http.GetAsync("api/home?source=0123", Cancel);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task A_file_that_is_too_long_is_refused_and_the_console_goes_on()
    {
        using var console = Start("--rules", Dump);
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/drop");
        request.Content = new ByteArrayContent(new byte[(64 << 20) + 1]);
        request.Headers.ExpectContinue = true;

        HttpStatusCode? status = null;
        try
        {
            using HttpResponseMessage answer = await console.Http.SendAsync(request, Cancel);
            status = answer.StatusCode;
        }
        catch (HttpRequestException)
        {
            // The connection may be closed before all of it is sent.
        }

        Assert.True(status is null or HttpStatusCode.RequestEntityTooLarge, $"{status}");
        Assert.Equal("files", (await JsonAsync(console, "api/state")).GetProperty("kind").GetString());
    }

    [Fact]
    public async Task Beyond_loopback_a_token_is_asked_for()
    {
        using var console = Start("--rules", Dump, "--listen", "0.0.0.0:0");
        string token = Regex.Match(console.Said, @"\?token=([0-9a-f]{32})").Groups[1].Value;
        Assert.NotEmpty(token);

        using HttpResponseMessage without = await console.Http.GetAsync("api/state", Cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, without.StatusCode);
        using var wrong = new HttpRequestMessage(HttpMethod.Get, "api/state");
        wrong.Headers.Authorization = new AuthenticationHeaderValue("Bearer", new string('0', 32));
        using HttpResponseMessage refused = await console.Http.SendAsync(wrong, Cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        using var right = new HttpRequestMessage(HttpMethod.Get, "api/state");
        right.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using HttpResponseMessage answered = await console.Http.SendAsync(right, Cancel);
        Assert.Equal(HttpStatusCode.OK, answered.StatusCode);

        // A browser: the token goes from the address into a cookie that scripts and other sites do not get.
        using HttpResponseMessage opened = await console.Http.GetAsync($"?token={token}", Cancel);
        Assert.Equal(HttpStatusCode.SeeOther, opened.StatusCode);
        string cookie = opened.Headers.GetValues("Set-Cookie").Single();
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task The_proxy_shows_what_happened_and_who_did_it()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration(), "--console", "127.0.0.1:8484");
        await run.UntilSyncedAsync(1);

        run.Tools("nft", "flush", "ruleset");

        await run.UntilAsync(() => run.Get("http://127.0.0.1:8484/api/timeline") is { } timeline
            && Regex.IsMatch(timeline,
                "\"kind\":\"repair\",\"text\":\"nftables: table ip6? portolan was deleted by process \\d+ \\(nft\\)"),
            "the flush in the timeline");
        string entries = run.Get("http://127.0.0.1:8484/api/timeline")!;
        Assert.Matches("\"kind\":\"mode\",\"text\":\"[^\"]+\",\"services\":null,\"milliseconds\":null,\"subject\":null", entries);
        Assert.Contains("\"kind\":\"sync\"", entries, StringComparison.Ordinal);
        Assert.Contains("\"kind\":\"proxy\"", run.Get("http://127.0.0.1:8484/api/state")!, StringComparison.Ordinal);
        Assert.Contains("\"writer\":\"portolan\"", run.Get("http://127.0.0.1:8484/api/home")!, StringComparison.Ordinal);
        Assert.Equal(0, run.StopProxy());
    }

    [Fact]
    public async Task A_service_whose_endpoints_are_elsewhere_is_not_listed_as_broken()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService.Replace("nodeName: node-a", "nodeName: node-b", StringComparison.Ordinal));
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);

        foreach (string[] cluster in (string[][])[[], ["--manifests", run.Manifests, "--node", "node-a"]])
        {
            Outcome outcome = run.Run(["services", "--why", "--no-probe", "--json", .. cluster]);
            JsonElement why = JsonDocument.Parse(outcome.Output).RootElement.GetProperty("services")[0].GetProperty("why");
            Assert.True(why.GetProperty("state").GetString() == "works", $"{why}");
        }
    }

    [Fact]
    public void Without_being_asked_for_the_proxy_has_no_console()
    {
        using var run = new PortolanRun();
        Outcome outcome = run.Run(["proxy", "--console", "nowhere"]);
        Assert.Equal((1, "--console: 'nowhere' is not address:port, such as 127.0.0.1:8484"),
            (outcome.Status, outcome.Errors.Trim()));
    }

    [Fact]
    public async Task Viewers_are_told_when_the_kernels_rules_change()
    {
        using var run = new PortolanRun();
        run.Tools("nft", "add table ip portolan-test");
        run.StartProgram([.. PortolanBinary.Command, "console", "--listen", "127.0.0.1:8484"]);
        await run.UntilAsync(() => run.Get("http://127.0.0.1:8484/api/state") is not null, "the console");
        using Socket viewer = run.Connect("127.0.0.1", 8484);
        viewer.Send("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
        var heard = new StringBuilder();
        void Hear()
        {
            byte[] bytes = new byte[4096];
            while (viewer.Available > 0)
                heard.Append(Encoding.UTF8.GetString(bytes, 0, viewer.Receive(bytes)));
        }
        await run.UntilAsync(() =>
        {
            Hear();
            return heard.ToString().Contains("{\"revision\":1}", StringComparison.Ordinal);
        }, "the first event");
        // A look at the rules before the change; afterwards there is another generation of them.
        await Task.Delay(TimeSpan.FromSeconds(3), Cancel);

        run.Tools("nft", "add chain ip portolan-test anything");

        await run.UntilAsync(() =>
        {
            Hear();
            return heard.ToString().Contains("{\"revision\":2}", StringComparison.Ordinal);
        }, "the event of the change");
    }

    private static ConsoleProcess Start(params string[] arguments)
    {
        ConsoleProcess console = ConsoleProcess.Start(arguments);
        if (console.WhyNot is { } reason)
            Assert.Skip(reason);
        return console;
    }

    private static async Task<JsonElement> JsonAsync(ConsoleProcess console, string address) =>
        JsonDocument.Parse(await console.Http.GetStringAsync(address, Cancel)).RootElement;

    /// <summary>The first screen, with all verdicts.</summary>
    private static async Task<JsonElement> HomeAsync(ConsoleProcess console)
    {
        for (int look = 0; ; look++)
        {
            JsonElement home = await JsonAsync(console, "api/home");
            if (home.GetProperty("isComplete").GetBoolean())
                return home;
            Assert.True(look < 600, "no verdicts within a minute");
            await Task.Delay(100, Cancel);
        }
    }

    private static async Task<JsonElement> DropAsync(ConsoleProcess console, byte[] bytes, string name)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/drop") { Content = new ByteArrayContent(bytes) };
        request.Headers.Add("X-File-Name", name);
        using HttpResponseMessage answer = await console.Http.SendAsync(request, Cancel);
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel)).RootElement;
    }

    private static (string?, string?, string?) Of(JsonElement row) =>
        (row.GetProperty("name").GetString(), row.GetProperty("state").GetString(), row.GetProperty("code").GetString());
}
