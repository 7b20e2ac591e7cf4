using Portolan.Netlink.Core;

namespace Portolan.Netlink.Tests;

public sealed class NetlinkSocketTests
{
    [Fact]
    public void A_network_namespace_that_does_not_exist_is_named()
    {
        var options = new NetlinkSocketOptions { NetworkNamespace = "no-such-namespace" };
        NetlinkException exception = Assert.Throws<NetlinkException>(() => NetlinkSocket.Open(NetlinkProtocol.Route, options));
        Assert.Contains("/run/netns/no-such-namespace: ENOENT", exception.Message, StringComparison.Ordinal);
        Assert.Equal(Errno.ENOENT, exception.Errno);
    }

    [Fact]
    public void Nothing_to_receive_is_told_without_waiting()
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Route);
        Assert.Equal(Errno.EAGAIN, socket.TryReceive(new byte[100], out int received));
        Assert.Equal(0, received);
        Assert.NotEqual(0u, socket.PortId);
    }

    [Fact]
    public async Task Waiting_for_notifications_can_be_cancelled()
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Route);
        using var cancellation = new CancellationTokenSource();
        ValueTask<int> waiting = socket.ReceiveAsync(new byte[100], cancellation.Token);
        Assert.False(waiting.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
    }

    [Theory]
    [InlineData(2, "ENOENT (No such file or directory)")]
    [InlineData(4711, "errno 4711 (Unknown error 4711)")]
    public void An_error_number_is_told_by_name_and_in_words(int number, string text) => Assert.Equal(text, new Errno(number).ToString());
}
