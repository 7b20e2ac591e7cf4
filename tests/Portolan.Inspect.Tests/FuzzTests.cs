using CsCheck;
using Portolan.Inet;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;
using Portolan.Testing.Dumps;

namespace Portolan.Inspect.Tests;

/// <summary>
/// Everything the chart does with rules, on what is left of damaged dumps: it never throws, ends, and takes no more memory than its forks
/// allow. 1,800 runs; PORTOLAN_FUZZ_FACTOR in the environment multiplies them.
/// </summary>
public sealed class FuzzTests
{
    // 200,000 forks are the simulator's limit; ten services are walked at most.
    private const long MostAllocated = 4L << 30;

    [Fact]
    public void Damaged_dumps_go_through_the_whole_chart() =>
        HostileDumps.Damaged.Sample(bytes => WalkAll([bytes]), iter: 1000 * HostileDumps.Factor);

    [Fact]
    public void Damaged_dumps_beside_whole_ones_go_through_the_whole_chart() =>
        Gen.Select(HostileDumps.Damaged, HostileDumps.Whole)
        .Sample((damaged, whole) => WalkAll([whole, damaged]), iter: 300 * HostileDumps.Factor);

    [Fact]
    public void What_once_crashed_goes_through_the_whole_chart()
    {
        string crashes = Path.Combine(AppContext.BaseDirectory, "crashes");
        foreach (string file in Directory.Exists(crashes) ? Directory.GetFiles(crashes, "*.bin") : [])
            WalkAll([File.ReadAllBytes(file)]);
    }

    [Fact]
    public void Noise_goes_through_the_whole_chart() =>
        HostileDumps.Noise.Sample(bytes => WalkAll([bytes]), iter: 500 * HostileDumps.Factor);

    private static void WalkAll(byte[][] inputs)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Ruleset rules = RulesetReader.Read(inputs.Select((bytes, index) => new SourceText($"input {index}", bytes)));
        var node = new NodeAddresses(rules.Interfaces is { } interfaces ? interfaces : null, []);
        ServiceCatalogue services = ServiceCatalogue.Read(rules);
        var guide = new ChainGuide(services);
        // A random choice would repeat itself badly; the ends of the list are as good as any.
        ProgrammedService[] chosen = [.. services.Services.Take(3), .. services.Services.TakeLast(2)];
        Trace(rules, node, guide, chosen);
        Explain(new Explainer(rules, services, node, guide), chosen);
        Draw(rules, guide, chosen);
        Check(RuleChecker.Check(new CheckInput(rules, services, node, guide)));
        services.Suggest("shop/wbe");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostAllocated);
    }

    private static void Trace(Ruleset rules, NodeAddresses node, ChainGuide guide, ProgrammedService[] services)
    {
        var simulator = new PacketSimulator(rules, node);
        IEnumerable<(InetAddress Address, IpProtocol Protocol, ushort Port)> targets = [
            .. services.SelectMany(service => service.Frontends.Take(2)
                .Select(frontend => (frontend.Address, service.Protocol, frontend.Port)))
                .Where(target => target.Address.Family != IpFamily.None),
            (InetAddress.Parse("172.30.5.207"), IpProtocol.Tcp, 443),
            (InetAddress.Parse("192.168.10.11"), IpProtocol.Udp, 30_053),
            (InetAddress.Parse("fd00:10:96::1"), IpProtocol.Tcp, 443),
        ];
        foreach ((InetAddress destination, IpProtocol protocol, ushort port) in targets)
        {
            foreach (bool fromNode in (bool[])[false, true])
            {
                TraceResult result = simulator.Trace(new PacketSpec
                {
                    Source = InetAddress.Parse(destination.Family == IpFamily.IPv4 ? "203.0.113.9" : "2001:db8::9"),
                    Destination = destination,
                    Protocol = protocol,
                    SourcePort = fromNode ? null : (ushort)40_000,
                    DestinationPort = port,
                    IsFromNode = fromNode,
                });
                foreach (Outcome outcome in result.Outcomes)
                {
                    Assert.InRange(outcome.Probability, 0, 1.0001);
                    Assert.NotNull(OutcomeText.Of(outcome));
                    foreach (PathStep step in outcome.Path.Where(step => step.Place is not null))
                        Assert.NotNull(RuleDescription.Of(step.Place!.Rule, guide));
                }
                Assert.InRange(result.Outcomes.Sum(outcome => outcome.Probability), 0.99, 1.01);
            }
        }
    }

    private static void Explain(Explainer explainer, ProgrammedService[] services)
    {
        foreach (ProgrammedService service in services)
        {
            foreach (ExplainedPath walk in explainer.Explain(service, [ClientPlace.Pod, ClientPlace.Node, ClientPlace.Outside]))
                Assert.NotNull(walk.ToString());
            Assert.All(ExplainText.Facts(service), Assert.NotNull);
        }
    }

    private static void Draw(Ruleset rules, ChainGuide guide, ProgrammedService[] services)
    {
        IEnumerable<ServiceGraph> graphs = services.Take(2)
            .Select(service => ChainGraphBuilder.OfService(service.DisplayName, [service], rules, guide))
            .Append(ChainGraphBuilder.OfAll(rules, guide))
            .Append(
                new DecisionGraphBuilder(rules, ServiceCatalogue.Read(rules), NodeAddresses.Unknown, guide).Build(
                    "x",
                    [.. services.Take(2)]
                )
            );
        foreach (ServiceGraph graph in graphs)
        {
            Assert.NotEmpty(GraphWriter.ToMermaid(graph));
            Assert.NotEmpty(GraphWriter.ToDot(graph));
            Assert.NotEmpty(GraphWriter.ToText(graph));
        }
    }

    private static void Check(CheckResult result)
    {
        foreach (Finding finding in result.Findings)
        {
            Assert.NotEmpty(finding.Explanation);
            Assert.NotEmpty(finding.Advice);
            Assert.NotNull(finding.Place?.ToString() ?? string.Empty);
        }
    }
}
