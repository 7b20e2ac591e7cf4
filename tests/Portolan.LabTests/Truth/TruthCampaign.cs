using System.Collections.Immutable;
using System.Text;
using Portolan.Inspect.Simulation;
using Portolan.LabTests.Agreement;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Truth;

/// <summary>Sends packets through rules for one cluster after the other, and compares what becomes of them with what trace says.</summary>
internal sealed class TruthCampaign(ITestOutputHelper output)
{
    private const int PacketsPerOrigin = 60;
    private const int ReturnsPerOrigin = 15;

    private static readonly int s_clusters = Lab.Setting("PORTOLAN_TRUTH_CLUSTERS", 2);
    private static readonly int s_firstSeed = Lab.Setting("PORTOLAN_TRUTH_SEED", 1);

    /// <summary>How many packets are sent at least.</summary>
    internal int Packets { get; init; }

    /// <summary>
    /// Rules of others are among the proxy's: what depends on routes, for which firewalld asks, or on the order of legacy iptables and
    /// nf_tables, which no listing shows, may be unknown.
    /// </summary>
    internal bool IsMixed { get; init; }

    /// <summary>The part of packets that may be unknown.</summary>
    private const double MostUnknown = 0.01;

    /// <summary>Tries clusters until there are enough of them, or enough failures.</summary>
    /// <param name="writer">Brings the rules of a cluster into the kernel.</param>
    /// <param name="makeCluster">The cluster of a number.</param>
    internal void Hold(RuleWriter writer, Func<int, PlaneCluster> makeCluster) => Hold(_ => writer, makeCluster);

    /// <summary>The same with another writer, and the same readings, for each cluster.</summary>
    internal void Hold(Func<int, RuleWriter> makeWriter, Func<int, PlaneCluster> makeCluster)
    {
        RuleWriter writer = makeWriter(s_firstSeed);
        Lab.SkipWithoutTunDevices();
        PlaneCluster cluster = makeCluster(s_firstSeed);
        (RuleReading Reading, TruthComparison Fresh, TruthComparison Returning)[] all =
            [.. writer.Readings.Select(reading => (reading, new TruthComparison(cluster.Site), new TruthComparison(cluster.Site)))];
        var tally = new Tally();
        int knowing = Math.Max(0, Array.FindIndex(all, static each => each.Reading.KnowsClients));
        for (int seed = s_firstSeed; (seed < s_firstSeed + s_clusters || all[0].Fresh.Packets + all[0].Returning.Packets < Packets)
            && !all.Any(static each => each.Fresh.HasEnough || each.Returning.HasEnough); seed++)
        {
            (cluster, writer) = (makeCluster(seed), makeWriter(seed));
            using NodeLab lab = cluster.Site.MakeLab();
            using LabProbes probes = lab.Namespace.Run(() => new LabProbes(lab));
            lab.Namespace.Run(() => writer.Write(lab, cluster));
            bool isRouted = lab.Namespace.Run(static () => File.ReadAllText("/proc/sys/net/ipv4/conf/all/route_localnet").Trim() == "1");
            Routes routes = lab.Namespace.Run(ReadRoutes);
            foreach ((_, TruthComparison fresh, TruthComparison returning) in all)
            {
                fresh.RoutesLoopback = returning.RoutesLoopback = isRouted;
                fresh.Routes = returning.Routes = routes;
            }
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
            Assert.True(
                fresh.Failures.Count + returning.Failures.Count == 0,
                string.Join("\n\n", fresh.Failures.Concat(returning.Failures).Take(5))
            );
            Assert.True(
                fresh.Unknown - (IsMixed ? fresh.Unsettled : 0) <= fresh.Packets * MostUnknown,
                fresh.Summary("too much is unknown")
            );
            if (reading.KnowsClients)
                Assert.True(returning.Unknown - (IsMixed ? returning.Unsettled : 0) <= returning.Packets * MostUnknown,
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

    private static Routes ReadRoutes() => Routes.Of(RulesetReader.Read(((string[])["route", "-6 route", "rule", "-6 rule"])
        .Select(static what => new SourceText($"ip {what}", Encoding.UTF8.GetBytes(Tool.Run("ip", what.Split(' ')))))));

    /// <summary>
    /// The program itself, which reads the live rules, must say what is said here about the packet that may go the most ways.
    /// </summary>
    private static void AskProgram(NodeLab lab, ImmutableArray<TruthPacket> batch, PacketSimulator simulator, TruthComparison comparison)
    {
        TraceResult trace = batch
            .Select(packet => simulator.Trace(packet.Premise(outDevice: null, comparison.RoutesLoopback, comparison.Routes)))
            .MaxBy(static trace => trace.Outcomes.Length)!;
        string here = LiveTrace.Describe(trace), there = lab.Namespace.Run(() => LiveTrace.Ask(trace.Packet));
        if (here != there)
            comparison.Failures.Add($"{trace.Packet}: trace over the listing: {here}; the program over live rules: {there}");
    }
}
