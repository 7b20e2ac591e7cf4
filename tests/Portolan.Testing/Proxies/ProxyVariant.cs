using System.Collections.Immutable;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Proxies;

/// <summary>A mode of the proxy, with everything that can be chosen about its rules: "nftables", "iptables nft modern linear".</summary>
/// <param name="Mode">The mode.</param>
/// <param name="Backend">Mode iptables: nft or legacy; else empty.</param>
/// <param name="Layout">Mode iptables: modern or classic; else empty.</param>
/// <param name="Dispatch">Mode iptables: linear or tree; else empty.</param>
public sealed record ProxyVariant(ProxyMode Mode, string Backend = "", string Layout = "", string Dispatch = "")
{
    public static ProxyVariant NfTables { get; } = new(ProxyMode.NfTables);

    /// <summary>What mode iptables does by default, with the back-end that most machines use.</summary>
    public static ProxyVariant IpTables { get; } = new(ProxyMode.IpTables, "nft", "modern", "linear");

    /// <summary>Mode ipvs, for kernels that have it.</summary>
    public static ProxyVariant Ipvs { get; } = new(ProxyMode.Ipvs);

    /// <summary>All variants of mode iptables.</summary>
    public static ImmutableArray<ProxyVariant> AllOfIpTables { get; } =
    [
        .. from backend in (string[])["nft", "legacy"]
           from layout in (string[])["modern", "classic"]
           from dispatch in (string[])["linear", "tree"]
           select new ProxyVariant(ProxyMode.IpTables, backend, layout, dispatch),
    ];

    /// <summary>All variants of all modes.</summary>
    public static ImmutableArray<ProxyVariant> All { get; } = [NfTables, .. AllOfIpTables];

    /// <summary>
    /// The flags of `portolan proxy` that choose it, beside the configuration file's mode. They say nothing about other modes.
    /// </summary>
    public ImmutableArray<string> Flags => Mode == ProxyMode.IpTables
        ? ["--iptables-backend", Backend, "--iptables-layout", Layout, "--iptables-dispatch", Dispatch]
        : [];

    /// <summary>The variant of this name.</summary>
    public static ProxyVariant Parse(string name) => All.Append(Ipvs).Single(variant => variant.ToString() == name);

    public override string ToString() => $"{Mode.ToConfigText()} {Backend} {Layout} {Dispatch}".TrimEnd();
}
