using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>Looks for the iptables tools where processes are started from.</summary>
internal static class ToolSearch
{
    /// <summary>The tools of a back-end that are not in PATH.</summary>
    /// <param name="backend">Nft or Legacy.</param>
    /// <param name="withIPv6">Ask for those of IPv6 as well.</param>
    public static IReadOnlyList<string> Missing(IpTablesBackend backend, bool withIPv6)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        IpFamily[] families = withIPv6 ? [IpFamily.IPv4, IpFamily.IPv6] : [IpFamily.IPv4];
        return
        [
            .. families.SelectMany(family => IpTablesTool.Programs(family, backend))
                .Where(program => !Array.Exists(folders, folder => File.Exists(Path.Combine(folder, program)))),
        ];
    }

    /// <summary>For the operator: what has to be installed before this process can work through a back-end; null for nothing.</summary>
    /// <param name="backend">Nft, Legacy, or Auto for one of the two.</param>
    /// <param name="withIPv6">Ask for those of IPv6 as well.</param>
    public static string? WhatIsMissing(IpTablesBackend backend, bool withIPv6)
    {
        IReadOnlyList<string> missing = Missing(backend == IpTablesBackend.Auto ? IpTablesBackend.Nft : backend, withIPv6);
        if (missing.Count == 0 || (backend == IpTablesBackend.Auto && Missing(IpTablesBackend.Legacy, withIPv6).Count == 0))
            return null;
        string others = backend == IpTablesBackend.Auto ? ", nor those of iptables-legacy" : "";
        return $"mode iptables works through the iptables tools, and PATH has no {string.Join(", ", missing)}{others}; " +
            "install iptables 1.8 or later (in the image, if this is a container), or take mode nftables, which needs no tools";
    }
}
