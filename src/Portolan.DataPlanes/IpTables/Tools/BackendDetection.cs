using System.Text;
using Portolan.Inet;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>
/// Finds the back-end that the rest of the node uses, as the iptables-wrappers project does: the kubelet marks its choice with a chain in
/// the mangle table; without one, the back-end that holds more rules, or the only one whose tools are installed.
/// </summary>
internal static class BackendDetection
{
    private static readonly string[] s_hints = [$":{KubeProxyIptables.IptablesHint} ", $":{KubeProxyIptables.KubeletCanary} "];

    public static IpTablesBackend Detect()
    {
        (bool isNftHinted, int nftRules) = Look(IpTablesBackend.Nft);
        if (isNftHinted)
            return IpTablesBackend.Nft;
        (bool isLegacyHinted, int legacyRules) = Look(IpTablesBackend.Legacy);
        bool hasNft = ToolSearch.Missing(IpTablesBackend.Nft, withIPv6: false).Count == 0;
        return isLegacyHinted || legacyRules > nftRules || !hasNft ? IpTablesBackend.Legacy : IpTablesBackend.Nft;
    }

    private static (bool IsHinted, int Rules) Look(IpTablesBackend backend)
    {
        bool isHinted = false;
        int rules = 0;
        foreach (IpFamily family in (ReadOnlySpan<IpFamily>)[IpFamily.IPv4, IpFamily.IPv6])
        {
            try
            {
                new IpTablesTool(family, backend, lockSeconds: 5).Save(stream =>
                {
                    using var reader = new StreamReader(stream, Encoding.UTF8);
                    while (reader.ReadLine() is { } line)
                    {
                        isHinted |= Array.Exists(s_hints, hint => line.StartsWith(hint, StringComparison.Ordinal));
                        rules += line.StartsWith('-') ? 1 : 0;
                    }
                });
            }
            catch (IOException)
            {
                // A back-end whose tool is missing or whose kernel part is absent holds nothing.
            }
        }
        return (isHinted, rules);
    }
}
