using Portolan.Inet;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>Real connections through a service: who answers, and from which address.</summary>
public sealed class ShareTests
{
    private const int Pods = 5;
    private const int Requests = 3000;

    [Theory]
    [InlineData(IpFamily.IPv4)]
    [InlineData(IpFamily.IPv6)]
    public async Task Connections_from_outside_are_shared_equally(IpFamily family)
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(Pods);
        await service.StartAsync();
        await AssertFairAsync(() => service.AskAsync(family));
    }

    [Theory]
    [InlineData(IpFamily.IPv4)]
    [InlineData(IpFamily.IPv6)]
    public async Task Connections_from_a_pod_are_shared_equally_and_may_come_back_to_itself(IpFamily family)
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(Pods);
        await service.StartAsync();
        await AssertFairAsync(() =>
            NamedClient.AskOnceAsync(service.Box.PodSockets("pod-1"), ServiceInABox.Tcp(family), ServiceInABox.Patience));
    }

    [Theory]
    [InlineData(IpFamily.IPv4)]
    [InlineData(IpFamily.IPv6)]
    public async Task Connections_from_the_node_are_shared_equally(IpFamily family)
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(Pods);
        await service.StartAsync();
        await AssertFairAsync(() => NamedClient.AskOnceAsync(service.Box.NodeSockets, ServiceInABox.Tcp(family), ServiceInABox.Patience));
    }

    [Theory]
    [InlineData(IpFamily.IPv4)]
    [InlineData(IpFamily.IPv6)]
    public async Task Datagrams_are_shared_equally_and_answered_from_the_service_address(IpFamily family)
    {
        Lab.SkipWithoutNamespaces();
        using var service = new ServiceInABox(Pods);
        await service.StartAsync();
        await service.UntilAsync(() => NamedClient.AskByDatagramAsync(service.Box.ClientSockets, ServiceInABox.Udp(family),
            TimeSpan.FromMilliseconds(100)), ServiceInABox.Patience);
        await AssertFairAsync(() =>
            NamedClient.AskByDatagramAsync(service.Box.ClientSockets, ServiceInABox.Udp(family), ServiceInABox.Patience));
    }

    private static async Task AssertFairAsync(Func<Task<string>> ask)
    {
        // One fair sample in about 100 has some pod beyond 3 sigma; three such samples in a row mean that the choice is not fair.
        double deviation = double.NaN;
        for (int sample = 0; sample < 3; sample++)
        {
            ShareCount count = await ShareCount.CountAsync(ask, Requests, atOnce: 16);
            Assert.Empty(count.Failures);
            deviation = count.WorstDeviation(Pods);
            if (deviation <= 3)
                return;
        }
        Assert.Fail($"Three samples of {Requests} had a pod beyond 3 sigma; the last one by {deviation:f1}.");
    }
}
