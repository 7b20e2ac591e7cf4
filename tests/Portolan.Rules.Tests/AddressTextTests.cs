using System.Text;
using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;

namespace Portolan.Rules.Tests;

/// <summary>Addresses as people paste them: the text of ip addr says what its JSON says.</summary>
public sealed class AddressTextTests
{
    private const string Text = """
        1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
            link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
            inet 127.0.0.1/8 scope host lo
               valid_lft forever preferred_lft forever
            inet6 ::1/128 scope host noprefixroute
               valid_lft forever preferred_lft forever
        2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
            link/ether 02:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0
            altname enp0s2
            inet 192.0.2.10/24 brd 192.0.2.255 scope global dynamic eth0
               valid_lft 85000sec preferred_lft 85000sec
            inet6 2001:db8::10/64 scope global
               valid_lft forever preferred_lft forever
        3: wg0: <POINTOPOINT,NOARP> mtu 1420 qdisc noop state DOWN group default qlen 1000
            link/none
            inet 10.9.0.1 peer 10.9.0.2/32 scope global wg0
               valid_lft forever preferred_lft forever
        """;

    private const string OneLine = """
        1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever
        2: eth0    inet 192.0.2.10/24 brd 192.0.2.255 scope global dynamic eth0\       valid_lft 85000sec preferred_lft 85000sec
        2: eth0    inet6 2001:db8::10/64 scope global \       valid_lft forever preferred_lft forever
        """;

    [Fact]
    public void Interfaces_and_addresses_are_those_of_the_node()
    {
        NetInterface[] found = Read(Text);

        Assert.Equal(["lo", "eth0", "wg0"], found.Select(item => item.Name));
        Assert.Equal([true, false, false], found.Select(item => item.IsLoopback));
        Assert.Equal([true, true, false], found.Select(item => item.IsUp));
        InterfaceAddress global = found[1].Addresses[0];
        Assert.Equal((InetAddress.Parse("192.0.2.10"), 24, InetAddress.Parse("192.0.2.255"), "global"),
            (global.Address, global.PrefixLength, global.Broadcast, global.Scope));
        Assert.Equal(InetAddress.Parse("2001:db8::10"), found[1].Addresses[1].Address);
        InterfaceAddress peer = Assert.Single(found[2].Addresses);
        Assert.Equal((InetAddress.Parse("10.9.0.1"), InetAddress.Parse("10.9.0.2"), 32), (peer.Address, peer.Peer, peer.PrefixLength));
    }

    [Fact]
    public void With_one_address_per_line_too()
    {
        NetInterface[] found = Read(OneLine);

        Assert.Equal(["lo", "eth0"], found.Select(item => item.Name));
        Assert.Equal(["192.0.2.10", "2001:db8::10"], found[1].Addresses.Select(item => item.Address.ToString()));
    }

    [Fact]
    public void Rules_before_and_after_it_in_one_paste_are_read()
    {
        Ruleset rules = RulesetReader.Read(Source($"*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n{Text}\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n"));

        Assert.Equal(["nat", "filter"], rules.Tables.Select(table => table.Name));
        Assert.Equal(3, rules.Interfaces?.Length);
        Assert.Empty(rules.Problems);
    }

    private static NetInterface[] Read(string text)
    {
        Ruleset rules = RulesetReader.Read(Source(text));
        Assert.Empty(rules.Problems);
        return [.. rules.Interfaces ?? []];
    }

    private static SourceText Source(string text) => new("input", Encoding.UTF8.GetBytes(text));
}
