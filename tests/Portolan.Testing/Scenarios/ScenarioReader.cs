using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Portolan.Inet;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Portolan.Testing.Scenarios;

/// <summary>Reads scenario files. Unknown keys are errors, so that a misspelt one cannot make a test pass.</summary>
public static class ScenarioReader
{
    /// <summary>Reads all scenarios of one file's text.</summary>
    /// <param name="file">The name that messages and test names carry.</param>
    /// <param name="text">YAML: a scenario, a list of them, several documents, or a map with `scenarios`.</param>
    /// <exception cref="ScenarioFormatException">The text is no YAML, or says what the format does not know.</exception>
    public static ImmutableArray<Scenario> Read(string file, string text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException broken)
        {
            throw new ScenarioFormatException(file, (int)broken.Start.Line, broken.Message, broken);
        }
        ImmutableArray<Scenario> scenarios = [.. stream.Documents.SelectMany(document => ReadRoot(file, document.RootNode))];
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (Scenario scenario in scenarios)
        {
            if (!names.Add(scenario.Name))
                throw new ScenarioFormatException(file, 1, $"two scenarios are called '{scenario.Name}'");
        }
        return scenarios;
    }

    private static IEnumerable<Scenario> ReadRoot(string file, YamlNode root)
    {
        if (root is YamlSequenceNode list)
            return list.Children.Select(node => ReadScenario(file, node));
        var map = new YamlMap(file, root, "a scenario");
        if (map.Find("scenarios") is YamlSequenceNode inner)
        {
            map.RefuseUnknownKeys();
            return inner.Children.Select(node => ReadScenario(file, node));
        }
        return [ReadScenario(file, root)];
    }

    private static Scenario ReadScenario(string file, YamlNode node)
    {
        var map = new YamlMap(file, node, "a scenario");
        string name = map.NeedText("name");
        ImmutableArray<IpFamily> families =
            [.. map.Texts("ipFamily").Concat(map.Texts("ipFamilies")).Select(text => ReadFamily(map, text))];
        if (families.IsEmpty)
            families = [IpFamily.IPv4];
        ScenarioNode where = ReadNode(file, map.Find("node"), families);
        var scenario = new Scenario
        {
            File = file,
            Name = name,
            Modes = ReadModes(map, "modes"),
            Node = where,
            Objects = ReadObjects(file, map, "objects"),
            ProxyConfig = map.Object("proxyConfig"),
            Steps = [.. map.Items("steps").Select(step => ReadStep(file, step))],
        };
        map.RefuseUnknownKeys();
        CheckReferences(map, scenario);
        return scenario;
    }

    private static void CheckReferences(YamlMap map, Scenario scenario)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (ScenarioFlow flow in scenario.Steps.SelectMany(static step => step.Flows))
        {
            if (flow.SameAs is { } earlier && !known.Contains(earlier))
                throw map.Error($"flow '{flow.Name}': sameAs names no earlier flow: '{earlier}'");
            known.Add(flow.Name);
        }
    }

    private static ScenarioNode ReadNode(string file, YamlNode? node, ImmutableArray<IpFamily> families)
    {
        var map = new YamlMap(file, node ?? new YamlMappingNode(), "node");
        ImmutableArray<InetAddress> addresses = ReadAddresses(map, "ips");
        if (addresses.IsEmpty)
        {
            addresses = families.Contains(IpFamily.IPv6)
                ? [InetAddress.Parse("192.168.0.2"), InetAddress.Parse("2001:db8::1")]
                : [InetAddress.Parse("192.168.0.2")];
        }
        ImmutableArray<InetAddress> internalAddresses = ReadAddresses(map, "nodeIPs");
        if (internalAddresses.IsEmpty)
            internalAddresses = [.. addresses.GroupBy(static address => address.Family).Select(static family => family.First())];
        ImmutableArray<InetPrefix> pods = [.. map.Texts("podCIDRs").Select(text => ReadPrefix(map, text))];
        if (pods.IsEmpty)
            pods = [InetPrefix.Parse("10.180.0.0/24"), InetPrefix.Parse("fd00:10:180::/64")];
        var result = new ScenarioNode(map.Text("name") ?? "test-node", addresses, internalAddresses, pods,
            map.TextMap("labels"), map.TextMap("annotations"));
        map.RefuseUnknownKeys();
        return result;
    }

    private static ScenarioStep ReadStep(string file, YamlNode node)
    {
        var map = new YamlMap(file, node, "a step");
        var step = new ScenarioStep
        {
            Name = map.Text("name") ?? "step",
            Apply = ReadObjects(file, map, "apply"),
            Delete = [.. map.Items("delete").Select(item => ReadKey(file, item))],
            AddAddresses = ReadAddresses(map, "addIPs"),
            RemoveAddresses = ReadAddresses(map, "removeIPs"),
            ForeignRules = map.Text("rules"),
            Proxy = map.Text("proxy") switch
            {
                null => ProxyAction.None,
                "stop" => ProxyAction.Stop,
                "kill" => ProxyAction.Kill,
                "start" => ProxyAction.Start,
                "restart" => ProxyAction.Restart,
                "crash" => ProxyAction.Crash,
                "afresh" => ProxyAction.Afresh,
                { } other => throw map.Error($"proxy: '{other}' is none of stop, kill, start, restart, crash, afresh"),
            },
            ProxyMode = map.Text("proxyMode") is { } mode ? ReadMode(map, mode) : null,
            Wait = TimeSpan.FromSeconds(map.Number("waitSeconds") ?? 0),
            Flows = [.. map.Items("flows").Select(flow => FlowReader.Read(file, flow))],
        };
        map.RefuseUnknownKeys();
        return step;
    }

    private static ImmutableArray<JsonObject> ReadObjects(string file, YamlMap map, string key)
    {
        var objects = ImmutableArray.CreateBuilder<JsonObject>();
        foreach (YamlNode item in map.Items(key))
        {
            JsonObject read = YamlMap.ToJsonObject(file, item);
            string? kind = (string?)read["kind"];
            if (kind is null)
                throw YamlMap.Error(file, item, "an object without kind");
            objects.Add(kind == "Eps" ? EndpointSliceShorthand.Expand(file, item) : read);
        }
        return objects.ToImmutable();
    }

    private static ObjectKey ReadKey(string file, YamlNode node)
    {
        if (node is YamlMappingNode)
            return ClusterObjects.KeyOf(YamlMap.ToJsonObject(file, node));
        string text = ((YamlScalarNode)node).Value ?? string.Empty;
        return text.Split('/') switch
        {
            [var kind, var name] => new(kind, string.Empty, name),
            [var kind, var ns, var name] => new(kind, ns, name),
            _ => throw YamlMap.Error(file, node, $"'{text}' is not of the form Kind/namespace/name or Kind/name"),
        };
    }

    internal static ImmutableArray<ProxyMode> ReadModes(YamlMap map, string key) =>
        [.. map.Texts(key).Select(text => ReadMode(map, text))];

    internal static ProxyMode ReadMode(YamlMap map, string text) =>
        ProxyModes.TryParse(text, out ProxyMode mode) ? mode : throw map.Error($"'{text}' is no proxy mode");

    internal static ImmutableArray<InetAddress> ReadAddresses(YamlMap map, string key) =>
        [.. map.Texts(key).Select(text => ReadAddress(map, text))];

    internal static InetAddress ReadAddress(YamlMap map, string text) =>
        InetAddress.TryParse(text, out InetAddress address) ? address : throw map.Error($"'{text}' is no IP address");

    private static InetPrefix ReadPrefix(YamlMap map, string text) =>
        InetPrefix.TryParse(text, out InetPrefix prefix) ? prefix : throw map.Error($"'{text}' is no address range");

    private static IpFamily ReadFamily(YamlMap map, string text) => text switch
    {
        "IPv4" => IpFamily.IPv4,
        "IPv6" => IpFamily.IPv6,
        _ => throw map.Error($"'{text}' is neither IPv4 nor IPv6"),
    };
}
