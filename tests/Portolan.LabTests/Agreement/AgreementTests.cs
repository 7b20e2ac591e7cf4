using CsCheck;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Agreement;

/// <summary>
/// Random clusters live on a node of the lab, with random policies, changes and restarts. After every round random packets are sent, and
/// three must say the same of each: the plans of the service table, the kernel's content (read back with the tools and followed by the
/// simulator), and what the packet did. In the end the kernel holds what a start from scratch leaves. PORTOLAN_AGREEMENT_HISTORIES sets how
/// many are tried.
/// </summary>
public sealed class AgreementTests(ITestOutputHelper output)
{
    /// <summary>PORTOLAN_LAB_VARIANTS=all: every variant; else mode nftables and mode iptables as they are by default.</summary>
    public static TheoryData<string> Variants { get; } = new((Environment.GetEnvironmentVariable("PORTOLAN_LAB_VARIANTS") == "all"
        ? ProxyVariant.All
        : [ProxyVariant.NfTables, ProxyVariant.IpTables]).Select(static variant => variant.ToString()));

    [Theory]
    [MemberData(nameof(Variants))]
    public void Plans_kernel_content_and_packets_agree_on_busy_clusters(string variant) =>
        Hold(ProxyVariant.Parse(variant), History.Busy, count: 12);

    [Theory]
    [MemberData(nameof(Variants))]
    public void Plans_kernel_content_and_packets_agree_on_odd_clusters(string variant) =>
        Hold(ProxyVariant.Parse(variant), History.Odd, count: 8);

    private void Hold(ProxyVariant variant, Gen<History> histories, int count)
    {
        Lab.SkipWithoutTunDevices();
        Lab.SkipWithout(variant.Mode == ProxyMode.NfTables ? "nft" : $"iptables-{variant.Backend}");
        count = Lab.Setting("PORTOLAN_AGREEMENT_HISTORIES", count);
        // Histories of its own for each variant.
        int first = Lab.Setting("PORTOLAN_AGREEMENT_SEED", 1 + 100_000 * ProxyVariant.All.IndexOf(variant));
        var tally = new Tally();
        for (int seed = first; seed < first + count; seed++)
        {
            if (AgreementRun.Run(variant, History.Make(histories, seed), seed, tally, out History lived) is not { } found)
                continue;
            string before = found.What;
            int number = seed;
            (History smallest, found) = Shrinker.Shrink(lived, found,
                history => AgreementRun.Run(variant, history, number, new Tally(), out _));
            Assert.Fail($"{variant}, seed {seed}: {before}\n\nThe smallest history that does not agree (PORTOLAN_AGREEMENT_SEED={seed} " +
                "PORTOLAN_AGREEMENT_HISTORIES=1 runs the whole):\n"
                + $"{smallest}\n{found.What}");
        }
        output.WriteLine($"{variant}, {count} histories: {tally}");
        foreach (string what in (string[])["refused", "dropped", "untouched", "translated", "masqueraded", "kept with their endpoint",
            "restarts"])
            Assert.True(tally[what] > 0, $"no packet was ever {what}: {tally}");
    }
}
