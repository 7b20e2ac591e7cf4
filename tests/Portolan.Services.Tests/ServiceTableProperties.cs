using CsCheck;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;
using Portolan.Services.Tests.Builders;

namespace Portolan.Services.Tests;

/// <summary>What holds for any cluster and any history of it.</summary>
public sealed class ServiceTableProperties
{
    private static Dictionary<ObjectName, ServicePlan> PlansOf(ServiceTable table) => table.Plans.ToDictionary(plan => plan.Service);

    private static void AssertSame(ServiceTable expected, ServiceTable actual)
    {
        Assert.Equal(PlansOf(expected), PlansOf(actual));
        Assert.Equal(expected.Problems, actual.Problems);
        Assert.Equal(expected.NodePlan, actual.NodePlan);
        Assert.Equal(expected.PlanCount, actual.PlanCount);
        Assert.Equal(actual.PlanCount, actual.Plans.Count());
    }

    [Fact]
    public void Step_by_step_equals_from_scratch_and_drained_deltas_add_up() =>
        Gen.Select(ClusterGen.Changes, Gen.Int[1, 5]).Sample((changes, stepsPerDrain) =>
        {
            var table = ClusterGen.TableOf([]);
            var replayed = new Dictionary<ObjectName, ServicePlan>();
            NodePlan node = table.NodePlan;
            var knownProblems = new HashSet<Problem>();
            for (int i = 0; i < changes.Count; i++)
            {
                table.Apply(changes[i]);
                if (i % stepsPerDrain != 0 && i != changes.Count - 1)
                    continue;
                TableDelta delta = table.Drain();
                Assert.Equal(delta.Services.Length, delta.Services.Select(change => change.Service).Distinct().Count());
                foreach (ServiceChange change in delta.Services)
                {
                    replayed.TryGetValue(change.Service, out ServicePlan? before);
                    Assert.NotEqual(before, change.Plan);
                    if (change.Plan is { } plan)
                        replayed[change.Service] = plan;
                    else
                        replayed.Remove(change.Service);
                }
                Assert.NotEqual(node, delta.Node);
                node = delta.Node ?? node;

                Assert.Equal([.. table.Problems.Except(knownProblems)], delta.NewProblems.ToHashSet());
                Assert.Equal([.. knownProblems.Except(table.Problems)], delta.GoneProblems.ToHashSet());
                knownProblems = [.. table.Problems];
            }

            Assert.Equal(replayed, PlansOf(table));
            Assert.Equal(node, table.NodePlan);
            AssertSame(ClusterGen.TableOf(ClusterGen.FinalState(changes)), table);
        });

    [Fact]
    public void The_order_in_which_objects_come_does_not_matter() =>
        ClusterGen.Changes.SelectMany(changes =>
        {
            ClusterEvent[] state = [.. ClusterGen.FinalState(changes)];
            return Gen.Shuffle(state).Select(shuffled => (state, shuffled.ToArray()));
        }).Sample((state, shuffled) => AssertSame(ClusterGen.TableOf(state), ClusterGen.TableOf(shuffled)));

    [Fact]
    public void No_two_plans_hold_the_same_frontend_cluster_IP_or_health_check_port() =>
        ClusterGen.Changes.Sample(changes =>
        {
            ServiceTable table = ClusterGen.TableOf(changes);
            Assert.Distinct(table.Plans.SelectMany(plan => plan.Ports).SelectMany(port => port.Frontends
                .Select(frontend => (port.Family, frontend.Address, frontend.Port, port.Name.Protocol))));
            Assert.Distinct(table.Plans.SelectMany(plan => plan.ClusterIPs));
            Assert.Distinct(table.Plans.Where(plan => plan.HealthCheck is not null).Select(plan => plan.HealthCheck!.Port));
            Assert.Distinct(table.Plans.SelectMany(plan => plan.Ports).Select(port => (port.Name, port.Family)));
        });

