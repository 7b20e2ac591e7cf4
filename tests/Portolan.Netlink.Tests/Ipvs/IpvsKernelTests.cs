using System.Globalization;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Ipvs;

namespace Portolan.Netlink.Tests.Ipvs;

/// <summary>
/// The codec against a kernel that has IPVS; on others these tests are skipped. tests/vm/project.sh runs them on such kernels.
/// </summary>
public sealed class IpvsKernelTests : IDisposable
{
    private readonly PrivateNetwork _network = PrivateNetwork.Create();
    private readonly NetlinkSocket _socket;
    private readonly IpvsTable _table;

    public IpvsKernelTests()
    {
        // Without a local routing table the kernel takes no IPv4 address for one of a real server.
        _network.Run("ip", "link", "set", "lo", "up");
        _socket = _network.Open(NetlinkProtocol.Generic);
        IpvsTable? table = IpvsTable.Open(_socket);
        Assert.SkipWhen(table is null, "this kernel has no IPVS");
        _table = table!;
    }

    [Theory]
    [InlineData("10.96.0.1", "10.244.0.7")]
    [InlineData("fd00:96::1", "fd00:244::7")]
    public void Servers_come_back_as_they_were_added_changed_and_deleted(string address, string endpoint)
    {
        VirtualServer web = new(new(InetAddress.Parse(address), IpProtocol.Tcp, 80), "rr");
        VirtualServer dns = new(new(InetAddress.Parse(address), IpProtocol.Udp, 53), "mh")
        {
            Flags = VirtualServerFlags.Persistent | VirtualServerFlags.SchedulerFallback | VirtualServerFlags.SchedulerPort,
            PersistenceSeconds = 10800,
        };
        RealServer first = new(new(InetAddress.Parse(endpoint), 8080), 1), second = new(new(InetAddress.Parse(endpoint), 8081), 1);
        using var batch = new IpvsBatch(_table.Family);
        batch.Add(web);
        batch.Add(web.Key, first);
        batch.Add(web.Key, second);
        batch.Add(dns);
        Assert.Empty(_table.Send(batch));
        Assert.Equal([web, dns], _table.ReadServers().OrderBy(static server => server.Key.Protocol));
        Assert.Equal([first, second], _table.ReadRealServers(web.Key).OrderBy(static real => real.Endpoint.Port));
        Assert.Empty(_table.ReadRealServers(dns.Key));
        Dictionary<VirtualServerKey, List<RealServer>> all = IpvsListing.Read(new StringReader(_network.Run("cat", IpvsListing.Path)));
        Assert.Equal([web.Key, dns.Key], all.Keys.OrderBy(static key => key.Protocol));
        Assert.Equal([first, second], all[web.Key].OrderBy(static real => real.Endpoint.Port));
        Assert.Empty(all[dns.Key]);

        batch.Set(web with { Scheduler = "wlc" });
        batch.Set(web.Key, first with { Weight = 0 });
        batch.Delete(web.Key, second);
        batch.Delete(dns.Key);
        Assert.Empty(_table.Send(batch));
        Assert.Equal([web with { Scheduler = "wlc" }], _table.ReadServers());
        Assert.Equal([first with { Weight = 0 }], _table.ReadRealServers(web.Key));
    }

    [Fact]
    public void Each_request_that_is_refused_is_named_and_the_others_take_effect()
    {
        const int many = 500;
        using var batch = new IpvsBatch(_table.Family);
        for (int i = 0; i < many; i++)
            batch.Add(new VirtualServer(Key(i), i % 100 == 7 ? "none-such" : "rr"));
        IReadOnlyList<RequestRefusal> refusals = _table.Send(batch);
        Assert.Equal([7, 107, 207, 307, 407], refusals.Select(static refusal => refusal.Index));
        Assert.All(refusals, static refusal => Assert.Equal(Errno.ENOENT, refusal.Errno));
        Assert.Equal(many - refusals.Count, _table.ReadServers().Count);
        Assert.Equal(0, batch.Count);

        batch.Add(new VirtualServer(Key(0), "rr"));
        batch.Delete(Key(7));
        batch.Delete(Key(0), new RealServer(new(InetAddress.Parse("10.244.0.1"), 80), 1));
        batch.Add(Key(7), new RealServer(new(InetAddress.Parse("10.244.0.1"), 80), 1));
        Assert.Equal([(0, Errno.EEXIST), (1, Errno.ESRCH), (2, Errno.ENOENT), (3, Errno.ESRCH)],
            _table.Send(batch).Select(static refusal => (refusal.Index, refusal.Errno)));
    }

    [Fact]
    public void What_the_kernel_holds_is_what_ipvsadm_prints()
    {
        Tools.Require("ipvsadm");
        using var batch = new IpvsBatch(_table.Family);
        VirtualServerKey key = new(InetAddress.Parse("10.96.0.1"), IpProtocol.Sctp, 7);
        batch.Add(new VirtualServer(key, "lc") { Flags = VirtualServerFlags.Persistent, PersistenceSeconds = 60 });
        batch.Add(key, new RealServer(new(InetAddress.Parse("10.244.0.1"), 77), 3));
        Assert.Empty(_table.Send(batch));
        string[] lines = _network.Run("ipvsadm", "-Sn").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(
            ["-A --sctp-service 10.96.0.1:7 -s lc -p 60", "-a --sctp-service 10.96.0.1:7 -r 10.244.0.1:77 -m -w 3"], lines);
    }

    [Fact]
    public void Time_outs_that_are_zero_stay_as_they_are()
    {
        IpvsTimeouts before = _table.ReadTimeouts();
        _table.SetTimeouts(new(TimeSpan.FromSeconds(777), TimeSpan.Zero, TimeSpan.FromSeconds(33)));
        Assert.Equal(new(TimeSpan.FromSeconds(777), before.TcpFin, TimeSpan.FromSeconds(33)), _table.ReadTimeouts());
        Assert.True(_table.ReadInfo().Version >= new Version(1, 2, 0));
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _network.Dispose();
    }

    private static VirtualServerKey Key(int number) =>
        new(InetAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"10.96.{number / 250}.{number % 250}")), IpProtocol.Tcp, 80);
}
