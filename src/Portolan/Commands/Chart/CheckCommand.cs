using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Portolan.Inet;
using Portolan.Inspect;
using Portolan.Services;
using Portolan.Services.Cluster;
using Portolan.Services.Plan;
using Portolan.Sources;
using Portolan.Sources.Manifests;
using Spectre.Console;

namespace Portolan.Commands.Chart;

/// <summary>portolan check: what is wrong with the rules.</summary>
internal static class CheckCommand
{
    internal static Command Create()
    {
        var options = new ChartOptions();
        var manifests = new Option<string?>("--manifests") { Description = "Folder or file with the cluster's Services, EndpointSlices and Nodes, to compare with.", HelpName = "DIR" };
        var nodeName = new Option<string?>("--node") { Description = "Name of the node the rules are from; the host's name without it.", HelpName = "NAME" };
        var podCidr = new Option<string[]>("--pod-cidr") { Description = "Range of pod addresses (clusterCIDR).", HelpName = "CIDR" };
        var command = new Command("check", "Look for what is wrong with the rules: shares that are not equal, chains that are missing or unused, rules that never match, "
            + "two proxies at once, marks without effect; and with --manifests whether rules and cluster agree.\n\n"
            + "Exit status: 0 clean, 1 findings, 2 could not run.\n\nExample: portolan check --rules dump.txt --manifests cluster/ --node node-a")
        {
            manifests, nodeName, podCidr,
        };
        options.AddTo(command);
        command.SetAction(parsed =>
        {
            var chart = new ChartOutput();
            ServiceTable? cluster = null;
            if (parsed.GetValue(manifests) is { } path)
            {
                if (!File.Exists(path) && !Directory.Exists(path))
                {
                    chart.Error($"--manifests: {path} does not exist.");
                    return ExitStatus.CouldNotRun;
                }
                try
                {
                    cluster = ReadCluster(path, parsed.GetValue(nodeName) ?? Environment.MachineName.ToLowerInvariant(), parsed.GetValue(podCidr) ?? [], chart);
                }
                catch (SourceException error)
                {
                    chart.Error(error.Message);
                    return ExitStatus.CouldNotRun;
                }
            }
            if (ChartInput.Read(parsed, options, chart) is not { } input)
                return ExitStatus.CouldNotRun;
            IReadOnlyList<Finding> findings = RuleChecker.Check(input.Rules, input.Services, input.Node, input.Guide, cluster);
            if (parsed.GetValue(options.Json))
                ChartOutput.Json(writer => WriteJson(writer, findings));
            else
                Print(findings, input, chart);
            return findings.Count > 0 ? ExitStatus.Findings : ExitStatus.Ok;
        });
        return command;
    }

    private static ServiceTable ReadCluster(string path, string nodeName, string[] podCidrs, ChartOutput chart)
    {
        var cidrs = podCidrs.Select(text => InetPrefix.TryParse(text, out InetPrefix prefix) ? prefix : default).Where(prefix => prefix.Family != IpFamily.None).ToList();
        LocalDetector Detector(IpFamily family) => cidrs.Exists(cidr => cidr.Family == family)
            ? new LocalDetector(LocalDetection.Cidrs, [.. cidrs.Where(cidr => cidr.Family == family)], string.Empty)
            : LocalDetector.None;
        var table = new ServiceTable(new ProxyPolicy
        {
            NodeName = nodeName,
            DetectorIPv4 = Detector(IpFamily.IPv4),
            DetectorIPv6 = Detector(IpFamily.IPv6),
        });
        (IReadOnlyList<ClusterEvent> events, IReadOnlyList<Problem> problems) = ManifestSource.ReadOnce(path, nodeName);
        foreach (Problem problem in problems)
            chart.Message(problem.ToString());
        foreach (ClusterEvent change in events)
            table.Apply(change);
        table.Apply(new ClusterEvent.Synced());
        table.Drain();
        return table;
    }

    private static void Print(IReadOnlyList<Finding> findings, ChartInput input, ChartOutput chart)
    {
        foreach (Finding finding in findings)
        {
            Color color = finding.Severity switch { FindingSeverity.Error => Color.Red, FindingSeverity.Warning => Color.Yellow, _ => Color.Default };
            chart.Line($"{finding.Severity.ToString().ToLowerInvariant()}: {finding.Subject}: {finding.Code}", new Style(color));
            if (finding.Place is { } place)
                chart.Line($"  rule  {place}: {RuleText.Of(place.Rule)}");
            chart.Line($"  what  {finding.Explanation}");
            chart.Line($"  do    {finding.Advice}");
        }
        string services = input.Services.Services.Length.ToString(CultureInfo.InvariantCulture);
        chart.Line(findings.Count == 0
            ? $"No findings: {services} service ports, {RuleCount(input)} rules."
            : $"{findings.Count.ToString(CultureInfo.InvariantCulture)} findings in {services} service ports, {RuleCount(input)} rules.");
    }

    private static string RuleCount(ChartInput input) =>
        input.Rules.Tables.Sum(table => table.Chains.Sum(chain => chain.Rules.Length)).ToString(CultureInfo.InvariantCulture);

    private static void WriteJson(Utf8JsonWriter writer, IReadOnlyList<Finding> findings)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("findings");
        foreach (Finding finding in findings)
        {
            writer.WriteStartObject();
            writer.WriteString("severity", finding.Severity.ToString().ToLowerInvariant());
            writer.WriteString("code", finding.Code);
            writer.WriteString("subject", finding.Subject);
            if (finding.Place is { } place)
            {
                writer.WriteString("table", place.Table.Name);
                writer.WriteString("chain", place.Chain.Name);
                writer.WriteNumber("rule", place.Index + 1);
                writer.WriteString("text", RuleText.Of(place.Rule));
                writer.WriteString("source", place.Rule.Source.ToString());
            }
            writer.WriteString("explanation", finding.Explanation);
            writer.WriteString("advice", finding.Advice);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
