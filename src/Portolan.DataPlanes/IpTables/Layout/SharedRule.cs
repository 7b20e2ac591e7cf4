using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>Where a rule belongs in a chain it shares with others.</summary>
internal enum RulePosition : byte
{
    /// <summary>Before those at the end; order among rules of different services means nothing, for no packet matches two.</summary>
    Anywhere,

    /// <summary>
    /// After all rules for one address: it rejects or drops at a NodePort's number on every address of the node. Where the external IP of
    /// another service is such an address, what is said of that frontend counts; in kube-proxy it is chance.
    /// </summary>
    AfterAddresses,

    /// <summary>At the end.</summary>
    Last,

    /// <summary>First in a chain that is not ours alone, when it is missing there; where it is does not matter.</summary>
    First,
}

/// <summary>A rule in a chain that all services share, or in one of others.</summary>
/// <param name="Chain">The chain.</param>
/// <param name="Rule">The rule.</param>
/// <param name="Owner">The service it is for; null for none.</param>
/// <param name="Address">The destination it is for, by which a tree can lead to it; the default value when it is for none.</param>
/// <param name="Position">Where in the chain it belongs.</param>
internal readonly record struct SharedRule(
    ChainId Chain, IpRule Rule, ObjectName? Owner = null, InetAddress Address = default, RulePosition Position = RulePosition.Anywhere)
{
    /// <summary>
    /// Rules with the same value keep their order: those of one service for one destination in the nat table (mark, then jump). What the
    /// filter table rejects or drops, each of its rules does so for itself.
    /// </summary>
    public (ChainId Chain, ObjectName? Owner, InetAddress Address, IpRule? Rule) Series =>
        (Chain, Owner, Address, Chain.Table == IpTable.Nat ? null : Rule);
}
