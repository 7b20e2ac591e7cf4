using Portolan.DataPlanes.IpTables;
using Portolan.Testing.Namespaces;

namespace Portolan.LabTests.Truth;

/// <summary>
/// The simulator against the kernel under the rules it is made for: those that our planes write for random clusters, and those that real
/// kube-proxies wrote. PORTOLAN_TRUTH_CLUSTERS sets how many clusters (or, for a kube-proxy's dump, batches of packets) each kind of rules
/// is tried with, PORTOLAN_TRUTH_SEED the first one's number, to try one again that a report names.
/// </summary>
public sealed class PlaneTruthTests(ITestOutputHelper output)
{
    [Fact]
    public void What_the_kernel_does_under_our_nftables_rules_is_what_trace_says()
    {
        Lab.SkipWithout("nft");
        new TruthCampaign(output).Hold(RuleWriter.NfTables(), static seed => PlaneCluster.Random(seed, withLocalhost: false));
    }

    [Fact]
    public void What_the_kernel_does_with_our_virtual_servers_is_what_trace_says()
    {
        Lab.SkipWithout("nft");
        Lab.SkipWithout("ipvsadm");
        Assert.SkipWhen(LabAvailability.WhyNoIpvs is not null, LabAvailability.WhyNoIpvs ?? string.Empty);
        new TruthCampaign(output).Hold(RuleWriter.Ipvs(), static seed => PlaneCluster.Random(seed, withLocalhost: false));
    }

    [Theory]
    [InlineData(IpTablesLayout.Modern, IpTablesDispatch.Linear, false)]
    [InlineData(IpTablesLayout.Modern, IpTablesDispatch.Linear, true)]
    [InlineData(IpTablesLayout.Modern, IpTablesDispatch.Tree, false)]
    [InlineData(IpTablesLayout.Modern, IpTablesDispatch.Tree, true)]
    [InlineData(IpTablesLayout.Classic, IpTablesDispatch.Linear, false)]
    [InlineData(IpTablesLayout.Classic, IpTablesDispatch.Linear, true)]
    [InlineData(IpTablesLayout.Classic, IpTablesDispatch.Tree, false)]
    [InlineData(IpTablesLayout.Classic, IpTablesDispatch.Tree, true)]
    public void What_the_kernel_does_under_our_iptables_rules_is_what_trace_says(IpTablesLayout layout, IpTablesDispatch dispatch,
        bool isLegacy)
    {
        Lab.SkipWithout(isLegacy ? "iptables-legacy" : "iptables-nft");
        // Clusters of its own for each kind.
        int kind = 1000 * ((int)layout * 4 + (int)dispatch * 2 + (isLegacy ? 1 : 0));
        new TruthCampaign(output).Hold(RuleWriter.IpTables(layout, dispatch, isLegacy,
            withListings: (layout, dispatch, isLegacy) == (IpTablesLayout.Modern, IpTablesDispatch.Linear, false)),
            seed => PlaneCluster.Random(seed + kind, withLocalhost: true));
    }

    [Theory]
    [InlineData("kube-proxy-1.20", "nft")]
    [InlineData("kube-proxy-1.20", "legacy")]
    [InlineData("kube-proxy-1.36", "nft")]
    [InlineData("kube-proxy-1.36", "legacy")]
    [InlineData("kube-proxy-1.36", null)]
    public void What_the_kernel_does_under_the_rules_of_kube_proxy_is_what_trace_says(string version, string? backend)
    {
        Lab.SkipWithout(backend is null ? "nft" : $"iptables-{backend}");
        new TruthCampaign(output).Hold(RuleWriter.KubeProxy(version, backend), static _ => PlaneCluster.Harbor());
    }
}
