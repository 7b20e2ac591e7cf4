namespace Portolan.Inet.Tests;

public sealed class InetPrefixTests
{
    [Theory]
    [InlineData("10.1.2.3/8", "10.0.0.0/8", "10.255.255.255")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0", "255.255.255.255")]
    [InlineData("10.0.0.1/32", "10.0.0.1/32", "10.0.0.1")]
    [InlineData("fd00:1::5/64", "fd00:1::/64", "fd00:1::ffff:ffff:ffff:ffff")]
    [InlineData("::/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void Bits_after_the_prefix_are_cleared(string text, string canonical, string last)
    {
        InetPrefix prefix = InetPrefix.Parse(text);
        Assert.Equal(canonical, prefix.ToString());
        Assert.Equal(last, prefix.Last.ToString());
    }

    [Theory]
    [InlineData("10.0.0.0")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("fd00::/129")]
    [InlineData("/8")]
    public void Text_that_is_no_prefix_is_refused(string text) => Assert.False(InetPrefix.TryParse(text, out _));

    [Theory]
    [InlineData("10.0.0.0/8", "10.9.9.9", true)]
    [InlineData("10.0.0.0/8", "11.0.0.0", false)]
    [InlineData("0.0.0.0/0", "255.1.1.1", true)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("fd00::/8", "fdff::1", true)]
    [InlineData("::/0", "10.0.0.1", false)]
    public void Contains_looks_at_family_and_prefix(string prefix, string address, bool inside) =>
        Assert.Equal(inside, InetPrefix.Parse(prefix).Contains(InetAddress.Parse(address)));

    [Theory]
    [InlineData("10.0.0.1:80", true)]
    [InlineData("[fd00::1]:80", true)]
    [InlineData("fd00::1:80", false)]
    [InlineData("[10.0.0.1]:80", false)]
    [InlineData("10.0.0.1:65536", false)]
    [InlineData("10.0.0.1", false)]
    public void Endpoints_are_an_address_and_a_port(string text, bool good)
    {
        Assert.Equal(good, InetEndpoint.TryParse(text, out InetEndpoint endpoint));
        if (good)
            Assert.Equal(text, endpoint.ToString());
    }
}
