using System.CommandLine;
using Portolan.Chart.Renderers;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Services.Cluster;

namespace Portolan.Chart;

/// <summary>portolan why: why a service does not answer, the answer first.</summary>
internal static class WhyCommand
{
    internal static Command Create(ChartSession session)
    {
        var options = new ChartOptions(session);
        var cluster = new ClusterOptions(options);
        var what = new Argument<string>("what")
        {
            Description = "A service (web, shop/web, shop/web:http), a DNS name (web.shop.svc.cluster.local), a cluster IP, " +
                "address:port, or a node port.",
        };
        var from = new Option<string?>("--from")
        {
            Description = "Where the client is: pod, node, outside, or its address. Everywhere without it.",
            HelpName = "CLIENT",
        };
        var podCidr = new Option<string[]>("--pod-cidr")
        {
            Description = "Range of pod addresses (clusterCIDR). May be repeated.",
            HelpName = "CIDR",
        };
        var noProbe = NoProbeOption();
        var command = new Command("why",
            "Say why a service does not answer: what the client sees, the cause with the rule that decides and who wrote it, and what " +
            "would mend it. With --manifests, --kubeconfig or --in-cluster it knows slices and endpoints too; on a live node it looks at " +
            "routes, neighbours and connections, and tries the endpoints.\n\n" +
            "Exit status: 0 works as far as can be seen, 1 a cause was found, 2 could not run, 3 unknown.\n\n" +
            "Examples:\n  portolan why shop/web\n  portolan why web.shop.svc.cluster.local:80 --from pod\n" +
            "  portolan why 30080 --from outside --rules dump.txt")
        {
            what, from, podCidr, noProbe,
        };
        cluster.AddTo(command);
        options.CompleteServices(what);
        options.AddTo(command);
        options.Nodes.AddAllTo(command);
        options.Asked = what;
        options.Run(command, async (parsed, chart, cancel) =>
        {
            if (ClusterInput.PodRanges(parsed.GetValue(podCidr) ?? [], chart) is not { } podRanges)
                return ExitStatus.CouldNotRun;
            if (!ServiceNames.TryClient(parsed.GetValue(from), from.Name, chart, out ClientPlace[] places, out InetAddress? source))
                return ExitStatus.CouldNotRun;
            (bool isGood, ClusterFacts? facts) = await cluster.ReadFactsAsync(parsed, chart, cancel);
            if (!isGood || ChartInput.Read(parsed, options, chart, canBeEmpty: facts is not null) is not { } input)
                return ExitStatus.CouldNotRun;
            if (facts is not null)
                input.Name(services => services.Named(facts.Services));
            string asked = parsed.GetValue(what)!;
            List<(ProgrammedService Service, ProgrammedFrontend[] Frontends)> targets = ServiceNames.Find(asked, input);
            List<Diagnosis> diagnoses;
            if (targets.Count > 0)
            {
                LiveFacts live = await LiveEvidence.OfAsync(input, parsed.GetValue(options.Netns), !parsed.GetValue(noProbe),
                    [.. targets.Select(target => target.Service)], cancel);
                var asker = new Diagnostician(input.Rules, input.Services, input.Node, facts, live, [.. podRanges]);
                diagnoses = [.. targets.SelectMany(target => asker.Ask(target.Service, target.Frontends, places, source))
                    .OrderBy(diagnosis => diagnosis.State)];
            }
            else if (facts is not null && ServiceOf(asked, facts) is { } service)
            {
                diagnoses = [Diagnostician.NotProgrammed(service, input.Rules)];
            }
            else
            {
                // Says what there is instead.
                input.Find(ServiceNames.NameOf(asked), null, chart);
                return ExitStatus.Findings;
            }
            var answer = WhyAnswer.Of(diagnoses, input.Guide, input.ReportedInput);
            if (parsed.GetValue(options.Json))
                chart.Json(answer, AnswersJsonContext.Default.WhyAnswer);
            else
                WhyRenderer.Print(answer, parsed.GetValue(options.Verbose), chart);
            return diagnoses.Exists(diagnosis => diagnosis.State == DiagnosisState.Fails) ? ExitStatus.Findings
                : diagnoses.Exists(diagnosis => diagnosis.State == DiagnosisState.Unknown) ? ExitStatus.Partial : input.AnsweredStatus;
        });
        return command;
    }

    internal static Option<bool> NoProbeOption() => new("--no-probe")
    {
        Description = "Open no connection to the endpoints. Without it, where live rules are read, each of the first 16 TCP " +
            "endpoints gets one, which is closed at once: one that is refused (RST) leaves no other trace on the node.",
    };

    private static ServiceObject? ServiceOf(string asked, ClusterFacts facts)
    {
        string name = ServiceNames.NameOf(asked).Split(':')[0];
        return facts.Find(name) ?? facts.Find($"default/{name}") ?? (InetAddress.TryParse(name, out InetAddress address)
            ? facts.Services.FirstOrDefault(service => service.ClusterIPs.Contains(address)) : null)
            ?? (facts.Services.Where(service => service.Name.Name == name).ToArray() is [var only] ? only : null);
    }
}
