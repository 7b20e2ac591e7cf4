using Portolan.DataPlanes.IpTables;

namespace Portolan.LabTests.Truth;

/// <summary>
/// The simulator against the kernel on nodes as people have them: a service proxy's rules among those of firewalld, Docker, portmap and
/// NodeLocal DNSCache, in random mixtures and orders, read with all tools at once. PORTOLAN_TRUTH_PACKETS sets how many packets a campaign
/// sends under all kinds of rules together, PORTOLAN_TRUTH_SEED the number of its first cluster.
/// </summary>
public sealed class NeighbourTruthTests(ITestOutputHelper output)
{
    private const string Nftables = "Portolan nftables";
    private const string IpTables = "Portolan iptables";
    private const string Classic = "Portolan iptables, classic and tree";
    private const string KubeNftables = "kube-proxy 1.36 nftables";
    private const string KubeIpTables = "kube-proxy 1.36 iptables";
    private const string OldKubeProxy = "kube-proxy 1.20 iptables";
    private const int Kinds = 6;

    private static readonly int s_packets = Lab.Setting("PORTOLAN_TRUTH_PACKETS", 0);

    // Rules are written with either back-end of iptables in turn.
    [Theory]
    [InlineData(Nftables)]
    [InlineData(IpTables)]
    [InlineData(Classic)]
    [InlineData(KubeNftables)]
    [InlineData(KubeIpTables)]
    [InlineData(OldKubeProxy)]
    public void What_the_kernel_does_among_rules_of_others_is_what_trace_says(string kind)
    {
        Lab.SkipWithout("nft", "iptables-nft", "iptables-legacy");
        var campaign = new TruthCampaign(output) { Packets = s_packets / Kinds, IsMixed = true };
        if (kind is KubeNftables or KubeIpTables or OldKubeProxy)
        {
            string version = kind == OldKubeProxy ? "kube-proxy-1.20" : "kube-proxy-1.36";
            campaign.Hold(seed => RuleWriter.KubeProxy(version, kind == KubeNftables ? null : Backend(seed))
                .Among(Neighbourhood.Random(seed), flushes: true, ForHarbor), static seed => PlaneCluster.Harbor() with { Number = seed });
        }
        else
        {
            // Clusters of its own for each kind.
            int first =
                kind == Nftables ? 100_000
                : kind == IpTables ? 200_000
                : 300_000;
            campaign.Hold(
                seed =>
                    (
                        kind == Nftables ? RuleWriter.NfTables()
                        : kind == IpTables
                            ? RuleWriter.IpTables(IpTablesLayout.Modern, IpTablesDispatch.Linear, Backend(seed) == "legacy", false)
                        : RuleWriter.IpTables(IpTablesLayout.Classic, IpTablesDispatch.Tree, Backend(seed) == "legacy", false)
                    ).Among(Neighbourhood.Random(first + seed), flushes: false, static text => text),
                seed => PlaneCluster.Random(first + seed, withLocalhost: kind != Nftables)
            );
        }
    }

    private static string Backend(int seed) => seed % 2 == 0 ? "nft" : "legacy";

    // The dumps are made for the node of the random clusters.
    private static string ForHarbor(string text) => text.Replace("10.180.0.0/", "10.244.1.0/", StringComparison.Ordinal)
        .Replace("10.180.0.", "10.244.1.", StringComparison.Ordinal).Replace("fd00:10:180::", "fd00:244:1::", StringComparison.Ordinal)
        .Replace("192.168.0.2", "192.168.10.11", StringComparison.Ordinal).Replace("172.30.0.1/", "172.30.0.10/", StringComparison.Ordinal);
}
