namespace Portolan.Tests;

/// <summary>Objects and files that cannot be used are named, and all else is served.</summary>
public sealed class BadInputTests
{
    public static TheoryData<string, string, string[]> BadManifests => new()
    {
        { "a service without ports", Manifest.Service("bad", "{clusterIPs: [172.30.0.1]}"), ["shop/bad", "ports"] },
        { "port 0", Manifest.Service("bad", "{clusterIPs: [172.30.0.1], ports: [{port: 0}]}"), ["shop/bad", "ports[0].port"] },
        { "port 70000", Manifest.Service("bad", "{clusterIPs: [172.30.0.1], ports: [{port: 70000}]}"),
            ["shop/bad", "ports[0].port", "70000"] },
        { "a cluster IP that is none", Manifest.Service("bad", "{clusterIPs: [not-an-ip], ports: [{port: 80}]}"),
            ["shop/bad", "clusterIP", "not-an-ip"] },
        { "a cluster IP and port of another service", Manifest.Service("zbad", "{clusterIPs: [172.30.0.80], ports: [{port: 80}]}"),
            ["shop/zbad", "shop/good"] },
        { "an IPv6 endpoint in an IPv4 slice", Manifest.Slice("bad-1", "good", "IPv4", "{addresses: ['fd00::1']}"),
            ["shop/bad-1", "fd00::1"] },
        { "a loopback endpoint", Manifest.Slice("bad-1", "good", "IPv4", "{addresses: [127.0.0.1]}"), ["shop/bad-1", "127.0.0.1"] },
        { "a link-local endpoint", Manifest.Slice("bad-1", "good", "IPv4", "{addresses: [169.254.1.1]}"), ["shop/bad-1", "169.254.1.1"] },
        { "a multicast endpoint", Manifest.Slice("bad-1", "good", "IPv4", "{addresses: [224.0.0.1]}"), ["shop/bad-1", "224.0.0.1"] },
        { "an unspecified endpoint", Manifest.Slice("bad-1", "good", "IPv4", "{addresses: [0.0.0.0]}"), ["shop/bad-1", "0.0.0.0"] },
        { "an FQDN slice", Manifest.Slice("bad-1", "good", "FQDN", "{addresses: [example.org]}"), ["shop/bad-1", "FQDN"] },
        { "a slice of no service", Manifest.Slice("bad-1", "nobody", "IPv4", "{addresses: [10.244.1.1]}"), ["shop/nobody"] },
        { "YAML that does not parse", "kind: Service\n  metadata: [", ["bad.yaml"] },
        { "a YAML bomb", Bomb(), ["bad.yaml"] },
    };

    [Theory]
    [MemberData(nameof(BadManifests))]
    public async Task A_manifest_that_cannot_be_used_is_named_and_the_rest_is_served(string what, string manifest, string[] named)
    {
        using var run = new PortolanRun();
        run.Manifest("bad.yaml", manifest);
        run.Manifest("good.yaml", Manifest.GoodService);

        run.StartProxy(run.Configuration());

        await run.UntilAsync(() => run.Tools("nft", "list", "tables").Contains("table ip portolan", StringComparison.Ordinal),
            $"rules beside {what}");
        Assert.Contains("shop/good:http", run.Tools("nft", "list", "table", "ip", "portolan"), StringComparison.Ordinal);
        await run.UntilAsync(
            () => run.Log.Split('\n').Any(line => line.Contains("warning", StringComparison.Ordinal)
                && named.All(part => line.Contains(part, StringComparison.Ordinal))),
            $"a warning with {string.Join(" and ", named)}");
    }

    [Fact]
    public async Task Names_with_quotes_newlines_and_markup_harm_nobody()
    {
        using var run = new PortolanRun();
        run.Manifest("odd.yaml", """
            apiVersion: v1
            kind: Service
            metadata: {name: "a\"; flush ruleset; #\n<b>", namespace: shop}
            spec: {clusterIPs: [172.30.0.90], ports: [{name: "p\"'`$(id)", port: 80}]}
            """);
        run.Manifest("good.yaml", Manifest.GoodService);

        run.StartProxy(run.Configuration());

        await run.UntilAsync(() => run.Log.Contains("are in force", StringComparison.Ordinal), "the first sync");
        Assert.Contains("shop/good:http", run.Tools("nft", "list", "table", "ip", "portolan"), StringComparison.Ordinal);
        // A newline in a name must not begin a line of the log.
        Assert.DoesNotContain(run.Log.Split('\n'), line => line.StartsWith("<b>", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_that_is_no_text_is_refused_by_name_and_the_rest_is_served()
    {
        using var run = new PortolanRun();
        File.WriteAllBytes(Path.Combine(run.Manifests, "bytes.yaml"), [0xff, 0xc3, 0x28, 0x00, 0x80, 0x0a]);
        run.Manifest("good.yaml", Manifest.GoodService);

        run.StartProxy(run.Configuration());

        await run.UntilSyncedAsync(1);
        await run.UntilAsync(() => run.Log.Contains("bytes.yaml", StringComparison.Ordinal), "a line about the file");
    }

    [Fact]
    public async Task A_file_of_50_MB_is_refused_by_name_and_the_rest_is_served()
    {
        using var run = new PortolanRun();
        using (FileStream large = File.Create(Path.Combine(run.Manifests, "large.yaml")))
            large.SetLength(50 << 20);
        run.Manifest("good.yaml", Manifest.GoodService);

        run.StartProxy(run.Configuration());

        await run.UntilSyncedAsync(1);
        await run.UntilAsync(() => run.Log.Contains("large.yaml", StringComparison.Ordinal), "a line about the file");
    }

    [Fact]
    public async Task Five_thousand_endpoints_of_one_service_are_served()
    {
        using var run = new PortolanRun();
        string endpoints = string.Join(", ", Enumerable.Range(0, 5000)
            .Select(number => $"{{addresses: [10.244.{number / 250}.{number % 250}]}}"));
        run.Manifest("large.yaml", Manifest.Service("large", "{clusterIPs: [172.30.0.9], ports: [{name: http, port: 80}]}") + "\n---\n"
            + Manifest.Slice("large-1", "large", "IPv4", endpoints));

        run.StartProxy(run.Configuration());

        await run.UntilSyncedAsync(1);
        await run.UntilAsync(() => run.Log.Contains("5000 endpoints are in force", StringComparison.Ordinal), "the first sync's line");
    }

    private static string Bomb()
    {
        string levels = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
        for (int level = 1; level <= 9; level++)
            levels += $"a{level}: &a{level} [{string.Join(", ", Enumerable.Repeat($"*a{level - 1}", 10))}]\n";
        return levels + "kind: Service\n";
    }
}
