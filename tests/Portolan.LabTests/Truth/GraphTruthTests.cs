using System.Text;
using Portolan.DataPlanes.IpTables;
using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Inspect.Tests;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Lab;

namespace Portolan.LabTests.Truth;

/// <summary>
/// The picture of random clusters, as the kernel holds their rules among those of other programs: every end of a traced packet is a path of
/// arrows for its client, and every path an end. PORTOLAN_TRUTH_CLUSTERS and PORTOLAN_TRUTH_SEED as for the packets.
/// </summary>
public sealed class GraphTruthTests(ITestOutputHelper output)
{
    private static readonly int s_clusters = Lab.Setting("PORTOLAN_TRUTH_CLUSTERS", 4);
    private static readonly int s_firstSeed = Lab.Setting("PORTOLAN_TRUTH_SEED", 1);

    private static readonly InetAddress[] s_clients =
    [
        .. Objects.Addresses("203.0.113.2", "203.0.113.70", "203.0.113.200", "198.51.100.7", "10.9.9.9", "192.168.0.77", "10.180.0.9",
            "10.180.0.200", "10.180.7.7", "172.17.0.9", "2001:db8:cafe::2", "2a00::7", "fd00:10:180::200"),
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_picture_of_a_random_cluster_is_what_trace_says(bool isNftables)
    {
        Lab.SkipWithout("nft", "iptables-nft", "iptables-legacy");
        Lab.SkipWithoutTunDevices();
        int compared = 0;
        for (int seed = s_firstSeed; seed < s_firstSeed + s_clusters; seed++)
        {
            var cluster = PlaneCluster.Random(500_000 + seed, withLocalhost: !isNftables);
            using NodeLab lab = cluster.Site.MakeLab();
            RuleWriter writer = (isNftables ? RuleWriter.NfTables()
                : RuleWriter.IpTables(IpTablesLayout.Modern, IpTablesDispatch.Linear, isLegacy: seed % 2 == 0, withListings: false))
                .Among(Neighbourhood.Random(seed), flushes: false, static text => text);
            lab.Namespace.Run(() => writer.Write(lab, cluster));
            SourceText[] texts =
            [
                .. lab.Namespace.Run(() =>
                    writer.Readings[0].Read().Select(static text => new SourceText("live", Encoding.UTF8.GetBytes(text))).ToArray()
                ),
            ];
            compared += Compare(RulesetReader.Read(texts).WithoutTranslations(), cluster.Site, $"{writer.Name}, seed {seed}");
        }
        output.WriteLine($"{compared} packets compared");
        Assert.NotEqual(0, compared);
    }

    private static int Compare(Ruleset rules, TruthSite site, string what)
    {
        var services = ServiceCatalogue.Read(rules);
        var walker = new FrontendWalker(rules, services, site.Addresses);
        var builder = new DecisionGraphBuilder(rules, services, site.Addresses, new ChainGuide(services));
        ServiceGraph graph = builder.Build("all", services.Services);
        int compared = 0;
        foreach (ProgrammedService service in services.Services)
        {
            foreach (ProgrammedFrontend frontend in service.Frontends)
            {
                IEnumerable<InetAddress> clients = s_clients.Concat(service.Endpoints.Select(static endpoint => endpoint.Address))
                    .Append(walker.SourceOf(ClientPlace.Node, service, frontend)!.Value)
                    .Where(address => address.Family == service.Family).Distinct();
                foreach (InetAddress source in clients)
                {
                    ClientPlace place = walker.PlaceOf(source);
                    TraceResult trace = walker.Walk(service, frontend, place, source, string.Empty).Trace;
                    List<string> differences = GraphPaths.Differences(
                        GraphPaths.Of(graph, service, frontend, source, place == ClientPlace.Node), GraphPaths.Of(trace));
                    Assert.True(differences.Count == 0, $"{what}: {service.DisplayName} {frontend.Text} from {source}:\n"
                        + $"{string.Join('\n', differences)}\ntrace:\n{string.Join('\n', trace.Outcomes.Select(OutcomeText.Of))}");
                    compared++;
                }
            }
        }
        return compared;
    }
}
