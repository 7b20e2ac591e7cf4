using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Lab;

/// <summary>Runs one scenario in one mode with real packets.</summary>
public sealed class ScenarioRun
{
    // A first start may have to compile the program; a change is a matter of milliseconds on a machine that does nothing else.
    private static readonly TimeSpan s_patienceForStart = LabPatience.Factor * TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_patienceForChange = LabPatience.Factor * TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_patienceForSideEffects = LabPatience.Factor * TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);

    // Scenarios run side by side, but not all at once: a lab that waits for its turn on the processor measures nothing but that.
    private static readonly SemaphoreSlim s_atWork = new(initialCount: 3);

    private readonly Scenario _scenario;
    private readonly NodeLab _lab;
    private readonly ProxyUnderTest _proxy;
    private readonly FlowRunner _runner;
    private readonly FlowJudge _judge;
    private readonly SyncMarker _marker;
    private readonly Action<ScenarioStep, ScenarioFlow, string?> _judged;
    private readonly ClusterObjects _cluster = new();
    private bool _hasTurn = true;
    private readonly List<string> _failures = [];
    private ProxyMode _mode;
    private bool _proxyRuns;
    private string? _foreignRules;

    private ScenarioRun(Scenario scenario, ProxyMode mode, NodeLab lab, ProxyUnderTest proxy,
        Action<ScenarioStep, ScenarioFlow, string?> judged)
    {
        (_scenario, _mode, _lab, _proxy, _judged) = (scenario, mode, lab, proxy, judged);
        _runner = new FlowRunner(lab);
        _judge = new FlowJudge(lab.Addresses);
        _marker = new SyncMarker(lab, _runner, proxy);
    }

    /// <summary>Runs all steps, and tells <paramref name="judged"/> of each flow that was run: null, or what was not as expected.</summary>
    /// <returns>What was not as expected, ready to print; empty when all was well.</returns>
    public static async Task<ImmutableArray<string>> RunAsync(
        Scenario scenario, ProxyMode mode, ProxyFactory factory, CancellationToken cancel,
            Action<ScenarioStep, ScenarioFlow, string?>? judged = null)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentNullException.ThrowIfNull(factory);
        await s_atWork.WaitAsync(cancel);
        ScenarioRun? run = null;
        try
        {
            using var lab = new NodeLab(scenario.Name, scenario.Node.Addresses, scenario.Node.PodPrefixes);
            using ProxyUnderTest proxy = factory(scenario);
            run = new ScenarioRun(scenario, mode, lab, proxy, judged ?? (static (_, _, _) => { }));
            await run.RunStepsAsync(cancel);
            return [.. run._failures];
        }
        finally
        {
            if (run is null || run._hasTurn)
                s_atWork.Release();
        }
    }

    private async Task RunStepsAsync(CancellationToken cancel)
    {
        foreach (JsonObject value in ScenarioCluster.InitialObjects(_scenario))
            Apply(value);
        bool started = false;
        foreach (ScenarioStep step in _scenario.Steps)
        {
            ProxyAction action = step.Proxy;
            if (!started && action == ProxyAction.None)
                action = ProxyAction.Start;
            started = true;
            if (!Change(step, action))
                return;
            if (step.Wait > TimeSpan.Zero)
                await RestAsync(step.Wait, cancel).ConfigureAwait(false);
            foreach (ScenarioFlow flow in step.Flows.Where(flow => flow.RunsIn(_mode)))
                Check(step, flow);
            if (_proxyRuns && _proxy.FindMisplacedRules(_lab, _mode) is { } fault)
                Fail(step, fault);
        }
    }

    private bool Change(ScenarioStep step, ProxyAction action)
    {
        if (action is not (ProxyAction.None or ProxyAction.Start))
        {
            _proxy.Stop(kill: action is ProxyAction.Kill or ProxyAction.Crash or ProxyAction.Afresh);
            _proxyRuns = false;
        }
        if (action == ProxyAction.Afresh)
            _lab.ForgetRules();
        _foreignRules = step.ForeignRules ?? _foreignRules;
        if (_foreignRules is { } rules && (step.ForeignRules is not null || action == ProxyAction.Afresh))
            _lab.Namespace.Run(() => Tool.Run("nft", ["-f", "-"], rules));
        _mode = step.ProxyMode ?? _mode;
        foreach (JsonObject value in step.Apply)
            Apply(value);
        foreach (ObjectKey key in step.Delete)
        {
            if (_cluster.Delete(key))
                _proxy.Delete(key);
            else
                throw new InvalidOperationException($"{_scenario}, step '{step.Name}' deletes {key}, which is not there.");
        }
        _lab.RouteToPods(_cluster.EndpointAddressesOn(_scenario.Node.Name));
        _lab.AddAddresses(step.AddAddresses);
        _lab.RemoveAddresses(step.RemoveAddresses);
        TimeSpan patience = s_patienceForChange;
        if (action is not (ProxyAction.None or ProxyAction.Stop or ProxyAction.Kill))
        {
            _marker.Raise();
            _proxy.Start(_lab, _mode);
            _proxyRuns = true;
            patience = s_patienceForStart;
        }
        else if (_proxyRuns)
        {
            _marker.Raise();
        }
        if (!_proxyRuns || !_proxy.FollowsCluster)
            return true;
        if (_lab.Namespace.Run(() => _marker.Wait(_mode, patience)) is not { } fault)
            return true;
        Fail(step, $"{fault}\n      {_proxy.Describe()}");
        return false;
    }

    private void Check(ScenarioStep step, ScenarioFlow flow)
    {
        // The marker shows that the rules are in force. What follows them shows no such sign: conntrack clean-up, health servers, the end
        // of another mode's rules, and what the proxy learns from the kernel, not from the cluster.
        bool hasSideEffects = _proxyRuns && (flow.KeepConntrack || flow.Http is not null || step.ProxyMode is not null
            || step.AddAddresses.Length + step.RemoveAddresses.Length > 0);
        long started = Stopwatch.GetTimestamp();
        string? fault = CheckOnce(flow);
        while (fault is not null && hasSideEffects && Stopwatch.GetElapsedTime(started) < s_patienceForSideEffects)
        {
            Thread.Sleep(s_pause);
            fault = CheckOnce(flow);
        }
        _judged(step, flow, fault);
        if (fault is null)
            return;
        string expected = flow.Http is null
            ? $", from {Origin(flow)} over {flow.Protocol.ToRuleText()}: expected {flow.ExpectationIn(_mode)}"
            : string.Empty;
        Fail(step, string.Create(CultureInfo.InvariantCulture, $"flow '{flow.Name}' (line {flow.Line}){expected}\n      {fault}"));
    }

    private string? CheckOnce(ScenarioFlow flow)
    {
        if (flow.Http is { } probe)
            return _lab.Namespace.Run(() => LabHttp.Check(probe));
        if (!flow.KeepConntrack)
            _lab.FlushConntrack();
        Expectation expectation = flow.ExpectationIn(_mode)!;
        return _judge.Judge(flow, expectation, _lab.Namespace.Run(() => _runner.Run(flow, expectation)));
    }

    private void Apply(JsonObject value)
    {
        ObjectKey key = _cluster.Apply(value);
        _proxy.Apply(key, _cluster.Objects[key]);
    }

    private void Fail(ScenarioStep step, string what)
    {
        string message = $"{_scenario} in {_mode.ToConfigText()} mode, step '{step.Name}': {what}";
        if (_failures.Count == 0)
            message += $"\n      rules and log at this moment: {LabReport.Write(_scenario, _mode, message, _lab, _proxy)}";
        _failures.Add(message);
    }

    /// <summary>
    /// Gives up the turn for the time of a rest. When it is over the scenario goes on at once, with a turn or without: what it measures is
    /// time.
    /// </summary>
    private async Task RestAsync(TimeSpan time, CancellationToken cancel)
    {
        if (_hasTurn)
            s_atWork.Release();
        _hasTurn = false;
        // Not on the test framework's few threads, which are all busy with other scenarios.
        await Task.Delay(time, cancel).ConfigureAwait(false);
        _hasTurn = s_atWork.Wait(0, CancellationToken.None);
    }

    private static string Origin(ScenarioFlow flow) => flow.From switch
    {
        FlowOrigin.External => "outside",
        FlowOrigin.Pod => "a pod",
        _ => "the node",
    };
}
