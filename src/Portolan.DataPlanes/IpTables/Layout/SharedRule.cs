using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>Where a rule belongs in a chain it shares with others.</summary>
internal enum RulePosition : byte
{
    /// <summary>Before those at the end; the order of rules of different services does not matter, because no packet matches two.</summary>
    Anywhere,

    /// <summary>
    /// After all rules for one address: it rejects or drops at a NodePort's number on every address of the node. Where the external IP of
    /// another service is such an address, the rule for that frontend wins; in kube-proxy it is random.
    /// </summary>
    AfterAddresses,

    /// <summary>At the end.</summary>
    Last,

    /// <summary>Inserted first in a chain that is not ours alone if it is missing; its position does not matter otherwise.</summary>
    First,
}

/// <summary>A rule in a chain that all services share, or in one of others.</summary>
/// <param name="Chain">The chain.</param>
/// <param name="Rule">The rule.</param>
/// <param name="Owner">The service it is for; null for none.</param>
/// <param name="Address">The destination it is for, which is its place in a tree; the default value if it is for none.</param>
/// <param name="Position">Where in the chain it belongs.</param>
internal readonly record struct SharedRule(
    ChainId Chain, IpRule Rule, ObjectName? Owner = null, InetAddress Address = default, RulePosition Position = RulePosition.Anywhere)
{
    /// <summary>
    /// Rules with the same value keep their order: those of one service for one destination in the nat table (mark, then jump). Rules of
    /// the filter table that reject or drop are independent of each other.
    /// </summary>
    public (ChainId Chain, ObjectName? Owner, InetAddress Address, IpRule? Rule) Series =>
        (Chain, Owner, Address, Chain.Table == IpTable.Nat ? null : Rule);
}
