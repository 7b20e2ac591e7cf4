using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;

namespace Portolan.DataPlanes.Tests.Host;

public sealed class NodePortAddressPolicyTests
{
    private static readonly ImmutableArray<InetAddress> s_local =
        Addresses("127.0.0.1", "10.0.0.5", "192.168.10.11", "::1", "fd00:10::11", "fe80::1");

    [Fact]
    public void Primary_takes_the_first_address_of_each_family_of_the_Node()
    {
        AddressPlan facts =
            new NodePortAddressPolicy { IsPrimary = true }.Choose(Node("192.168.10.11", "10.0.0.5", "fd00:10::11"), s_local);

        Assert.Equal(Addresses("192.168.10.11", "fd00:10::11"), facts.NodePortAddresses);
        Assert.False(facts.NodePortsOnAllIPv4);
        Assert.Equal(s_local, facts.LocalAddresses);
    }

    [Fact]
    public void Primary_opens_a_family_that_the_Node_has_no_address_of()
    {
        AddressPlan facts = new NodePortAddressPolicy { IsPrimary = true }.Choose(Node("192.168.10.11"), s_local);

        Assert.Equal(Addresses("192.168.10.11", "fd00:10::11", "fe80::1"), facts.NodePortAddresses);
        Assert.True(facts.NodePortsOnAllIPv6);
    }

    [Fact]
    public void A_primary_address_that_no_interface_has_takes_nothing()
    {
        AddressPlan facts = new NodePortAddressPolicy { IsPrimary = true }.Choose(Node("192.168.99.99", "fd00:10::11"), s_local);

        Assert.Equal(Addresses("fd00:10::11"), facts.NodePortAddresses);
    }

    [Fact]
    public void The_bind_address_stands_for_the_primary_address_of_its_family()
    {
        var policy = new NodePortAddressPolicy { IsPrimary = true, BindAddress = InetAddress.Parse("10.0.0.5") };

        Assert.Equal(Addresses("10.0.0.5", "fd00:10::11"), policy.Choose(Node("192.168.10.11", "fd00:10::11"), s_local).NodePortAddresses);
    }

    [Fact]
    public void Ranges_of_one_family_leave_the_other_open()
    {
        AddressPlan facts = new NodePortAddressPolicy { Ranges = [InetPrefix.Parse("10.0.0.0/8")] }.Choose(null, s_local);

        Assert.Equal(Addresses("10.0.0.5", "fd00:10::11", "fe80::1"), facts.NodePortAddresses);
        Assert.False(facts.NodePortsOnAllIPv4);
        Assert.True(facts.NodePortsOnAllIPv6);
    }

    [Theory]
    [InlineData(true, "127.0.0.1 10.0.0.5 192.168.10.11")]
    [InlineData(false, "10.0.0.5 192.168.10.11")]
    public void Loopback_of_IPv4_counts_only_where_the_mode_can_serve_it(bool withLoopback, string expected)
    {
        var policy = new NodePortAddressPolicy { WithLoopback = withLoopback, Ranges = [InetPrefix.Parse("fd00:99::/64")] };

        // IPv4 before IPv6, by number.
        Assert.Equal(Addresses(expected.Split(' ')), policy.Choose(null, s_local).NodePortAddresses);
    }

    [Fact]
    public void Loopback_stays_out_of_mode_nftables_even_when_a_range_holds_it()
    {
        var policy = new NodePortAddressPolicy { Ranges = [InetPrefix.Parse("127.0.0.0/8"), InetPrefix.Parse("::/0")] };

        Assert.Equal(Addresses("fd00:10::11", "fe80::1"), policy.Choose(null, s_local).NodePortAddresses);
    }

    private static ImmutableArray<InetAddress> Addresses(params string[] texts) =>
        [.. texts.Select(text => InetAddress.Parse(text)).Order()];

    private static NodeObject Node(params string[] addresses) =>
        new() { Name = "node-a", Addresses = [.. addresses.Select(text => InetAddress.Parse(text))] };
}
