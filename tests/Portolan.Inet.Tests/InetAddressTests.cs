using System.Net;
using CsCheck;

namespace Portolan.Inet.Tests;

public sealed class InetAddressTests
{
    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1")]
    [InlineData("010.000.0.01", "10.0.0.1")] // leading zeros are decimal, as in netutils.ParseIPSloppy
    [InlineData("255.255.255.255", "255.255.255.255")]
    [InlineData("2001:DB8:0:0::1", "2001:db8::1")]
    [InlineData("::", "::")]
    [InlineData("::ffff:10.0.0.1", "::ffff:10.0.0.1")]
    public void Addresses_are_read_as_Kubernetes_reads_them(string text, string canonical) =>
        Assert.Equal(canonical, InetAddress.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("10.0.0")]
    [InlineData("10.0.0.1.2")]
    [InlineData("256.0.0.1")]
    [InlineData("10.0.0.1 ")]
    [InlineData("0x0a.0.0.1")]
    [InlineData("167772161")]
    [InlineData("fe80::1%eth0")]
    [InlineData("[::1]")]
    [InlineData("::1]:80")]
    [InlineData("10..0.1")]
    [InlineData("+1.2.3.4")]
    public void Text_that_is_no_address_is_refused(string text) => Assert.False(InetAddress.TryParse(text, out _));

    [Fact]
    public void Any_text_is_either_refused_or_read_to_something_that_prints_and_reads_back() =>
        Gen.String[Gen.Char["0123456789abcdef.:%[]/ "], 0, 24].Sample(text =>
        {
            if (InetAddress.TryParse(text, out InetAddress address))
                Assert.Equal(address, InetAddress.Parse(address.ToString()));
        });

    [Fact]
    public void Bytes_number_and_IPAddress_agree() =>
        Gen.Byte.Array[16].Sample(bytes =>
        {
            byte[] bytes4 = bytes[..4];
            foreach (byte[] some in new[] { bytes, bytes4 })
            {
                Assert.True(InetAddress.TryFromBytes(some, out InetAddress address));
                Assert.Equal(new IPAddress(some).ToString(), address.ToString());
                Assert.Equal(new IPAddress(some), address.ToIPAddress());
                byte[] back = new byte[address.Length];
                address.WriteBytes(back);
                Assert.Equal(some, back);
            }
        });

    [Theory]
    [InlineData("127.8.9.1", true, false, false, false)]
    [InlineData("::1", true, false, false, false)]
    [InlineData("169.254.1.1", false, true, false, false)]
    [InlineData("fe80::1", false, true, false, false)]
    [InlineData("239.1.1.1", false, false, true, false)]
    [InlineData("ff02::1", false, false, true, false)]
    [InlineData("0.0.0.0", false, false, false, true)]
    [InlineData("::", false, false, false, true)]
    [InlineData("10.0.0.1", false, false, false, false)]
    [InlineData("2001:db8::1", false, false, false, false)]
    public void Special_addresses_are_known(string text, bool loopback, bool linkLocal, bool multicast, bool unspecified)
    {
        InetAddress address = InetAddress.Parse(text);
        Assert.Equal((loopback, linkLocal, multicast, unspecified),
            (address.IsLoopback, address.IsLinkLocal, address.IsMulticast, address.IsUnspecified));
    }

    [Fact]
    public void The_default_value_is_no_address()
    {
        InetAddress none = default;
        Assert.Equal(IpFamily.None, none.Family);
        Assert.Equal("", none.ToString());
        Assert.False(none.IsUnspecified);
        Assert.NotEqual(InetAddress.Parse("0.0.0.0"), none);
        Assert.NotEqual(InetAddress.Parse("::"), InetAddress.Parse("0.0.0.0"));
    }
}
