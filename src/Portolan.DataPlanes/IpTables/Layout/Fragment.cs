using Portolan.DataPlanes.IpTables.Model;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>All chains and rules of one service in one family.</summary>
internal sealed class Fragment
{
    public static Fragment Empty { get; } = new();

    public List<RuleChain> Chains { get; } = [];

    public List<SharedRule> Shared { get; } = [];

    public RuleChain? Find(ChainId id)
    {
        foreach (RuleChain chain in Chains)
        {
            if (chain.Id == id)
                return chain;
        }
        return null;
    }
}
