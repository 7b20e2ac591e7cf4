using System.CommandLine;
using Portolan.Chart.Renderers;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Checks;
using Portolan.Services.Planning;

namespace Portolan.Chart;

/// <summary>portolan check: what is wrong with the rules.</summary>
internal static class CheckCommand
{
    internal static Command Create(ChartSession session)
    {
        var options = new ChartOptions(session);
        var from = new ClusterOptions(options);
        var podCidr = new Option<string[]>("--pod-cidr")
        {
            Description = "Range of pod addresses (clusterCIDR), to compare with the range in the rules. May be repeated.",
            HelpName = "CIDR",
        };
        var command = new Command("check",
            "Look for what is wrong with the rules: unequal shares, missing or unused chains, rules that never match, " +
            "rules of other programs that come first, two proxies or back-ends at once, marks without effect; and with " +
            "--manifests, --kubeconfig or --in-cluster whether rules and cluster agree.\n\n" +
            "Exit status: 0 clean, 1 findings, 2 could not run, 3 no findings in what could be read of the input.\n\n" +
            "Examples:\n  portolan check\n  portolan check --kubeconfig admin.conf --node node-a\n" +
            "  portolan check --rules dump.txt --manifests cluster/ --node node-a --pod-cidr 10.244.0.0/16")
        {
            podCidr,
        };
        from.AddTo(command);
        options.AddTo(command);
        options.Nodes.AddAllTo(command);
        options.Run(command, async (parsed, chart, cancel) =>
        {
            if (ClusterInput.PodRanges(parsed.GetValue(podCidr) ?? [], chart) is not { } podRanges)
                return ExitStatus.CouldNotRun;
            (bool isGood, ServiceTable? cluster) = await from.ReadTableAsync(parsed, chart, cancel);
            // When the cluster has services, having no rules at all is the worst finding.
            if (!isGood || ChartInput.Read(parsed, options, chart, canBeEmpty: cluster is not null) is not { } input)
                return ExitStatus.CouldNotRun;
            if (cluster is not null)
                input.Name(services => services.Named(cluster.Plans));
            CheckResult result = RuleChecker.Check(new CheckInput(input.Rules, input.Services, input.Node, input.Guide)
            {
                Cluster = cluster,
                PodRanges = [.. podRanges],
                IsWholeNode = input.IsLive,
            });
            var answer = CheckAnswer.Of(result, input.Rules, input.Services, input.ReportedInput);
            if (parsed.GetValue(options.Json))
                chart.Json(answer, AnswersJsonContext.Default.CheckAnswer);
            else
                CheckRenderer.Print(answer, chart);
            return result.Findings.IsEmpty ? input.AnsweredStatus : ExitStatus.Findings;
        });
        return command;
    }
}
