using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>The two tables services live in.</summary>
internal enum RuleTable : byte
{
    Filter,
    Nat,
}

/// <summary>
/// A rule in a chain that all services share. Order among rules of different services means nothing, for no packet matches two, save where
/// one is for an address and the other <see cref="IsForAllAddresses"/>.
/// </summary>
/// <param name="Table">The chain's table.</param>
/// <param name="Chain">The chain.</param>
/// <param name="Rule">The rule without "-A CHAIN ".</param>
/// <param name="Address">The destination it is for, by which a tree can lead to it; the default value when it is for none.</param>
/// <param name="IsForAllAddresses">
/// It refuses or drops at a NodePort's number on every address of the node, and comes after rules for the external IP of another service that
/// is such an address: what is said of the one frontend counts, in kube-proxy by chance.
/// </param>
internal readonly record struct SharedRule(RuleTable Table, string Chain, string Rule, InetAddress Address = default, bool IsForAllAddresses = false)
{
    /// <summary>
    /// One service's rules with the same value keep their order: those for one destination in the nat table (mark, then jump). What the filter
    /// table refuses, each of its rules refuses for itself.
    /// </summary>
    public (RuleTable Table, string Chain, InetAddress Address, string Rule) Series => (Table, Chain, Address, Table == RuleTable.Nat ? "" : Rule);
}

/// <summary>All that one service means in one family.</summary>
internal sealed class Fragment
{
    public static Fragment Empty { get; } = new();

    public List<NatChain> Chains { get; } = [];

    public List<SharedRule> Shared { get; } = [];

    public NatChain? Find(string name)
    {
        foreach (NatChain chain in Chains)
        {
            if (chain.Name == name)
                return chain;
        }
        return null;
    }
}
