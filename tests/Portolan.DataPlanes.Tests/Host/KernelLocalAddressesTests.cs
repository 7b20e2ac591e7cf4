using Portolan.DataPlanes.Host;
using Portolan.Inet;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.Host;

public sealed class KernelLocalAddressesTests
{
    [Fact]
    public async Task Addresses_that_come_and_go_on_the_machine_are_followed()
    {
        if (LabAvailability.WhyNoNamespaces is { } reason)
            Assert.Skip(reason);
        using var node = new NetworkNamespace("addresses");
        node.Ip("address add 192.168.10.11/32 dev lo");
        using KernelLocalAddresses addresses = node.Run(KernelLocalAddresses.Open);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var changed = new SemaphoreSlim(0);
        addresses.Changed += () => changed.Release();
        Task following = addresses.FollowAsync(end.Token);
        Assert.Contains(InetAddress.Parse("192.168.10.11"), addresses.Current);

        node.Ip("address add fd00:10::11/128 dev lo nodad");
        await changed.WaitAsync(end.Token);
        Assert.Contains(InetAddress.Parse("fd00:10::11"), addresses.Current);

        node.Ip("address del 192.168.10.11/32 dev lo");
        await changed.WaitAsync(end.Token);
        Assert.DoesNotContain(InetAddress.Parse("192.168.10.11"), addresses.Current);

        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
    }
}
