using Portolan.DataPlanes.Ipvs;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;
using Portolan.Services.Node;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.Ipvs;

/// <summary>The table beside the virtual servers in this machine's kernel, in a network namespace of its own.</summary>
public sealed class SideTableTests
{
    private static readonly LocalDetector s_cidrs =
        new(LocalDetection.Cidrs, [InetPrefix.Parse("10.0.0.0/8"), InetPrefix.Parse("fd00:10::/32")], "");

    public static TheoryData<IpFamily, LocalDetection> Inputs { get; } = new(
        from family in (IpFamily[])[IpFamily.IPv4, IpFamily.IPv6]
        from mode in Enum.GetValues<LocalDetection>()
        select (family, mode));

    [Theory]
    [MemberData(nameof(Inputs))]
    public void What_was_written_is_read_as_the_same(IpFamily family, LocalDetection mode)
    {
        if (LabAvailability.WhyNoNamespaces is { } reason)
            Assert.Skip(reason);
        LocalDetector detector = mode switch
        {
            LocalDetection.Cidrs => s_cidrs,
            LocalDetection.None => LocalDetector.None,
            _ => new LocalDetector(mode, [], "cali"),
        };
        using var place = new NetworkNamespace("side");
        using NetlinkSocket socket =
            NetlinkSocket.Open(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { NetworkNamespace = place.Path });
        using var tables = new SideTables(socket);
        var input = new SideInput(family, detector, 0x4000);
        SideProgram program = SideProgram.Build(input);
        InetAddress address = InetAddress.Parse(family == IpFamily.IPv4 ? "10.96.0.1" : "fd00:96::1");
        InetPrefix range = InetPrefix.Parse(family == IpFamily.IPv4 ? "203.0.113.0/25" : "2001:db8::/33");
        var change = new SideChange { Program = program };
        foreach (PortolanIpvsSet set in Enum.GetValues<PortolanIpvsSet>())
        {
            change.Added.Add(set is PortolanIpvsSet.Addresses or PortolanIpvsSet.Hairpin
                ? SideElement.Of(set, address)
                : new SideElement(set, address, IpProtocol.Sctp, 8080,
                    set == PortolanIpvsSet.SourceRanges ? range : default,
                    set == PortolanIpvsSet.Shortcuts ? new InetEndpoint(address, 65535) : default));
        }
        change.Added.Add(new SideElement(PortolanIpvsSet.SourceRanges, address, IpProtocol.Tcp, 80, InetPrefix.Host(address), default));
        CommitResult result = tables.Commit(family, change);
        Assert.True(result.IsCommitted, string.Join("; ", result.Refusals.Select(static refusal => $"{refusal.Change}: {refusal}")));

        SideTable held = tables.Read(family);
        Assert.True(program.IsHeldBy(held));
        Assert.Equal(change.Added.ToHashSet(), held.Elements);
        Assert.False(SideProgram.Build(input with { MasqueradeMark = 0x8000 }).IsHeldBy(held));

        var back = new SideChange();
        back.Removed.AddRange(change.Added);
        Assert.True(tables.Commit(family, back).IsCommitted);
        Assert.Empty(tables.Read(family).Elements);
        Assert.Null(SideProbe.Missing(socket, family));
    }

    [Fact]
    public void A_rule_that_somebody_added_is_noticed()
    {
        if (LabAvailability.WhyNoNamespaces is { } reason)
            Assert.Skip(reason);
        using var place = new NetworkNamespace("side");
        using NetlinkSocket socket =
            NetlinkSocket.Open(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { NetworkNamespace = place.Path });
        using var tables = new SideTables(socket);
        SideProgram program = SideProgram.Build(new SideInput(IpFamily.IPv4, LocalDetector.None, 0x4000));
        Assert.True(tables.Commit(IpFamily.IPv4, new SideChange { Program = program }).IsCommitted);
        using var transaction = new NfTransaction();
        transaction.AppendRule(program.Rules[0]);
        Assert.True(transaction.Commit(socket).IsCommitted);
        Assert.False(program.IsHeldBy(tables.Read(IpFamily.IPv4)));
        Assert.True(tables.Commit(IpFamily.IPv4, new SideChange { Program = program, ReplacesTable = true }).IsCommitted);
        Assert.True(program.IsHeldBy(tables.Read(IpFamily.IPv4)));
    }
}
