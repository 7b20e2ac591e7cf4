using Portolan.Rules.Dialects;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>
/// Tables that iptables-nft keeps in nf_tables. nft shows them in its own syntax, and <see cref="IptablesWords"/> translates it
/// back; but nft's translation omits things or even changes them: nft 1.0.6 prints "ct status dnat" for "! --ctstate
/// RELATED,ESTABLISHED,DNAT", and nothing at all for ip6tables' DNAT.
/// </summary>
internal static class IptablesNft
{
    /// <summary>Marks a table as iptables-nft's and replaces what nft's text gets wrong by unknown conditions.</summary>
    public static void Recognise(TableBuilder table, ProblemLog problems)
    {
        if (!IsOne(table))
            return;
        table.Backend = RuleBackend.IptablesNft;
        bool isText = table.Format == RuleFormat.NftText;
        problems.Note(table.Source.Line,
            $"table {table.Name} belongs to iptables-nft, and nft's translation of its rules is incomplete; "
            + "the output of iptables-save shows them in full");
        foreach (ChainBuilder chain in table.Chains)
        {
            for (int i = 0; i < chain.Rules.Count; i++)
                chain.Rules[i] = Distrust(chain.Rules[i], isText);
        }
    }

    private static bool IsOne(TableBuilder table)
    {
        if (table.Family is not (TableFamily.Ip or TableFamily.Ip6) || !Names.IsTable(table.Name) || table.Sets.Count > 0)
            return false;
        bool hasBase = false;
        foreach (ChainBuilder chain in table.Chains)
        {
            if (chain.Base is not { } place)
                continue;
            // security has another priority in nft; iptables-nft fixes only the hook and the name.
            if (Names.HookOf(chain.Name) != place.Hook)
                return false;
            hasBase = true;
        }
        // "nft list chain ip nat KUBE-SERVICES" shows no base chain.
        return hasBase || table.Chains.Exists(chain => KubeProxyIptables.RoleOf(chain.Name) != KubeChainRole.None);
    }

    private static Rule Distrust(Rule rule, bool isText)
    {
        var statements = new List<Statement>(rule.Statements.Length);
        foreach (Statement statement in rule.Statements)
        {
            if (statement is RelationalMatch { Left: SelectorExpression { Field: PacketField.CtState or PacketField.CtStatus } } && isText)
                statements.Add(new UnmodelledMatch("conntrack", "a condition on conntrack that nft translates wrongly"));
            else
                IptablesWords.Add(statement, statements);
        }
        // A target without translation leaves only a blank after the counter.
        bool isCut = isText && rule.Target is null && rule.Source.Text is [.., ' '];
        return new Rule
        {
            Statements = [.. statements],
            Comment = rule.Comment,
            Counters = rule.Counters,
            Handle = rule.Handle,
            Source = rule.Source,
            Gaps = isCut ? rule.Gaps | RuleGaps.Tail : rule.Gaps,
        };
    }
}
