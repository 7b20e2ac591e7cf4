using System.Globalization;
using CsCheck;

namespace Portolan.LabTests.Agreement;

/// <summary>
/// Random clusters live on a node of the lab, with random policies, changes and restarts. After every round random packets are sent, and three
/// must say the same of each: the plans of the service table, the kernel's content (read back with nft and followed by the simulator), and what
/// the packet did. In the end the kernel holds what a start from scratch leaves. PORTOLAN_AGREEMENT_HISTORIES sets how many are tried.
/// </summary>
public sealed class AgreementTests(ITestOutputHelper output)
{
    [Fact]
    public void Plans_kernel_content_and_packets_agree_on_busy_clusters() => Hold(History.Busy, count: 12);

    [Fact]
    public void Plans_kernel_content_and_packets_agree_on_odd_clusters() => Hold(History.Odd, count: 8);

    private void Hold(Gen<History> histories, int count)
    {
        Lab.SkipWithoutTunDevices();
        Lab.SkipWithout("nft");
        if (int.TryParse(Environment.GetEnvironmentVariable("PORTOLAN_AGREEMENT_HISTORIES"), NumberStyles.None, CultureInfo.InvariantCulture, out int wanted))
            count = wanted;
        int first = int.TryParse(Environment.GetEnvironmentVariable("PORTOLAN_AGREEMENT_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out int seed) ? seed : 1;
        var tally = new Tally();
        for (seed = first; seed < first + count; seed++)
        {
            if (AgreementRun.Run(History.Make(histories, seed), seed, tally, out History lived) is not { } found)
                continue;
            string before = found.What;
            (History smallest, found) = Shrinker.Shrink(lived, found, history => AgreementRun.Run(history, seed, new Tally(), out _));
            Assert.Fail($"Seed {seed}: {before}\n\nThe smallest history that does not agree (PORTOLAN_AGREEMENT_SEED={seed} PORTOLAN_AGREEMENT_HISTORIES=1 runs the whole):\n"
                + $"{smallest}\n{found.What}");
        }
        output.WriteLine(tally.ToString());
        foreach (string what in (string[])["refused", "dropped", "untouched", "translated", "masqueraded", "kept with their endpoint", "restarts"])
            Assert.True(tally[what] > 0, $"no packet was ever {what}: {tally}");
    }
}
