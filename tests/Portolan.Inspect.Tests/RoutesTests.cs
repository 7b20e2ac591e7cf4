using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Tests;

/// <summary>Routes as `ip -j` prints them tell the interface, and only where nothing else decides.</summary>
public sealed class RoutesTests
{
    private const string OfIPv4 = """
        [{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]},
         {"dst":"default","gateway":"198.51.100.1","dev":"eth1","metric":100,"flags":[]},
         {"dst":"10.244.1.0/24","dev":"cni0","protocol":"kernel","scope":"link","prefsrc":"10.244.1.1","flags":[]},
         {"dst":"10.244.1.77","dev":"cali1","scope":"link","flags":[]},
         {"dst":"10.244.2.0/24","gateway":"10.244.2.0","dev":"flannel.1","flags":["onlink"]},
         {"dst":"10.244.3.0/24","nexthops":[{"gateway":"192.0.2.3","dev":"eth0"},{"gateway":"192.0.2.4","dev":"eth1"}],"flags":[]},
         {"type":"blackhole","dst":"10.244.4.0/24","flags":[]}]
        """;

    private const string OfIPv6 = """
        [{"dst":"fd00:1::/64","dev":"cni0","metric":256,"pref":"medium","flags":[]},
         {"dst":"fd00:2::/64","dev":"eth0","metric":256,"pref":"medium","flags":[]},
         {"dst":"fd00:2::/64","dev":"eth1","metric":256,"pref":"medium","flags":[]},
         {"dst":"default","gateway":"fe80::1","dev":"eth0","metric":1024,"pref":"medium","flags":[]}]
        """;

    private const string Rules = """
        [{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"},
         {"priority":32767,"src":"all","table":"default"}]
        """;

    [Theory]
    [InlineData("203.0.113.9", "eth0")]
    [InlineData("10.244.1.5", "cni0")]
    [InlineData("10.244.1.77", "cali1")]
    [InlineData("10.244.2.5", "flannel.1")]
    [InlineData("10.244.3.5", null)]
    [InlineData("10.244.4.5", null)]
    [InlineData("fd00:1::5", "cni0")]
    [InlineData("fd00:2::5", null)]
    [InlineData("2001:db8::5", "eth0")]
    public void The_longest_route_tells_the_interface(string address, string? device) =>
        Assert.Equal(device, Read(Rules).DeviceTo(InetAddress.Parse(address)));

    [Fact]
    public void Ranges_behind_another_router_are_not_on_link() =>
        Assert.Equal(["10.244.1.77/32", "10.244.1.0/24"], Read(Rules).OnLink(InetPrefix.Parse("10.244.0.0/16"))
            .Select(range => range.ToString()));

    [Theory]
    [InlineData("""[{"priority":0,"src":"all","table":"local"},{"priority":100,"src":"all","fwmark":"0x1","table":"100"}]""")]
    [InlineData("")]
    [InlineData("no JSON")]
    public void With_policy_routing_or_without_its_rules_nothing_is_known(string rules) =>
        Assert.Null(Read(rules).DeviceTo(InetAddress.Parse("10.244.1.5")));

    [Theory]
    [InlineData("{}")]
    [InlineData("[1, {\"dst\": 5}, {\"dev\": \"eth0\"}, {\"dst\": \"10.0.0.0/40\", \"dev\": \"eth0\"}]")]
    [InlineData("[{\"dst\":")]
    public void What_is_no_route_is_left_out(string routes) =>
        Assert.Null(Routes.Read(Bytes(routes), default, Bytes(Rules)).DeviceTo(InetAddress.Parse("10.0.0.5")));

    private static Routes Read(string rules) => Routes.Read(Bytes(OfIPv4), Bytes(OfIPv6), Bytes(rules));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
