using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Sources.Configuration;
using Portolan.Sources.Objects;
using Portolan.Testing.Lab;
using Portolan.Testing.Plans;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;
using ObjectKey = Portolan.Testing.Scenarios.ObjectKey;
using ProxyMode = Portolan.Testing.Scenarios.ProxyMode;

namespace Portolan.Services.Tests.Builders;

/// <summary>
/// One scenario's timeline through the service table, without a kernel: its objects read by the sources' reader, its packets taken through
/// plans.
/// </summary>
internal sealed class ScenarioTimeline
{
    private readonly Scenario _scenario;
    private readonly ProxyMode _mode;
    private readonly ClusterObjects _cluster = new();
    private readonly ObjectReader _reader = new();
    private readonly KubeProxyConfig _config;
    private readonly ServiceTable _table;
    private readonly PlanOracle _walk;
    private readonly List<ClusterEvent> _unseen = [];
    private readonly List<string> _failures = [];
    private ImmutableArray<InetAddress> _addresses;
    private bool _proxyRuns;

    public ScenarioTimeline(Scenario scenario, ProxyVariant variant)
    {
        (_scenario, _mode) = (scenario, variant.Mode);
        _addresses = scenario.Node.Addresses;
        using var text = new StringReader(PortolanProxy.ConfigurationFor(scenario, _mode).ToJsonString());
        _config = KubeProxyConfigReader.Read(text, scenario.Name);
        _table = new(_config.PolicyFor(scenario.Node.Name));
        _walk = new(_table, NodeNow(), variant);
    }

    /// <summary>Runs all steps; returns what was not as expected.</summary>
    public IReadOnlyList<string> Run()
    {
        foreach (JsonObject value in ScenarioCluster.InitialObjects(_scenario))
            Apply(value);
        _unseen.Add(new ClusterEvent.Synced());
        _proxyRuns = true;
        ProxyMode mode = _mode;
        bool isAlone = true;
        foreach (ScenarioStep step in _scenario.Steps)
        {
            if (step.Proxy is ProxyAction.Stop or ProxyAction.Kill)
                _proxyRuns = false;
            else if (step.Proxy != ProxyAction.None)
                _proxyRuns = true;
            foreach (JsonObject value in step.Apply)
                Apply(value);
            foreach (ObjectKey key in step.Delete)
                Delete(key);
            _addresses = [.. _addresses.AddRange(step.AddAddresses).Except(step.RemoveAddresses)];
            if (_proxyRuns)
                Follow();
            _walk.Wait(step.Wait);
            var judge = new FlowJudge(_addresses.Append(InetAddress.Parse("127.0.0.1")).Append(InetAddress.Parse("::1")).ToHashSet());
            // Plans say neither what another mode makes of them nor what somebody else's rules add.
            mode = step.ProxyMode ?? mode;
            isAlone &= step.ForeignRules is null;
            foreach (ScenarioFlow flow in step.Flows.Where(flow => isAlone && mode == _mode && flow.RunsIn(mode)))
                Check(step, flow, judge);
        }
        return _failures;
    }

    private void Apply(JsonObject value)
    {
        ObjectKey key = _cluster.Apply(value);
        JsonObject now = _cluster.Objects[key];
        ObjectKind kind = ObjectKinds.Of((string?)now["apiVersion"], key.Kind);
        ClusterEvent? seen = kind == ObjectKind.Other || (kind == ObjectKind.Node && key.Name != _scenario.Node.Name)
            ? null
            : _reader.Read(kind, JsonSerializer.SerializeToUtf8Bytes((JsonNode)now)).Set ?? Gone(key);
        if (seen is not null)
            _unseen.Add(seen);
    }

    private void Delete(ObjectKey key)
    {
        _cluster.Delete(key);
        if (Gone(key) is { } gone)
            _unseen.Add(gone);
    }

    private ClusterEvent? Gone(ObjectKey key) => key.Kind switch
    {
        "Service" => new ClusterEvent.ServiceGone(new(key.Namespace, key.Name)),
        "EndpointSlice" => new ClusterEvent.SliceGone(new(key.Namespace, key.Name)),
        "ServiceCIDR" => new ClusterEvent.ServiceCidrGone(key.Name),
        "Node" when key.Name == _scenario.Node.Name => new ClusterEvent.NodeSet(null),
        _ => null,
    };

