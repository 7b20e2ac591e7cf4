using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.IpTables;

/// <summary>Mode iptables: kube-proxy's chains, through the iptables tools of either back-end.</summary>
internal sealed class IpTablesProvider : IDataPlaneProvider
{
    private static readonly PlaneOption s_layout =
        new("--iptables-layout", "Chains of mode iptables: modern as in kube-proxy v1.36, classic as before v1.24.", "modern", "classic");

    private static readonly PlaneOption s_dispatch =
        new("--iptables-dispatch", "How mode iptables finds a service: linear or tree.", "linear", "tree");

    private static readonly PlaneOption s_backend =
        new("--iptables-backend", "Kernel interface of mode iptables: auto, nft or legacy.", "auto", "nft", "legacy");

    private static readonly string[] s_tables = ["nat", "filter", "mangle"];

    /// <inheritdoc/>
    public string Mode => IpTablesPlane.ModeName;

    /// <inheritdoc/>
    public ImmutableArray<PlaneOption> Options { get; } = [s_layout, s_dispatch, s_backend];

    /// <inheritdoc/>
    public string? Probe(DataPlaneOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return ToolSearch.WhatIsMissing(Parse<IpTablesBackend>(options, s_backend), options.WithIPv6);
    }

    /// <inheritdoc/>
    public IDataPlane Open(DataPlaneOptions options, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new IpTablesPlane(new IpTablesOptions
        {
            Layout = Parse<IpTablesLayout>(options, s_layout),
            Dispatch = Parse<IpTablesDispatch>(options, s_dispatch),
            Backend = Parse<IpTablesBackend>(options, s_backend),
            MasqueradeBit = options.MasqueradeBit,
            DropsInvalid = options.DropsInvalid,
            ServesIPv6 = options.WithIPv6,
            CheckPeriod = options.SyncPeriod,
        });
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> CleanUp(IDataPlane? inForce)
    {
        // With this mode in force the chains of the other back-end are removed as well: the kernel evaluates both, and only one is kept up
        // to date.
        IpTablesBackend kept = inForce is IpTablesPlane own ? own.Backend : IpTablesBackend.Auto;
        List<string> removed = [];
        // Running the tools would load kernel modules, and create tables, on machines that do not use them.
        if (kept != IpTablesBackend.Nft && HasKubeChains() && Remove(IpTablesBackend.Nft))
            removed.Add("the chains of mode iptables");
        if (kept != IpTablesBackend.Legacy && HasLegacyTables() && Remove(IpTablesBackend.Legacy))
            removed.Add("the chains of mode iptables (legacy)");
        if (HasChainsOfIpvs(kept) && Remove(kept, ofIpvsAlone: true))
            removed.Add("the chains of a kube-proxy in mode ipvs");
        return removed;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Find()
    {
        List<string> found = [];
        if (HasKubeChains())
            found.Add("chains KUBE-* of a service proxy in iptables mode (nf_tables)");
        if (HasLegacyTables() && HasLegacyServices())
            found.Add("chains KUBE-* of a service proxy in iptables mode (legacy)");
        return found;
    }

    private static bool HasLegacyServices() => ((ReadOnlySpan<IpFamily>)[IpFamily.IPv4, IpFamily.IPv6]).ToArray()
        .Any(static family => new IpTablesTool(family, IpTablesBackend.Legacy, lockSeconds: 5)
            .HasChain(ChainId.Nat(KubeProxyIptables.Services)));

    private static T Parse<T>(DataPlaneOptions options, PlaneOption option)
        where T : struct, Enum => Enum.Parse<T>(options.ValueOf(option), ignoreCase: true);

    private static bool Remove(IpTablesBackend backend, bool ofIpvsAlone = false)
    {
        SyncReport report = IpTablesPlane.CleanUp(backend, ofIpvsAlone);
        return report.Refusals.IsEmpty
            ? report.Removed > 0
            : throw new InvalidOperationException(string.Join("; ", report.Refusals.Select(static refusal => refusal.Reason)));
    }

    // The kubelet's chains do not count: they stay.
    private static bool HasKubeChains() => HasChains(static (_, name) => IsOfProxy(KubeProxyIptables.RoleOf(name)));

    private static bool HasChainsOfIpvs(IpTablesBackend backend) => backend switch
    {
        IpTablesBackend.Nft => HasChains(static (table, name) => KubeProxyIpvsLeftovers.IsChain(name, isNat: table == "nat")),
        IpTablesBackend.Legacy => ((ReadOnlySpan<IpFamily>)[IpFamily.IPv4, IpFamily.IPv6]).ToArray()
            .Any(static family => new IpTablesTool(family, IpTablesBackend.Legacy, lockSeconds: 5)
                .HasChain(ChainId.Filter(KubeProxyIpvsLeftovers.AccessFilter))),
        _ => false,
    };

    private static bool HasChains(Func<string, string, bool> isLookedFor)
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        var reader = new NfReader(socket);
        List<NfTable> tables;
        try
        {
            tables = reader.ReadTables();
        }
        catch (NetlinkException)
        {
            // A kernel without nf_tables has no chains of iptables-nft.
            return false;
        }
        return tables
            .Where(static table => table.Id.Family is NfFamily.IPv4 or NfFamily.IPv6 && s_tables.Contains(table.Id.Name))
            .Any(table => reader.ReadChains(table.Id).Any(chain => isLookedFor(table.Id.Name, chain.Name)));
    }

    private static bool IsOfProxy(KubeChainRole role) => role.IsShared() || role.IsOwned();

    private static bool HasLegacyTables() =>
        HasContent("/proc/thread-self/net/ip_tables_names") || HasContent("/proc/thread-self/net/ip6_tables_names");

    private static bool HasContent(string path)
    {
        try
        {
            return File.ReadAllText(path).Length > 0;
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
