using System.Text;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>
/// What the kernel holds of our tables, as text that is the same for the same meaning: affinity ids are told by their endpoint.
/// </summary>
internal static class KernelText
{
    internal static string Read(NetworkNamespace lab)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        return string.Join('\n', Of(kernel.Read(IpFamily.IPv4)), Of(kernel.Read(IpFamily.IPv6)));
    }

    /// <summary>Somebody else commits, and changes nothing of ours: the plane has to look.</summary>
    internal static void CommitByOthers(NetworkNamespace lab)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        using var transaction = new NfTransaction();
        transaction.AddTable(new NfTable(new NfTableId(NfFamily.Inet, "others")));
        Assert.True(kernel.Commit(transaction).IsCommitted);
        transaction.Reset();
        transaction.DeleteTable(new NfTableId(NfFamily.Inet, "others"));
        Assert.True(kernel.Commit(transaction).IsCommitted);
    }

    private static string Of(KernelTable held)
    {
        var text = new StringBuilder();
        text.AppendLine($"table {held.Table?.Id} {held.Table?.Comment} {held.Table?.Flags}");
        foreach (string set in held.Sets.Keys.Order())
            text.AppendLine($"set {set}");
        foreach (ChainProgram chain in held.Chains.Values.OrderBy(chain => chain.Chain.Name))
        {
            text.AppendLine($"chain {chain.Chain.Name} {chain.Chain.Hook}");
            foreach (var rule in chain.Rules)
                text.AppendLine($"  {string.Join(' ', rule.Expressions)} {rule.Comment}");
        }
        foreach (VerdictElement element in held.Verdicts.OrderBy(element => element.Map).ThenBy(element => element.Key))
            text.AppendLine($"verdict {element.Map} {element.Key:x} : {element.Verdict}");
        Dictionary<uint, string> ids = [];
        foreach (Element element in held.Elements.Elements)
        {
            if (element.Set == PortolanSet.AffinityEndpoints && element.TryRead(out ElementFields key, out ElementFields data))
            {
                string view = (key.AffinityId & AffinityIds.LocalView) == 0 ? "" : " of this node's";
                ids[key.AffinityId] = $"{element.Comment}/{key.Protocol}@{data.Endpoint}{view}";
                ids[key.AffinityId & ~AffinityIds.LocalView] = $"{element.Comment}/{key.Protocol}@{data.Endpoint}";
                ids[key.AffinityId & AffinityIds.PortMask] = $"{element.Comment}/{key.Protocol}";
            }
        }
        List<string> elements = [];
        foreach (Element element in held.Elements.Elements)
        {
            element.TryRead(out ElementFields keyParts, out ElementFields dataParts);
            string key = element.Set == PortolanSet.AffinityEndpoints ? ids[keyParts.AffinityId] : element.Describe();
            string data = element.Set switch
            {
                PortolanSet.AffinityIds or PortolanSet.InsideAffinityIds or PortolanSet.AffinityPorts =>
                    ids.GetValueOrDefault(dataParts.AffinityId, "dangling id"),
                PortolanSet.Frontends or PortolanSet.NodePortFrontends or PortolanSet.InsideFrontends =>
                    PortolanFrontend.Of(dataParts.Value).ToString(),
                _ => element.DataLength > 0 ? dataParts.Endpoint.ToString() : "",
            };
            elements.Add($"element {TableSchema.Name(element.Set, element.Variant)} {key} : {data} {element.Comment}");
        }
        foreach (string element in elements.Order(StringComparer.Ordinal))
            text.AppendLine(element);
        return text.ToString();
    }
}