    private void Follow()
    {
        foreach (ClusterEvent change in _unseen)
            _table.Apply(change);
        _unseen.Clear();
        _table.Drain();
        _walk.Node = NodeNow();
    }

    private void Check(ScenarioStep step, ScenarioFlow flow, FlowJudge judge)
    {
        // Which backend a client sticks to is the kernel's to remember; the plan only says which ones there are.
        if (flow.SameAs is not null)
            flow = flow with { SameAs = null };
        string? fault = flow.Http is { } http ? CheckHealth(http) : CheckPackets(flow, judge);
        if (fault is not null)
            _failures.Add($"step '{step.Name}', flow '{flow.Name}' (line {flow.Line}): expected {flow.ExpectationIn(_mode)}\n    " +
                $"  {fault}");
    }

    private string? CheckPackets(ScenarioFlow flow, FlowJudge judge)
    {
        // What connection tracking remembers is not a matter of plans.
        if (flow.KeepConntrack)
            return null;
        Expectation expectation = flow.ExpectationIn(_mode)!;
        InetAddress fallback = _addresses.First(address => address.Family == flow.Destination.Family);
        string device = flow.From switch { FlowOrigin.Pod => "pod0", FlowOrigin.External => "ext0", _ => "" };
        return judge.Judge(flow, expectation, [.. Enumerable.Range(0, flow.PacketsFor(expectation)).Select(number =>
        {
            InetAddress source = flow.Sources.IsEmpty ? fallback : flow.Sources[number % flow.Sources.Length];
            return _walk.Send(flow.From, device, new(source, 40000), new(flow.Destination, flow.DestinationPort), flow.Protocol);
        })]);
    }

    private string? CheckHealth(HttpProbe http)
    {
        // Where node ports are not served, health checks are not answered.
        HealthCheckPlan? check = _walk.Node.NodePortAddresses.Contains(InetAddress.Parse(http.Url.DnsSafeHost))
            ? _table.Plans.Select(static plan => plan.HealthCheck).FirstOrDefault(check => check?.Port == http.Url.Port)
            : null;
        // The proxy's own /healthz and /livez are not in plans.
        if (check is null)
            return http.Url.Port is 10256 or 10249 || http.Status == 0 ? null : $"no health check on port {http.Url.Port}";
        int? ready = http.Url.Host.Contains(':', StringComparison.Ordinal) ? check.ReadyLocalIPv6 : check.ReadyLocalIPv4;
        int status = ready is > 0 ? 200 : 503;
        return status == http.Status ? null : $"health check: {check}";
    }

    /// <summary>nodePortAddresses as the mode reads it.</summary>
    private PlanOracleNode NodeNow()
    {
        ImmutableArray<InetPrefix> ranges = _config.NodePortAddresses.Ranges;
        // Mode iptables has IPv4 loopback among the node's addresses, unless told not to.
        IEnumerable<InetAddress> all = _mode == ProxyMode.IpTables && _config.LocalhostNodePorts
            ? _addresses.Append(InetAddress.Parse("127.0.0.1")) : _addresses;
        IEnumerable<InetAddress> chosen = new[] { IpFamily.IPv4, IpFamily.IPv6 }.SelectMany(family =>
        {
            ImmutableArray<InetAddress> own = [.. all.Where(address => address.Family == family)];
            ImmutableArray<InetAddress> listed = [.. (_table.Node?.Addresses ?? []).Where(address => address.Family == family)];
            if (_config.NodePortAddresses.IsPrimary || (ranges.IsEmpty && _mode == ProxyMode.NfTables))
                return listed.IsEmpty ? own : listed[..1];
            ImmutableArray<InetPrefix> ofFamily = [.. ranges.Where(range => range.Family == family)];
            return ofFamily.IsEmpty ? own : [.. own.Where(address => ofFamily.Any(range => range.Contains(address)))];
        });
        return new(_addresses, [.. chosen], _scenario.Node.PodPrefixes)
        {
            NodePortsOnAllIPv4 = !_config.NodePortAddresses.IsPrimary
                && !ranges.Any(static range => range is { Address.Family: IpFamily.IPv4, Length: > 0 }),
        };
    }
}
