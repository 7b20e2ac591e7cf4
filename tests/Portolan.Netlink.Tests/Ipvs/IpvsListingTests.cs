using Portolan.Inet;
using Portolan.Netlink.Ipvs;

namespace Portolan.Netlink.Tests.Ipvs;

public sealed class IpvsListingTests
{
    // As /proc/net/ip_vs of Linux 6.12 shows it.
    private const string Listing = """
        IP Virtual Server version 1.2.1 (size=4096)
        Prot LocalAddress:Port Scheduler Flags
          -> RemoteAddress:Port Forward Weight ActiveConn InActConn
        TCP  0A600001:01BB rr persistent 10800 FFFFFFFF
          -> 0AF4010A:1F90      Masq    1      3          0         
          -> C0A8000B:1F90      Local   0      0          12        
        FWM  00000007 wlc
          -> 0AF40114:0050      Masq    1      0          0         
        UDP  [fd00:0096:0000:0000:0000:0000:0000:000a]:0035 mh (mh-port)
          -> [fd00:0244:0001:0000:0000:0000:0000:000a]:0035      Route   7      0          0         
        SCTP 0A600002:0007 lc ops 
        IP_47 0A600002:0007 lc
          -> 0AF40114:0050      Masq    1      0          0         

        """;

    [Fact]
    public void Real_servers_are_read_by_virtual_server()
    {
        Dictionary<VirtualServerKey, List<RealServer>> servers = IpvsListing.Read(new StringReader(Listing));
        Assert.Equal(3, servers.Count);
        Assert.Equal(
            [
                new RealServer(Endpoint("10.244.1.10", 8080), 1) { ActiveConnections = 3 },
                new RealServer(Endpoint("192.168.0.11", 8080), 0) { Forwarding = ForwardingMethod.Local, InactiveConnections = 12 },
            ],
            servers[Key("10.96.0.1", IpProtocol.Tcp, 443)]);
        Assert.Equal(
            [new RealServer(Endpoint("fd00:244:1::a", 53), 7) { Forwarding = ForwardingMethod.Route }],
            servers[Key("fd00:96::a", IpProtocol.Udp, 53)]);
        Assert.Empty(servers[Key("10.96.0.2", IpProtocol.Sctp, 7)]);
    }

    [Fact]
    public void A_kernel_without_virtual_servers_has_none() => Assert.Empty(IpvsListing.Read(new StringReader(
        string.Join('\n', Listing.Split('\n')[..3]))));

    private static InetEndpoint Endpoint(string address, ushort port) => new(InetAddress.Parse(address), port);

    private static VirtualServerKey Key(string address, IpProtocol protocol, ushort port) => new(InetAddress.Parse(address), protocol, port);
}
