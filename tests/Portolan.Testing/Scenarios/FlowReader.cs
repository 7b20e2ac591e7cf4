using System.Collections.Immutable;
using Portolan.Inet;
using YamlDotNet.RepresentationModel;

namespace Portolan.Testing.Scenarios;

/// <summary>Reads one flow of a scenario file.</summary>
internal static class FlowReader
{
    public static ScenarioFlow Read(string file, YamlNode node)
    {
        var map = new YamlMap(file, node, "a flow");
        FlowOrigin origin = map.Text("from") switch
        {
            null or "node" => FlowOrigin.Node,
            "external" => FlowOrigin.External,
            "pod" => FlowOrigin.Pod,
            { } other => throw map.Error($"from: '{other}' is none of external, pod, node"),
        };
        HttpProbe? http = map.Find("http") is { } probe ? ReadHttp(file, probe) : null;
        InetAddress destination = http is null ? ScenarioReader.ReadAddress(map, map.NeedText("dst")) : default;
        IpProtocol protocol = ReadProtocol(map, destination.Family);
        var byMode = ImmutableDictionary.CreateBuilder<ProxyMode, Expectation>();
        if (map.Find("expectByMode") is { } perMode)
        {
            var modes = new YamlMap(file, perMode, "expectByMode");
            foreach (ProxyMode mode in Enum.GetValues<ProxyMode>())
            {
                if (modes.Find(mode.ToConfigText()) is { } wanted)
                    byMode[mode] = ReadExpectation(file, wanted);
            }
            modes.RefuseUnknownKeys();
        }
        var flow = new ScenarioFlow
        {
            Name = map.Text("name") ?? $"line {map.Line}",
            From = origin,
            Sources = http is null ? ReadSources(map, origin, destination.Family) : [],
            SourcePort = ReadPort(map, "sport"),
            Destination = destination,
            DestinationPort = ReadPort(map, "dport"),
            Protocol = protocol,
            Expect = map.Find("expect") is { } expected ? ReadExpectation(file, expected) : null,
            ExpectByMode = byMode.ToImmutable(),
            Tries = map.Number("tries"),
            Sticky = map.Flag("sticky") ?? false,
            SameAs = map.Text("sameAs"),
            KeepConntrack = map.Flag("keepConntrack") ?? false,
            CheckReply = (map.Flag("reply") ?? true) && protocol is IpProtocol.Tcp or IpProtocol.Udp,
            Connection = map.Text("connection") switch
            {
                null => FlowConnection.None,
                "opens" => FlowConnection.Opens,
                "goesOn" => FlowConnection.GoesOn,
                { } other => throw map.Error($"connection: '{other}' is neither opens nor goesOn"),
            },
            Only = ScenarioReader.ReadModes(map, "only"),
            Http = http,
            Line = map.Line,
        };
        map.RefuseUnknownKeys();
        if (http is null && flow.Expect is null && byMode.Count == 0)
            throw map.Error($"flow '{flow.Name}' expects nothing");
        if (flow.Connection != FlowConnection.None && (protocol != IpProtocol.Tcp || origin == FlowOrigin.Node || flow.SourcePort == 0
            || flow.Sources.Length != 1 || (flow.Connection == FlowConnection.Opens && !flow.CheckReply)))
        {
            throw map.Error($"flow '{flow.Name}': a connection is of TCP, from one source and sport, not the node's own, and opens " +
                "with a reply");
        }
        if (http is null && flow.DestinationPort == 0 && protocol is not (IpProtocol.Icmp or IpProtocol.IcmpV6))
            throw map.Error($"flow '{flow.Name}' has no dport");
        return flow;
    }

    private static IpProtocol ReadProtocol(YamlMap map, IpFamily family) => map.Text("proto") switch
    {
        null or "TCP" => IpProtocol.Tcp,
        "UDP" => IpProtocol.Udp,
        "SCTP" => IpProtocol.Sctp,
        "ICMP" => family == IpFamily.IPv6 ? IpProtocol.IcmpV6 : IpProtocol.Icmp,
        { } other => throw map.Error($"proto: '{other}' is none of TCP, UDP, SCTP, ICMP"),
    };

