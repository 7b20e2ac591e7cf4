using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Probes whether this kernel supports each kind of set, chain and expression that our tables use. They are put into one transaction
/// on a scratch table whose last message cannot succeed, so the kernel checks all of it and keeps nothing.
/// </summary>
/// <remarks>
/// The kernel loads modules while it processes a transaction, and starts over after each: this is quick for a small one, whereas the first
/// sync of a large cluster would be processed from the start a dozen times.
/// </remarks>
internal sealed class KernelProbe(IpFamily family) : IDisposable
{
    // It never exists, because the transaction is refused; the name says whose it is if it shows up in a notification.
    private const string ScratchTable = "portolan-probe";
    private const string ScratchChain = "probe";
    private const int BaseFeature = 0;

    private readonly NfTableId _table = new(family.ToNfFamily(), ScratchTable);
    private readonly List<string> _features = [];
    private readonly NfTransaction _transaction = new();

    /// <summary>What is missing, each with the kernel configuration option that provides it; empty if nothing is missing.</summary>
    /// <param name="socket">A socket of netfilter.</param>
    /// <param name="family">The family of the table.</param>
    /// <exception cref="NetlinkException">The kernel cannot be reached over netlink.</exception>
    internal static ImmutableArray<string> Missing(NetlinkSocket socket, IpFamily family)
    {
        using var probe = new KernelProbe(family);
        probe.Write();
        return probe.Ask(socket);
    }

    /// <inheritdoc/>
    public void Dispose() => _transaction.Dispose();

    private void Write()
    {
        bool isIPv4 = family == IpFamily.IPv4;
        var rules = new RuleExpressions(family);
        _transaction.AddTable(new NfTable(_table),
            Feature($"tables of family {_table.Family.ToRuleText()} (CONFIG_NF_TABLES_{(isIPv4 ? "IPV4" : "IPV6")})"));
        _transaction.AddChain(new NfChain(_table, ScratchChain), BaseFeature);
        int maps = Feature("maps with addresses, protocols and ports in one key (Linux 4.1)");
        foreach (PortolanSet set in (ReadOnlySpan<PortolanSet>)[PortolanSet.Frontends, PortolanSet.Endpoints, PortolanSet.Kinds])
            _transaction.AddSet(TableSchema.Definition(family, set) with { Table = _table }, maps);
        const int anyTimeout = 600;
        NfSet clients = TableSchema.Definition(family, PortolanSet.AffinityClients, anyTimeout) with { Table = _table };
        _transaction.AddSet(clients, Feature("sets that packets write to (Linux 4.1)"));
        foreach ((NfHookNumber hook, string name) in (ReadOnlySpan<(NfHookNumber, string)>)
            [(NfHookNumber.Prerouting, "prerouting"), (NfHookNumber.Output, "output"), (NfHookNumber.Postrouting, "postrouting")])
        {
            _transaction.AddChain(new NfChain(_table, name) { Hook = new NfHook("nat", hook, 0) },
                Feature($"chains of type nat at {name} (CONFIG_NFT_NAT)"));
        }
        Try([.. RuleExpressions.ClearPriority, .. rules.Key(), RuleExpressions.Map(TableSchema.Name(PortolanSet.Frontends)),
            RuleExpressions.StorePriority],
            "a packet's priority from a map (Linux 4.1)");
        Try(RuleExpressions.LeadBy(TableSchema.Name(PortolanSet.Kinds)), "verdict maps over a packet's priority");
        Try(rules.KeyAndRandom(2), "random numbers: numgen (CONFIG_NFT_NUMGEN)");
        // With constants, so that nothing else can be missing.
        Try([new NfImmediate(NfRegister.At(0), NfData.Address(InetAddress.Unspecified(family))),
            new NfImmediate(NfRegister.At(InetAddress.LengthOf(family) / 4), NfData.BigEndian((ushort)80)), rules.Dnat()],
            "destination NAT (CONFIG_NFT_NAT)");
        Try([NfStatements.Masquerade], "masquerade (CONFIG_NFT_MASQ)");
        Try([rules.Reject], "reject (CONFIG_NFT_REJECT)");
        Try(NfStatements.SourceIsLocal, $"whether an address is local: fib (CONFIG_NFT_FIB_{(isIPv4 ? "IPV4" : "IPV6")})");
        Try(RuleExpressions.IsTranslated, "a connection's state: ct (CONFIG_NFT_CT)");
        Try(rules.Remember(clients.Name), "rules that write to sets: dynset");
        // No table has this name: the transaction is refused here at the latest.
        _transaction.DeleteTable(new NfTableId(_table.Family, ScratchTable + "-none"));
    }

    private int Feature(string name)
    {
        _features.Add(name);
        return _features.Count - 1;
    }

    private void Try(NfExpression[] expressions, string name) =>
        _transaction.AppendRule(new NfRule(_table, ScratchChain, [.. expressions]), Feature(name));

    private ImmutableArray<string> Ask(NetlinkSocket socket)
    {
        CommitResult result = _transaction.Commit(socket);
        if (result.IsCommitted)
            throw new InvalidOperationException("the kernel accepted a transaction that deletes a table that does not exist");
        int[] refused = [.. result.Refusals.Select(static refusal => refusal.Subject).Where(static subject => subject >= 0).Distinct()];
        // Without the table everything else is refused because the table is missing.
        if (refused.Contains(BaseFeature))
            refused = [BaseFeature];
        return [.. refused.Order()
            .Select(subject => $"{_features[subject]}: {result.Refusals.First(refusal => refusal.Subject == subject)}")];
    }
}
