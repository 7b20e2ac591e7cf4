using CsCheck;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.GenericNetlink;
using Portolan.Netlink.Ipvs;

namespace Portolan.Netlink.Tests.Ipvs;

public class IpvsCodecTests
{
    private static readonly Gen<InetAddress> s_address = Gen.Frequency(
        (1, Gen.UInt.Select(InetAddress.FromIPv4)),
        (1, Gen.Select(Gen.ULong, Gen.ULong, static (high, low) => InetAddress.FromIPv6(new UInt128(high, low)))));

    private static readonly Gen<VirtualServer> s_server =
        from address in s_address
        from protocol in Gen.OneOf(Gen.Const(IpProtocol.Tcp), Gen.Const(IpProtocol.Udp), Gen.Const(IpProtocol.Sctp))
        from port in Gen.UShort
        from scheduler in Gen.OneOf(Gen.Const("rr"), Gen.Const("wlc"), Gen.Const("mh"), Gen.Const("lblcr"))
        from seconds in Gen.UInt[0, 86400]
        from flags in Gen.OneOf(Gen.Const(VirtualServerFlags.None), Gen.Const(VirtualServerFlags.SchedulerPort))
        select new VirtualServer(new(address, protocol, port), scheduler)
        {
            Flags = flags | (seconds > 0 ? VirtualServerFlags.Persistent : VirtualServerFlags.None),
            PersistenceSeconds = seconds,
        };

    [Fact]
    public void A_virtual_server_is_read_as_it_was_written() => s_server.Sample(static server =>
    {
        using var batch = new IpvsBatch(Family);
        batch.Add(server);
        Assert.True(IpvsCodec.TryReadServer(Payload(batch), out VirtualServer? read));
        Assert.Equal(server, read);
    });

    [Fact]
    public void A_real_server_is_read_as_it_was_written() =>
        Gen.Select(s_address, Gen.UShort, Gen.UInt).Sample(static (address, port, weight) =>
    {
        using var batch = new IpvsBatch(Family);
        var server = new RealServer(new InetEndpoint(address, port), weight);
        batch.Add(new VirtualServerKey(InetAddress.Unspecified(address.Family), IpProtocol.Tcp, 1), server);
        Assert.True(IpvsCodec.TryReadRealServer(Payload(batch), address.Family, out RealServer read));
        Assert.Equal(server, read);
    });

    [Fact]
    public void Bytes_of_any_kind_are_read_or_refused() => Gen.Select(Gen.Byte.Array[0, 120], Gen.Int[0, 119], Gen.Byte)
        .Sample(static (noise, place, change) =>
    {
        IpvsCodec.TryReadServer(noise, out _);
        IpvsCodec.TryReadRealServer(noise, IpFamily.IPv6, out _);
        using var batch = new IpvsBatch(Family);
        batch.Add(new VirtualServerKey(InetAddress.Parse("10.96.0.1"), IpProtocol.Tcp, 80),
            new RealServer(new(InetAddress.Parse("10.0.0.1"), 1), 1));
        byte[] damaged = Payload(batch).ToArray();
        damaged[place % damaged.Length] = change;
        IpvsCodec.TryReadServer(damaged, out _);
        IpvsCodec.TryReadRealServer(damaged, IpFamily.IPv4, out _);
    });

    // linux/ip_vs.h and linux/netlink.h: each attribute has length and type, 2 bytes each in host order, and is padded to 4 bytes.
    [Fact]
    public void A_virtual_server_has_the_bytes_that_the_kernel_expects()
    {
        using var batch = new IpvsBatch(Family);
        batch.Add(new VirtualServer(new(InetAddress.Parse("10.96.0.1"), IpProtocol.Tcp, 443), "rr"));
        Assert.Equal(
            "68000000" + "2500" + "0100" + "00000000" + "00000000" + "01010000" +
            "54000180" + "0600010002000000" + "0600020006000000" + "140003000a600001000000000000000000000000" + "0600040001bb0000" +
            "0700060072720000" + "0c00070000000000ffffffff" + "0800080000000000" + "08000900ffffffff",
            Convert.ToHexStringLower(batch.Written));
    }

    private static GenericFamily Family { get; } = new("IPVS", 0x25, 1);

    private static ReadOnlySpan<byte> Payload(IpvsBatch batch)
    {
        var messages = new MessageReader(batch.Written);
        Assert.True(messages.MoveNext());
        return messages.Payload;
    }
}