    private static ushort ReadPort(YamlMap map, string key) =>
        map.Number(key) is not { } port ? (ushort)0
        : port is > 0 and <= ushort.MaxValue ? (ushort)port
        : throw map.Error($"{key}: {port} is no port");

    private static ImmutableArray<InetAddress> ReadSources(YamlMap map, FlowOrigin origin, IpFamily family)
    {
        ImmutableArray<string> texts = [.. map.Texts("srcs")];
        string? single = map.Text("src");
        if (texts is [var range] && range.Contains('/', StringComparison.Ordinal))
        {
            if (!InetPrefix.TryParse(range, out InetPrefix prefix) || prefix.Address.Length * 8 - prefix.Length > 12)
                throw map.Error($"srcs: '{range}' is no address range of at most 4096 addresses");
            var all = ImmutableArray.CreateBuilder<InetAddress>();
            for (UInt128 number = prefix.Address.ToNumber(); number <= prefix.Last.ToNumber(); number++)
                all.Add(family == IpFamily.IPv6 ? InetAddress.FromIPv6(number) : InetAddress.FromIPv4((uint)number));
            return all.ToImmutable();
        }
        if (!texts.IsEmpty)
            return [.. texts.Select(text => ScenarioReader.ReadAddress(map, text))];
        if (single is not null)
            return [ScenarioReader.ReadAddress(map, single)];
        return (origin, family) switch
        {
            (FlowOrigin.External, IpFamily.IPv4) => [InetAddress.Parse("203.0.113.2")],
            (FlowOrigin.External, _) => [InetAddress.Parse("2001:db8:cafe::2")],
            (FlowOrigin.Pod, IpFamily.IPv4) => [InetAddress.Parse("10.180.0.200")],
            (FlowOrigin.Pod, _) => [InetAddress.Parse("fd00:10:180::200")],
            _ => [],
        };
    }

    private static HttpProbe ReadHttp(string file, YamlNode node)
    {
        var map = new YamlMap(file, node, "http");
        string url = map.NeedText("url");
        if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? address))
            throw map.Error($"'{url}' is no URL");
        var probe = new HttpProbe(address, map.Number("status") ?? 200, map.Text("contains"), map.Text("header"));
        map.RefuseUnknownKeys();
        return probe;
    }

    private static Expectation ReadExpectation(string file, YamlNode node)
    {
        if (node is YamlScalarNode { Value: var word })
        {
            return word switch
            {
                "reject" => new Refused(),
                "drop" => new Dropped(),
                "direct" => new Direct(Masquerade: false),
                "local" => new DeliveredToNode(),
                _ => throw YamlMap.Error(file, node, $"'{word}' is none of reject, drop, direct, local"),
            };
        }
        var map = new YamlMap(file, node, "expect");
        Expectation result;
        if (map.Find("any") is YamlSequenceNode choices)
        {
            result = new AnyOf([.. choices.Children.Select(choice => ReadExpectation(file, choice))]);
        }
        else if (map.Flag("direct") is true)
        {
            result = new Direct(map.Flag("masq"));
        }
        else
        {
            ImmutableArray<InetEndpoint> destinations = [.. map.Texts("to")
                .Select(text => InetEndpoint.TryParse(text, out InetEndpoint endpoint)
                ? endpoint
                : throw map.Error($"to: '{text}' is no address with port"))];
            if (destinations.IsEmpty)
                throw map.Error("expect names no destination");
            FlowOrigin? device = map.Text("dev") switch
            {
                null => null,
                "pod" => FlowOrigin.Pod,
                "ext" => FlowOrigin.External,
                { } other => throw map.Error($"dev: '{other}' is neither pod nor ext"),
            };
            result = new Reaches(destinations, map.Flag("masq"), map.Flag("spread") ?? false, device, map.Flag("randomPort") ?? false);
        }
        map.RefuseUnknownKeys();
        return result;
    }
}
