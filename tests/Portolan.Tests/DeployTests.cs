using System.Text.Json;
using System.Text.RegularExpressions;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using YamlDotNet.RepresentationModel;

namespace Portolan.Tests;

/// <summary>The files in deploy/: what they name exists, and the two kinds of manifests say the same.</summary>
public sealed partial class DeployTests
{
    private static readonly string s_deploy = Path.Combine(PortolanBinary.RepositoryRoot, "deploy");

    public static TheoryData<string> Overlays =>
        ["base", "overlays/canary", "overlays/iptables", "overlays/own-config", "overlays/cleanup"];

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Kustomize_renders_every_overlay(string overlay)
    {
        YamlMappingNode[] objects = Render(overlay);

        YamlMappingNode daemonSet = Assert.Single(objects, static one => Text(one, "kind") == "DaemonSet");
        YamlMappingNode pod = Pod(daemonSet);
        Assert.Equal("true", Text(pod, "hostNetwork"));
        YamlMappingNode[] containers = [.. List(pod, "containers"), .. pod.Children.ContainsKey("initContainers")
            ? List(pod, "initContainers") : []];
        Assert.All(containers, static container =>
        {
            YamlMappingNode rights = Map(container, "securityContext");
            Assert.Equal("false", Text(rights, "allowPrivilegeEscalation"));
            Assert.Equal("true", Text(rights, "readOnlyRootFilesystem"));
            Assert.StartsWith("portolan:0.1.0", Text(container, "image"), StringComparison.Ordinal);
        });
        // What is mounted exists as a volume.
        string[] volumes = [.. List(pod, "volumes").Select(static volume => Text(volume, "name"))];
        Assert.All(containers.SelectMany(static container => List(container, "volumeMounts")),
            mount => Assert.Contains(Text(mount, "name"), volumes));
    }

    [Fact]
    public void The_canary_runs_on_labelled_nodes_alone()
    {
        YamlMappingNode pod = Pod(Render("overlays/canary").Single(static one => Text(one, "kind") == "DaemonSet"));

        Assert.Equal("portolan", Text(Map(pod, "nodeSelector"), "service-proxy"));
        Assert.Equal("linux", Text(Map(pod, "nodeSelector"), "kubernetes.io/os"));
    }

