using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>What the kernel shows after a sync, against what it showed after kube-proxy's (tests/data/harbor).</summary>
public sealed class HarborDumpTests
{
    [Theory]
    [InlineData("iptables-save.txt", false, IpTablesBackend.Nft)]
    [InlineData("iptables-save.txt", false, IpTablesBackend.Legacy)]
    [InlineData("ip6tables-save.txt", true, IpTablesBackend.Nft)]
    [InlineData("ip6tables-save.txt", true, IpTablesBackend.Legacy)]
    public void The_modern_layout_is_what_kube_proxy_1_36_writes(string file, bool ipv6, IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend });
        SyncReport report = plane.Sync();
        Assert.True(report.IsInForce, string.Join('\n', report.Refusals));

        string[] expected = RuleDump.Normalize(File.ReadAllText(HarborCluster.PathOf("kube-proxy-1.36/" + file)));
        string[] actual = RuleDump.Normalize(plane.Save(ipv6));

        AssertSame(expected, OnlyTablesOf(expected, actual));
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void The_classic_layout_writes_the_services_of_the_article_as_kube_proxy_1_20_did(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend, Layout = IpTablesLayout.Classic });
        plane.Sync();

        string[] expected = RuleDump.Normalize(File.ReadAllText(HarborCluster.PathOf("kube-proxy-1.20/iptables-save.txt")));
        string[] actual = RuleDump.Normalize(plane.Save());

        // Endpoints of one service are ordered by address; v1.20 took them as they came, and its SEP chains were the same ones.
        AssertSame(Of(expected, "default/testsvc"), Of(actual, "default/testsvc"));
        AssertSame(Of(expected, "shop/payments:https"), Of(actual, "shop/payments:https"));
        AssertSame(Of(expected, "shop/cart:http"), Of(actual, "shop/cart:http"));
        AssertSame(Of(expected, "shop/empty:http"), Of(actual, "shop/empty:http"));
    }

    // In KUBE-SVC chains of v1.20 the order of endpoints is not sorted: which probability goes with which endpoint says nothing.
    private static string[] Of(string[] dump, string service) =>
    [
        .. dump.Where(line => line.Contains($"\"{service}\"", StringComparison.Ordinal)
            || line.Contains($"{service} ", StringComparison.Ordinal))
            .Select(line => line.Contains("--probability", StringComparison.Ordinal)
                || line.Contains("-A KUBE-SVC-", StringComparison.Ordinal)
                ? line[..line.LastIndexOf(" -j ", StringComparison.Ordinal)]
                : line),
    ];

    // The legacy tools show tables that are there because somebody asked (raw, security).
    private static string[] OnlyTablesOf(string[] expected, string[] actual)
    {
        HashSet<string> tables = [.. expected.Select(static line => line[..line.IndexOf(' ', StringComparison.Ordinal)])];
        return [.. actual.Where(line => tables.Contains(line[..line.IndexOf(' ', StringComparison.Ordinal)]))];
    }

    private static void AssertSame(string[] expected, string[] actual) =>
        Assert.True(expected.SequenceEqual(actual), RuleDump.Difference(expected, actual));
}