    [Fact]
    public void Every_claim_of_a_served_service_is_held_by_somebody() =>
        ClusterGen.Changes.Sample(changes =>
        {
            ServiceTable table = ClusterGen.TableOf(changes);
            var held = table.Plans.SelectMany(plan => plan.Ports).SelectMany(port => port.Frontends
                .Select(frontend => (frontend.Address, frontend.Port, port.Name.Protocol))).ToHashSet();
            foreach (ServiceObject service in ClusterGen.FinalState(changes).OfType<ClusterEvent.ServiceSet>().Select(set => set.Service))
            {
                // Repeated names and numbers within a service take ports out, never the first one.
                if (service.HasOtherProxy || service.IsHeadless || service.Type == ServiceType.ExternalName || service.Ports.IsEmpty)
                    continue;
                ServicePortObject port = service.Ports[0];
                foreach (IpFamily family in service.ClusterIPs.Select(address => address.Family).Distinct())
                {
                    InetAddress clusterIP = service.ClusterIPs.First(address => address.Family == family);
                    Assert.All(service.ExternalIPs.Concat(service.LoadBalancerIPs)
                        .Where(address => address.Family == family && !address.IsLoopback)
                        .Append(clusterIP), address => Assert.Contains((address, port.Port, port.Protocol), held));
                }
            }
        });

    [Fact]
    public void Actions_and_backends_agree() =>
        ClusterGen.Changes.Sample(changes =>
        {
            foreach (PortPlan port in ClusterGen.TableOf(changes).Plans.SelectMany(plan => plan.Ports))
            {
                Assert.NotEmpty(port.Frontends);
                Assert.All(port.LocalBackends, backend => Assert.True(backend.IsLocal));
                Assert.All(port.ClusterBackends.Concat(port.LocalBackends),
                    backend => Assert.Equal(port.Family, backend.Endpoint.Address.Family));
                AssertSortedAndUnique(port.ClusterBackends.Select(backend => backend.Endpoint));
                AssertSortedAndUnique(port.LocalBackends.Select(backend => backend.Endpoint));
                if (port.Name.Protocol == IpProtocol.Udp)
                    Assert.Subset(port.ServingEndpoints.ToHashSet(), port.ClusterBackends.Concat(port.LocalBackends)
                        .Select(backend => backend.Endpoint).ToHashSet());
                foreach (FrontendAction action in port.Frontends.SelectMany(frontend =>
                    new[] { frontend.Pod, frontend.Node, frontend.Outside }).Select(t => t.Action))
                {
                    Assert.True(action switch
                    {
                        FrontendAction.ToClusterBackends => !port.ClusterBackends.IsEmpty,
                        FrontendAction.ToLocalBackends => !port.LocalBackends.IsEmpty,
                        FrontendAction.Reject => port.ClusterBackends.IsEmpty && port.LocalBackends.IsEmpty,
                        _ => port.LocalBackends.IsEmpty,
                    });
                }
            }
        });

    [Fact]
    public void Selection_is_what_the_rules_say_when_read_one_by_one() =>
        ClusterGen.Changes.Sample(changes =>
        {
            var state = ClusterGen.FinalState(changes);
            string zone = state.OfType<ClusterEvent.NodeSet>().SingleOrDefault()?.Node?.Zone ?? "";
            foreach (PortPlan port in ClusterGen.TableOf(changes).Plans.SelectMany(plan => plan.Ports))
            {
                ServiceObject service = state.OfType<ClusterEvent.ServiceSet>()
                    .Single(set => set.Service.Name == port.Name.Service).Service;
                var endpoints = SelectionOracle.Endpoints(state.OfType<ClusterEvent.SliceSet>().Select(set => set.Slice), port);
                bool isExternal = port.Frontends.Any(frontend => frontend.Kind != FrontendKind.ClusterIP);

                if (!service.InternalPolicyLocal || isExternal)
                    Assert.Equal(SelectionOracle.ForCluster(endpoints, zone), port.ClusterBackends.Select(backend => backend.Endpoint));
                if (service.InternalPolicyLocal || (isExternal && port.ExternalPolicyLocal))
                    Assert.Equal(SelectionOracle.ForNode(endpoints), port.LocalBackends.Select(backend => backend.Endpoint));
                bool hasUsable = SelectionOracle.ForCluster(endpoints, zone).Any();
                Assert.All(port.Frontends, frontend => Assert.Equal(!hasUsable, frontend.Outside.Action == FrontendAction.Reject));
            }
        });

    private static void AssertSortedAndUnique(IEnumerable<InetEndpoint> endpoints) => Assert.Equal(endpoints.Distinct().Order(), endpoints);
}
