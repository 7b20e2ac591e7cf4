using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>Searches PATH for the iptables tools.</summary>
internal static class ToolSearch
{
    /// <summary>The absolute path of a program: the first in PATH, whose relative entries are ignored; null for none.</summary>
    public static string? PathOf(string program)
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        {
            string path = Path.Join(folder, program);
            if (folder.StartsWith('/') && File.Exists(path))
                return path;
        }
        return null;
    }

    /// <summary>The tools of a back-end that are not in PATH.</summary>
    /// <param name="backend">Nft or Legacy.</param>
    /// <param name="withIPv6">Ask for those of IPv6 as well.</param>
    public static IReadOnlyList<string> Missing(IpTablesBackend backend, bool withIPv6)
    {
        IpFamily[] families = withIPv6 ? [IpFamily.IPv4, IpFamily.IPv6] : [IpFamily.IPv4];
        return [.. families.SelectMany(family => IpTablesTool.Programs(family, backend)).Where(static program => PathOf(program) is null)];
    }

    /// <summary>For the operator: what has to be installed before this process can use a back-end; null for nothing.</summary>
    /// <param name="backend">Nft, Legacy, or Auto for one of the two.</param>
    /// <param name="withIPv6">Ask for those of IPv6 as well.</param>
    public static string? WhatIsMissing(IpTablesBackend backend, bool withIPv6)
    {
        IReadOnlyList<string> missing = Missing(backend == IpTablesBackend.Auto ? IpTablesBackend.Nft : backend, withIPv6);
        if (missing.Count == 0 || (backend == IpTablesBackend.Auto && Missing(IpTablesBackend.Legacy, withIPv6).Count == 0))
            return null;
        string others = backend == IpTablesBackend.Auto ? ", nor those of iptables-legacy" : "";
        return $"mode iptables needs the iptables tools, and PATH has no {string.Join(", ", missing)}{others}; " +
            "install iptables 1.8 or later (in the image, if this is a container), or take mode nftables, which needs no tools";
    }
}
