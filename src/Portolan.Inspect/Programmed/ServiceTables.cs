using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>The tables in which proxies translate service traffic, whoever wrote them.</summary>
public static class ServiceTables
{
    /// <summary>Table nat of iptables.</summary>
    public const string Nat = "nat";

    /// <summary>The chain of the table that all new connections enter to find their service; null for other tables.</summary>
    public static string? EntryOf(RuleTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        if (table.Family is not (TableFamily.Ip or TableFamily.Ip6))
            return null;
        string? entry = table switch
        {
            { Backend: not RuleBackend.Nftables, Name: Nat } => KubeProxyIptables.Services,
            { Backend: not RuleBackend.Nftables } => null,
            { Name: KubeProxyNftables.TableName } => KubeProxyNftables.Services,
            { Name: PortolanIpvs.TableName } => PortolanIpvs.Services,
            { Name: PortolanTables.TableName } => LayoutOf(table).NameOf(PortolanChainKind.Services),
            _ => null,
        };
        return entry is not null && table.FindChain(entry) is not null ? entry : null;
    }

    /// <summary>The chain that masquerades packets marked by service rules.</summary>
    internal static string MasqueradingChainOf(RuleTable table) =>
        table.Backend != RuleBackend.Nftables ? KubeProxyIptables.Postrouting
        : table.Name == PortolanTables.TableName ? LayoutOf(table).NameOf(PortolanChainKind.Postrouting)
        : IsBesideIpvs(table) ? PortolanIpvs.Postrouting
        : KubeProxyNftables.Masquerading;

    /// <summary>True for a table in which service addresses may be translated.</summary>
    internal static bool MayTranslate(RuleTable table) => table.Backend != RuleBackend.Nftables ? table.Name == Nat : IsOwn(table);

    /// <summary>True for a service proxy's own nf_tables table.</summary>
    internal static bool IsOwn(RuleTable table) => table
        is { Backend: RuleBackend.Nftables, Name: KubeProxyNftables.TableName or PortolanTables.TableName or PortolanIpvs.TableName };

    /// <summary>True for the table that our mode ipvs has beside its virtual servers.</summary>
    internal static bool IsBesideIpvs(RuleTable table) =>
        table is { Backend: RuleBackend.Nftables, Family: TableFamily.Ip or TableFamily.Ip6, Name: PortolanIpvs.TableName };

    /// <summary>True for an iptables table nat with rules that find services: of kube-proxy's or Portolan's iptables mode.</summary>
    public static bool HasIptablesServices(RuleTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return table.Name == Nat && table.FindChain(KubeProxyIptables.Services) is { Rules.IsEmpty: false };
    }

    /// <summary>The layout of one of Portolan's own tables; the current one when its comment names an unknown one.</summary>
    internal static PortolanLayout LayoutOf(RuleTable table) =>
        PortolanTables.LayoutOf(table.Comment, table.Sets.Select(static set => set.Name)) ?? PortolanTables.Current;
}
