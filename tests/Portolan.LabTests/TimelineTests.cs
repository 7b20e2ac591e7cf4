using Portolan.Inet;
using Portolan.Testing.Lab;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>
/// A timeline changes the way to a scenario's clusters, never the cluster that a flow meets: without this, its flows would prove nothing.
/// </summary>
public sealed class TimelineTests
{
    [Theory]
    [InlineData(Timeline.Restarted)]
    [InlineData(Timeline.Afresh)]
    [InlineData(Timeline.Piecemeal)]
    public void Each_flow_meets_the_cluster_that_it_meets_as_written(Timeline timeline)
    {
        int compared = 0;
        foreach (string path in Directory.EnumerateFiles(Path.Combine(Lab.TestFolder, "scenarios"), "*.yaml", SearchOption.AllDirectories))
        {
            foreach (Scenario scenario in Lab.ReadScenarios(path))
            {
                if (scenario.On(timeline) is not { } other)
                    continue;
                Dictionary<int, string> written = ClustersByFlow(scenario);
                foreach ((int line, string cluster) in ClustersByFlow(other))
                {
                    Assert.Equal(written[line], cluster);
                    compared++;
                }
            }
        }
        Assert.True(compared > 300, $"only {compared} flows were compared");
    }

    [Fact]
    public void Restarted_keeps_every_flow_and_has_the_proxy_away_at_every_change()
    {
        Scenario restarted = Trial.On(Timeline.Restarted)!;

        Assert.Equal([ProxyAction.None, ProxyAction.Restart, ProxyAction.Stop, ProxyAction.None, ProxyAction.Start],
            restarted.Steps.Select(static step => step.Proxy));
        Assert.Equal(Trial.Steps.Sum(static step => step.Flows.Length), restarted.Steps.Sum(static step => step.Flows.Length));
    }

    [Fact]
    public void Afresh_has_a_new_kernel_for_every_flow_that_needs_no_memory()
    {
        Scenario afresh = Trial.On(Timeline.Afresh)!;

        Assert.Equal(["two", "five"], afresh.Steps.SelectMany(static step => step.Flows).Select(static flow => flow.Name));
        Assert.All(afresh.Steps.Where(static step => !step.Flows.IsEmpty), static step => Assert.Equal(ProxyAction.Afresh, step.Proxy));
    }

    [Fact]
    public void Piecemeal_starts_with_nothing_and_turns_the_order_of_changes_round()
    {
        Scenario piecemeal = Trial.On(Timeline.Piecemeal)!;

        Assert.Empty(piecemeal.Objects);
        Assert.Equal(ProxyAction.Start, piecemeal.Steps[0].Proxy);
        Assert.Equal(["EndpointSlice/ns1/web-eps", "Service/ns1/web", "Service/ns1/web", "ServiceCIDR/more"],
            piecemeal.Steps.SelectMany(static step => step.Apply).Select(static value => ClusterObjects.KeyOf(value).ToString()).Take(4));
        Assert.All(piecemeal.Steps.Where(static step => step.Proxy == ProxyAction.None),
            static step => Assert.True(step.Apply.Length + step.Delete.Length <= 1));
    }

    [Fact]
    public void A_scenario_of_one_step_has_no_other_fresh_start()
    {
        Assert.Null((Trial with { Steps = Trial.Steps[..1] }).On(Timeline.Afresh));
    }

    private static Scenario Trial => ScenarioReader.Read("trial", """
        name: trial
        objects:
        - {apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: more}, spec: {cidrs: ["10.9.0.0/16"]}}
        steps:
        - apply:
          - {apiVersion: v1, kind: Service, metadata: {namespace: ns1, name: web}, spec: {clusterIP: "172.30.0.1", ports: [{port: 81}]}}
          - {apiVersion: v1, kind: Service, metadata: {namespace: ns1, name: web}, spec: {ports: [{port: 80}]}}
          - {kind: Eps, svc: ns1/web, ports: [{port: 80}], endpoints: ["10.180.1.1"]}
          flows: [{name: one, from: pod, dst: "172.30.0.1", dport: 80, expect: {to: "10.180.1.1:80"}}]
        - apply: [{kind: Eps, svc: ns1/web, ports: [{port: 80}], endpoints: ["10.180.1.2"]}]
          flows:
          - {name: two, from: pod, dst: "172.30.0.1", dport: 80, expect: {to: "10.180.1.2:80"}}
          - {name: remembers, from: pod, sport: 5000, dst: "172.30.0.1", dport: 80, keepConntrack: true, expect: {to: "10.180.1.2:80"}}
        - proxy: stop
          flows: [{name: three, from: pod, dst: "172.30.0.1", dport: 80, expect: {to: "10.180.1.2:80"}}]
        - delete: [EndpointSlice/ns1/web-eps]
          flows: [{name: four, from: pod, dst: "172.30.0.1", dport: 80, expect: {to: "10.180.1.2:80"}}]
        - proxy: start
          delete: [ServiceCIDR/more, Service/ns1/web]
          flows: [{name: five, from: pod, dst: "172.30.0.1", dport: 80, expect: drop}]
        """).Single();

    private static Dictionary<int, string> ClustersByFlow(Scenario scenario)
    {
        var cluster = new ClusterObjects();
        var addresses = new HashSet<InetAddress>(scenario.Node.Addresses);
        var seen = new Dictionary<int, string>();
        foreach (var value in ScenarioCluster.InitialObjects(scenario))
            cluster.Apply(value);
        foreach (ScenarioStep step in scenario.Steps)
        {
            foreach (var value in step.Apply)
                cluster.Apply(value);
            foreach (ObjectKey key in step.Delete)
                Assert.True(cluster.Delete(key), $"{scenario}, step '{step.Name}' deletes {key}, which is not there.");
            addresses.UnionWith(step.AddAddresses);
            addresses.ExceptWith(step.RemoveAddresses);
            string now = string.Join('\n', cluster.Objects.OrderBy(static entry => entry.Key.ToString(), StringComparer.Ordinal)
                .Select(static entry => entry.Value.ToJsonString()))
                + '\n' + string.Join(' ', addresses.Order());
            foreach (ScenarioFlow flow in step.Flows)
                seen[flow.Line] = now;
        }
        return seen;
    }
}
