using System.Collections.Immutable;
using Portolan.DataPlanes.IpTables;
using Portolan.Inspect.Simulation;
using Portolan.LabTests.Agreement;
using Portolan.Testing.Lab;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Truth;

/// <summary>
/// The simulator against the kernel under the rules it is made for: those that our planes write for random clusters, and those that real
/// kube-proxies wrote. PORTOLAN_TRUTH_CLUSTERS sets how many clusters (or, for a kube-proxy's dump, batches of packets) each kind of rules
/// is tried with, PORTOLAN_TRUTH_SEED the first one's number, to try one again that a report names.
/// </summary>
public sealed class PlaneTruthTests(ITestOutputHelper output)
{
    private const int PacketsPerOrigin = 60;
    private const int ReturnsPerOrigin = 15;

    /// <summary>The part of packets that may be unknown on rules of ours and of kube-proxy's.</summary>
    private const double MostUnknown = 0.01;

    private static readonly int s_clusters = Lab.Setting("PORTOLAN_TRUTH_CLUSTERS", 2);
    private static readonly int s_firstSeed = Lab.Setting("PORTOLAN_TRUTH_SEED", 1);

    [Fact]
    public void What_the_kernel_does_under_our_nftables_rules_is_what_trace_says()
    {
        Lab.SkipWithout("nft");
        Hold(RuleWriter.NfTables(), static seed => PlaneCluster.Random(seed, withLocalhost: false));
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
        Hold(RuleWriter.IpTables(layout, dispatch, isLegacy,
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
        Hold(RuleWriter.KubeProxy(version, backend), static _ => PlaneCluster.Harbor());
    }

    /// <summary>Tries clusters until there are enough failures.</summary>
    /// <param name="writer">Brings the rules of a cluster into the kernel.</param>
    /// <param name="makeCluster">The cluster of a number.</param>
    private void Hold(RuleWriter writer, Func<int, PlaneCluster> makeCluster)
    {
        Lab.SkipWithoutTunDevices();
        PlaneCluster cluster = makeCluster(s_firstSeed);
        (RuleReading Reading, TruthComparison Fresh, TruthComparison Returning)[] all =
            [.. writer.Readings.Select(reading => (reading, new TruthComparison(cluster.Site), new TruthComparison(cluster.Site)))];
        var tally = new Tally();
        int knowing = Array.FindIndex(all, static each => each.Reading.KnowsClients);
        for (int seed = s_firstSeed; seed < s_firstSeed + s_clusters
            && !all.Any(static each => each.Fresh.HasEnough || each.Returning.HasEnough); seed++)
        {
            cluster = makeCluster(seed);
            using NodeLab lab = cluster.Site.MakeLab();
            using LabProbes probes = lab.Namespace.Run(() => new LabProbes(lab));
            lab.Namespace.Run(() => writer.Write(lab, cluster));
            var packets = new PlanePackets(new Random(seed), cluster, tally);
            void Compare(Func<FlowOrigin, ImmutableArray<TruthPacket>> choose, Func<int, TruthComparison> comparison)
            {
                var simulated = lab.Namespace.Run(() => all.Select(each => each.Reading.Simulate(cluster.Site)).ToArray());
                foreach (FlowOrigin origin in (FlowOrigin[])[FlowOrigin.External, FlowOrigin.Pod, FlowOrigin.Node])
                {
                    ImmutableArray<TruthPacket> batch = choose(origin);
                    // One packet, as the program takes its time to start, and before the packet is sent and remembered.
                    if (seed == s_firstSeed && origin == FlowOrigin.External && !batch.IsEmpty)
                        AskProgram(lab, batch, simulated[knowing].Simulator, comparison(knowing));
                    ImmutableArray<ProbeEnd> ends = lab.Namespace.Run(() => TruthComparison.Send(probes, batch));
                    for (int index = 0; index < all.Length; index++)
                        comparison(index).Judge(simulated[index].Simulator, batch, ends,
                            () => $"{writer.Name}, seed {seed}, read from {all[index].Reading.Name}\n{simulated[index].Text}");
                }
            }
            Compare(origin => packets.Fresh(origin, PacketsPerOrigin), index => all[index].Fresh);
            Compare(origin => packets.Returning(origin, ReturnsPerOrigin), index => all[index].Returning);
        }
        output.WriteLine($"{writer.Name}, aimed at: {tally}");
        foreach ((RuleReading reading, TruthComparison fresh, TruthComparison returning) in all)
        {
            output.WriteLine(fresh.Summary($"{writer.Name}, {reading.Name}"));
            output.WriteLine(returning.Summary("  clients that come back"));
        }
        foreach ((RuleReading reading, TruthComparison fresh, TruthComparison returning) in all)
        {
            Assert.True(fresh.Failures.Count + returning.Failures.Count == 0,
                string.Join("\n\n", fresh.Failures.Concat(returning.Failures).Take(5)));
            Assert.True(fresh.Unknown <= fresh.Packets * MostUnknown, fresh.Summary("too much is unknown"));
            if (reading.KnowsClients)
                Assert.True(returning.Unknown <= returning.Packets * MostUnknown,
                    returning.Summary("too much is unknown of clients that come back"));
        }
        // A single cluster that is tried again may lack one or another.
        if (s_clusters == 1)
            return;
        foreach (string aim in (string[])["ClusterIP", "NodePort", "NodePort on loopback", "endpoint", "loopback", "echo request",
            "no service"])
            Assert.True(tally[aim] > 0, $"no packet was aimed at: {aim}; at: {tally}");
        foreach (PacketEnd end in (PacketEnd[])[PacketEnd.Forwarded, PacketEnd.Delivered, PacketEnd.Refused])
            Assert.True(all[0].Fresh.Ends.ContainsKey(end), all[0].Fresh.Summary($"no packet was ever {end}"));
    }

    /// <summary>
    /// The program itself, which reads the live rules, must say what is said here about the packet that may go the most ways.
    /// </summary>
    private static void AskProgram(NodeLab lab, ImmutableArray<TruthPacket> batch, PacketSimulator simulator, TruthComparison comparison)
    {
        TraceResult trace = batch.Select(packet => simulator.Trace(packet.Premise(outDevice: null)))
            .MaxBy(static trace => trace.Outcomes.Length)!;
        string here = LiveTrace.Describe(trace), there = lab.Namespace.Run(() => LiveTrace.Ask(trace.Packet));
        if (here != there)
            comparison.Failures.Add($"{trace.Packet}: trace over the listing: {here}; the program over live rules: {there}");
    }
}
