using System.Text;
using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>What the kernel holds of our tables, as text that is the same for the same meaning: affinity ids are told by their endpoint.</summary>
internal static class KernelText
{
    internal static string Read(NetworkNamespace lab)
    {
        using var kernel = new NfTablesKernel(lab.Path);
        return string.Join('\n', Of(kernel.Read(IpFamily.IPv4)), Of(kernel.Read(IpFamily.IPv6)));
    }

    private static string Of(KernelTable held)
    {
        var text = new StringBuilder();
        text.AppendLine($"table {held.Table?.Id} {held.Table?.Comment}");
        foreach (string set in held.Sets.Keys.Order())
            text.AppendLine($"set {set}");
        foreach (ChainProgram chain in held.Chains.Values.OrderBy(chain => chain.Chain.Name))
        {
            text.AppendLine($"chain {chain.Chain.Name} {chain.Chain.Hook}");
            foreach (var rule in chain.Rules)
                text.AppendLine($"  {string.Join(' ', rule.Expressions)} {rule.Comment}");
        }
        Dictionary<uint, string> ids = [];
        foreach (Element element in held.Elements.Elements)
        {
            if (element.Set == ElementSet.AffinityEndpoints && element.TryRead(out ElementFields key, out ElementFields data))
                ids[key.AffinityId] = $"{element.Comment}@{data.Endpoint}";
        }
        List<string> elements = [];
        foreach (Element element in held.Elements.Elements)
        {
            element.TryRead(out ElementFields keyParts, out ElementFields dataParts);
            string key = element.Set == ElementSet.AffinityEndpoints ? ids[keyParts.AffinityId] : element.Describe();
            string data = element.Set is ElementSet.AffinityIds or ElementSet.InsideAffinityIds
                ? ids.GetValueOrDefault(dataParts.AffinityId, "dangling id")
                : element.DataLength > 0 ? dataParts.Endpoint.ToString() : "";
            elements.Add($"element {TableSchema.Name(element.Set, element.Variant)} {key} : {data} {element.Comment}");
        }
        foreach (string element in elements.Order(StringComparer.Ordinal))
            text.AppendLine(element);
        return text.ToString();
    }
}
