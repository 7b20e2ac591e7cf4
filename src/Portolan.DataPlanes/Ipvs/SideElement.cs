using Portolan.Inet;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>An element of a set or map of the table beside the virtual servers.</summary>
/// <param name="Set">The set.</param>
/// <param name="Address">The frontend's address, the service's address, or the endpoint's.</param>
/// <param name="Protocol">The frontend's protocol; default for sets of addresses.</param>
/// <param name="Port">The frontend's port; 0 for sets of addresses.</param>
/// <param name="Source">The range, in <see cref="PortolanIpvsSet.SourceRanges"/> only.</param>
/// <param name="Target">Where packets go, in <see cref="PortolanIpvsSet.Shortcuts"/> only.</param>
internal readonly record struct SideElement(
    PortolanIpvsSet Set, InetAddress Address, IpProtocol Protocol, ushort Port, InetPrefix Source, InetEndpoint Target)
{
    internal IpFamily Family => Address.Family;

    /// <summary>An element of a set of addresses.</summary>
    internal static SideElement Of(PortolanIpvsSet set, InetAddress address) => new(set, address, default, 0, default, default);

    /// <summary>As nft shows it, for messages: "frontends { 10.96.0.1 . tcp . 80 }".</summary>
    public override string ToString() => Port == 0
        ? $"{PortolanIpvs.NameOf(Set)} {{ {Address} }}"
        : $"{PortolanIpvs.NameOf(Set)} {{ {Address} . {Protocol.ToRuleText()} . {Port} }}";
}
