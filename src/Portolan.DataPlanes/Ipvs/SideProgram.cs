using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;
using Portolan.Services.Node;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>What the rules of a family's table depend on.</summary>
/// <param name="Family">The family.</param>
/// <param name="Detector">How packets from pods are recognised.</param>
/// <param name="MasqueradeMark">The mark bit that asks for masquerading.</param>
internal sealed record SideInput(IpFamily Family, LocalDetector Detector, uint MasqueradeMark);

/// <summary>
/// The table beside the virtual servers: what IPVS cannot do. The number of its chains and rules does not depend on what is served.
/// </summary>
/// <param name="Table">The table.</param>
/// <param name="Sets">Its sets and maps.</param>
/// <param name="Chains">Its chains, base chains last.</param>
/// <param name="Rules">Its rules, in order.</param>
internal sealed record SideProgram(NfTable Table, ImmutableArray<NfSet> Sets, ImmutableArray<NfChain> Chains, ImmutableArray<NfRule> Rules)
{
    // Chains of type nat see the first packet of a connection alone, and come after those in which others set marks (mangle, -150). What
    // processes of the node send reaches IPVS behind them, at -98.
    private const int DestinationNat = -100;
    private const int SourceNat = 100;

    private const string Services = PortolanIpvs.Services;
    private const string Frontend = "frontend";
    private const string OffCluster = "off-cluster";
    private const string ExternalLocal = "external-local";
    private const string Sources = PortolanIpvs.Sources;
    private const string Postrouting = PortolanIpvs.Postrouting;

    /// <summary>A part of the comment of a table that says which rules are in it; another layout is replaced.</summary>
    internal const string TableComment = "portolan ipvs layout 2";

    /// <summary>The table's name and family.</summary>
    internal static NfTableId TableOf(IpFamily family) => new(family.ToNfFamily(), PortolanIpvs.TableName);