    [Fact]
    public void The_configuration_of_the_manifests_starts_the_proxy_without_a_word()
    {
        using var run = new PortolanRun();
        string file = Path.Combine(s_deploy, "kustomize", "overlays", "own-config", "config.conf");

        Outcome outcome = run.Run(["preflight", "--config", file]);

        Assert.Equal(0, outcome.Status);
        Assert.DoesNotContain("configuration:", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_chart_renders_the_same_pod_and_rights_as_kustomize()
    {
        YamlMappingNode[] chart = RenderChart();
        YamlMappingNode[] plain = Render("base");

        foreach (string field in (string[])["command", "env", "securityContext", "readinessProbe", "livenessProbe", "resources",
            "volumeMounts", "image"])
            Assert.Equal(Canonical(Container(plain).Children[field]), Canonical(Container(chart).Children[field]));
        Assert.Equal(Canonical(Of(plain, "ClusterRole").Children["rules"]), Canonical(Of(chart, "ClusterRole").Children["rules"]));
        foreach (string field in (string[])["volumes", "hostNetwork", "tolerations", "nodeSelector", "priorityClassName"])
            Assert.Equal(Canonical(Pod(Of(plain, "DaemonSet")).Children[field]), Canonical(Pod(Of(chart, "DaemonSet")).Children[field]));
        Assert.Equal(Canonical(Map(Of(plain, "DaemonSet"), "spec").Children["updateStrategy"]),
            Canonical(Map(Of(chart, "DaemonSet"), "spec").Children["updateStrategy"]));
    }

    [Fact]
    public async Task Dashboard_and_alert_rules_name_metrics_that_there_are()
    {
        using var run = new PortolanRun();
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(run.Configuration());
        await run.UntilSyncedAsync(1);
        string page = run.Tools("curl", "-s", "http://127.0.0.1:10249/metrics");
        // Only with an API server; KubernetesTests sees them.
        string[] known = [.. TypeLine().Matches(page).Select(static line => line.Groups[1].Value), "rest_client_requests_total",
            "portolan_watch_reconnects_total"];

        string alerts = File.ReadAllText(Path.Combine(s_deploy, "monitoring", "alerts.yaml"));
        string dashboard = File.ReadAllText(Path.Combine(s_deploy, "monitoring", "dashboard.json"));
        using JsonDocument parsed = JsonDocument.Parse(dashboard);
        string[] named = [.. MetricName().Matches(alerts + dashboard).Select(static name => name.Value).Distinct()];

        Assert.True(named.Length > 15);
        Assert.DoesNotContain(named, name => !known.Contains(name) && !known.Contains(Suffix().Replace(name, "")));
        Assert.NotEmpty(parsed.RootElement.GetProperty("panels").EnumerateArray());
        Assert.NotEmpty(Load(alerts));
    }

    private static YamlMappingNode[] Render(string overlay)
    {
        if (Tool.Find("kubectl") is null)
            Assert.Skip("kubectl, which renders kustomizations, is not here");
        return Load(Tool.Run("kubectl", ["kustomize", Path.Combine(s_deploy, "kustomize", overlay)]));
    }

    // The chart keeps to values, toYaml and nindent, so that what helm does with it can be done here.
    private static YamlMappingNode[] RenderChart()
    {
        string chart = Path.Combine(s_deploy, "helm", "portolan");
        YamlMappingNode values = Load(File.ReadAllText(Path.Combine(chart, "values.yaml")))[0];
        string templates = string.Join("\n---\n", Directory.EnumerateFiles(Path.Combine(chart, "templates")).Order(StringComparer.Ordinal)
            .Select(File.ReadAllText));
        string rendered = Structure().Replace(templates, match =>
        {
            string indent = new(' ', int.Parse(match.Groups["indent"].Value, System.Globalization.CultureInfo.InvariantCulture));
            return $"\n{indent}{Canonical(Value(values, match.Groups["path"].Value))}";
        });
        rendered = Scalar().Replace(rendered, match => match.Groups["path"].Value switch
        {
            ".Release.Name" => "portolan",
            ".Release.Namespace" => "kube-system",
            string path => ((YamlScalarNode)Value(values, path)).Value!,
        });
        Assert.DoesNotContain("{{", rendered, StringComparison.Ordinal);
        return Load(rendered);
    }

    private static YamlNode Value(YamlMappingNode values, string path) =>
        path[".Values.".Length..].Split('.').Aggregate((YamlNode)values, static (node, name) => ((YamlMappingNode)node).Children[name]);

    private static YamlMappingNode[] Load(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return [.. stream.Documents.Select(static document => (YamlMappingNode)document.RootNode)];
    }

    private static string Canonical(YamlNode node) => node switch
    {
        YamlMappingNode map => $"{{{string.Join(", ", map.Children.OrderBy(static pair => pair.Key.ToString(), StringComparer.Ordinal)
            .Select(static pair => $"{Canonical(pair.Key)}: {Canonical(pair.Value)}"))}}}",
        YamlSequenceNode list => $"[{string.Join(", ", list.Children.Select(Canonical))}]",
        YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } number when int.TryParse(number.Value, out _)
            || number.Value is "true" or "false" => number.Value!,
        _ => JsonSerializer.Serialize(((YamlScalarNode)node).Value),
    };

    private static YamlMappingNode Of(YamlMappingNode[] objects, string kind) => objects.Single(one => Text(one, "kind") == kind);

    private static YamlMappingNode Pod(YamlMappingNode daemonSet) => Map(Map(Map(daemonSet, "spec"), "template"), "spec");

    private static YamlMappingNode Container(YamlMappingNode[] objects) => List(Pod(Of(objects, "DaemonSet")), "containers")[0];

    private static YamlMappingNode Map(YamlMappingNode from, string name) => (YamlMappingNode)from.Children[name];

    private static YamlMappingNode[] List(YamlMappingNode from, string name) =>
        [.. ((YamlSequenceNode)from.Children[name]).Children.Cast<YamlMappingNode>()];

    private static string Text(YamlMappingNode from, string name) => from.Children[name].ToString();

    [GeneratedRegex(@"^# TYPE (\S+) ", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex("(?:kubeproxy|portolan|process|rest_client|kubernetes)_[a-z0-9_]+")]
    private static partial Regex MetricName();

    [GeneratedRegex("_(?:bucket|sum|count)$")]
    private static partial Regex Suffix();

    [GeneratedRegex(@"\s*\{\{- toYaml (?<path>[.\w]+) \| nindent (?<indent>\d+) \}\}")]
    private static partial Regex Structure();

    [GeneratedRegex(@"\{\{ (?<path>[.\w]+) \}\}")]
    private static partial Regex Scalar();
}
