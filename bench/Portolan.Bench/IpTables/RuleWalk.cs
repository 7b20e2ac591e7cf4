using System.Diagnostics;
using Portolan.Inet;

namespace Portolan.Bench.IpTables;

/// <summary>Rules a first packet is compared with until the one that leads to its service's own, read from what the kernel shows.</summary>
internal static class RuleWalk
{
    /// <summary>For each service of the generated cluster.</summary>
    /// <param name="saved">Output of iptables-save.</param>
    /// <param name="services">How many there are.</param>
    public static IEnumerable<int> ToServices(string saved, int services)
    {
        Dictionary<string, List<(InetPrefix Destination, string Target)>> chains = saved.Split('\n')
            .SkipWhile(static line => line != "*nat").TakeWhile(static line => line != "COMMIT")
            .Where(static line => line.StartsWith("-A KUBE-SERVICES -d ", StringComparison.Ordinal)
                || line.StartsWith("-A KUBE-TREE-", StringComparison.Ordinal))
            .Select(static line => line.Split(' '))
            .GroupBy(static words => words[1])
            .ToDictionary(static chain => chain.Key, static chain =>
                chain.Select(static words => (InetPrefix.Parse(words[3]), words[^1])).ToList());
        return Enumerable.Range(0, services).Select(i => Walk(chains, "KUBE-SERVICES", ClusterGenerator.Address(i)));
    }

    /// <summary>
    /// In mode nftables, until the look-ups that find the service and the chain of its kind, which are the same for all services.
    /// </summary>
    public static int ToNfTablesMap()
    {
        string[] services = RulesOf("services");
        int found = Array.FindIndex(services, static rule => rule.Contains("@frontends ", StringComparison.Ordinal));
        return RulesOf("output").Length + found + (services[found].Contains("vmap @kinds", StringComparison.Ordinal) ? 2 : 1);
    }

    /// <summary>
    /// In mode ipvs, until IPVS looks the address up in its hash table, which counts as one and is the same for all services.
    /// </summary>
    public static int ToVirtualServer() => RulesOf("output", "portolan-ipvs").Length + 1 + 1
        + Array.FindIndex(RulesOf("services", "portolan-ipvs"), static rule => rule.Contains("@off-cluster ", StringComparison.Ordinal));

    private static int Walk(Dictionary<string, List<(InetPrefix Destination, string Target)>> chains, string chain, InetAddress address)
    {
        int walked = 0;
        foreach ((InetPrefix destination, string target) in chains[chain])
        {
            walked++;
            if (destination.Contains(address))
                return walked + (chains.ContainsKey(target) ? Walk(chains, target, address) : 0);
        }
        throw new InvalidOperationException($"No rule of {chain} matches {address}.");
    }

    private static string[] RulesOf(string chain, string table = "portolan")
    {
        using Process process =
            Process.Start(new ProcessStartInfo("nft", ["-t", "list", "chain", "ip", table, chain]) { RedirectStandardOutput = true })!;
        string listing = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return [.. listing.Split('\n').Select(static line => line.Trim())
            .Where(static line => line.Length > 0 && line != "}" && !line.EndsWith('{')
            && !line.StartsWith("type ", StringComparison.Ordinal))];
    }
}