    /// <summary>The program for an input. Pure.</summary>
    internal static SideProgram Build(SideInput input)
    {
        NfTableId table = TableOf(input.Family);
        var e = new SideExpressions(input.Family);
        var chains = ImmutableArray.CreateBuilder<NfChain>();
        var rules = ImmutableArray.CreateBuilder<NfRule>();

        void Chain(string name, NfHook? hook = null) => chains.Add(new NfChain(table, name) { Hook = hook });
        void Rule(string chain, string? comment, params ReadOnlySpan<NfExpression[]> parts)
        {
            var expressions = ImmutableArray.CreateBuilder<NfExpression>();
            foreach (NfExpression[] part in parts)
                expressions.AddRange(part);
            rules.Add(new NfRule(table, chain, expressions.ToImmutable()) { Comment = comment });
        }

        NfExpression[][] fromPod = [.. PodConditions.Of(input.Detector, input.Family, isPod: true)];

        Chain(Sources);
        Rule(Sources, null, e.KeyAndSource(), SideExpressions.In(PortolanIpvsSet.SourceRanges), SideExpressions.Return);
        Rule(Sources, "the source ranges do not allow it", SideExpressions.Drop);

        Chain(ExternalLocal);
        foreach (NfExpression[] condition in fromPod)
            Rule(ExternalLocal, "from a pod", condition, e.ToShortcut());
        Rule(ExternalLocal, "from this node", NfStatements.SourceIsLocal, e.ToShortcut());

        Chain(Frontend);
        Rule(Frontend, null, e.Key(), SideExpressions.In(PortolanIpvsSet.Restricted), SideExpressions.Jump(Sources));
        Rule(Frontend, "no endpoints", e.Key(), SideExpressions.In(PortolanIpvsSet.Rejected), e.Reject);
        Rule(Frontend, null, e.Key(), SideExpressions.In(PortolanIpvsSet.ExternalLocal), SideExpressions.Jump(ExternalLocal));
        Rule(Frontend, "no endpoints on this node", e.Key(), SideExpressions.In(PortolanIpvsSet.Dropped), SideExpressions.Drop);

        NfExpression[][] notFromPod = [.. PodConditions.Of(input.Detector, input.Family, isPod: false)];
        // Only here is it known which interface a packet came by: behind IPVS it is one that this machine sends.
        bool isByInterface = input.Detector.Mode is LocalDetection.Interface or LocalDetection.InterfacePrefix;
        Chain(OffCluster);
        if (isByInterface)
            Rule(OffCluster, null, [.. notFromPod, NfStatements.SetMark(input.MasqueradeMark)]);

        Chain(Services);
        Rule(Services, null, e.Key(), SideExpressions.In(PortolanIpvsSet.OffCluster), SideExpressions.Goto(OffCluster));
        Rule(Services, null, e.Key(), SideExpressions.In(PortolanIpvsSet.Frontends), SideExpressions.Goto(Frontend));
        Rule(Services, "unknown port of a service", e.IsNotIcmp, e.Destination(), SideExpressions.In(PortolanIpvsSet.Addresses), e.Reject);

        Base("prerouting", NfHookNumber.Prerouting, DestinationNat, SideExpressions.Jump(Services));
        Base("output", NfHookNumber.Output, DestinationNat, SideExpressions.Jump(Services));
        // Who is masqueraded is looked up by what connection tracking knows of the first packet. A mark would not last from prerouting to
        // here: IPVS sends its packets through OUTPUT, where other programs set marks of their own.
        Base(Postrouting, NfHookNumber.Postrouting, SourceNat, NfStatements.TakeMark(input.MasqueradeMark),
            SideExpressions.Masquerade);
        if (notFromPod.Length > 0 && !isByInterface)
        {
            Rule(Postrouting, "from outside", [SideExpressions.IsNotTranslated, e.OriginalKey(),
                SideExpressions.In(PortolanIpvsSet.OffCluster), .. notFromPod, SideExpressions.Masquerade]);
        }
        Rule(Postrouting, null, SideExpressions.IsNotTranslated, e.OriginalKey(), SideExpressions.In(PortolanIpvsSet.Masquerade),
            SideExpressions.Masquerade);
        Rule(Postrouting, "from this node", [e.OriginalKey(), SideExpressions.In(PortolanIpvsSet.ExternalLocal),
            .. isByInterface ? [] : notFromPod, NfStatements.SourceIsLocal, SideExpressions.Masquerade]);
        Rule(Postrouting, "an endpoint that talks to itself", NfStatements.OutputInterfaceIsNot("lo"), e.Pair(),
            SideExpressions.In(PortolanIpvsSet.Hairpin), SideExpressions.Masquerade);

        return new SideProgram(new NfTable(table) { Comment = TableComment }, [.. Enum.GetValues<PortolanIpvsSet>()
            .Select(set => SideElementCodec.Definition(input.Family, set))], chains.ToImmutable(), rules.ToImmutable());

        void Base(string name, NfHookNumber hook, int priority, params ReadOnlySpan<NfExpression[]> parts)
        {
            Chain(name, new NfHook("nat", hook, priority));
            Rule(name, null, parts);
        }
    }

    /// <summary>True if the kernel holds this program: the same sets, chains and rules, and no others.</summary>
    internal bool IsHeldBy(SideTable held) =>
        held.Table is { } table && table.Comment == Table.Comment && table.Flags == NfTableFlags.None
        && held.Rules.AsSpan().SequenceEqual(Ordered(Rules).AsSpan())
        && held.Chains.OrderBy(static chain => chain.Name, StringComparer.Ordinal)
            .SequenceEqual(Chains.OrderBy(static chain => chain.Name, StringComparer.Ordinal))
        && held.Sets.Select(static set => (set.Name, set.Key, set.Data, set.Flags)).ToHashSet()
            .SetEquals(Sets.Select(static set => (set.Name, set.Key, set.Data, set.Flags)));

    /// <summary>Rules by chain, in the order that they have in it.</summary>
    internal static ImmutableArray<NfRule> Ordered(IEnumerable<NfRule> rules) =>
        [.. rules.OrderBy(static rule => rule.Chain, StringComparer.Ordinal)];
}
