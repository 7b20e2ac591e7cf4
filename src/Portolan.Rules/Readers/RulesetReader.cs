using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers;

/// <summary>
/// Reads rulesets from the output of iptables-save, ip6tables-save, iptables -L, nft list ruleset, nft -j list ruleset, ipset save and
/// list, ipvsadm -S and -L, ip addr, ip route and ip rule (text and JSON). The kind of each input is recognised from its content; one input
/// may hold several, with prose between them.
/// </summary>
public static class RulesetReader
{
    /// <summary>
    /// Reads the inputs into one ruleset. Never throws for the content of an input: what cannot be read is left out and listed in
    /// <see cref="Ruleset.Problems"/>. Takes time and memory linear in the size of the inputs.
    /// </summary>
    public static Ruleset Read(params IEnumerable<SourceText> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var pool = new TextPool();
        var contexts = new List<ReadContext>();
        foreach (SourceText input in inputs)
        {
            SourceText text = ForeignInput.AsUtf8(input, out string? encoding);
            text = PasteForm.Undo(text, out IReadOnlyDictionary<int, string> undone);
            var context = new ReadContext(text, pool);
            foreach ((int line, string what) in undone)
                context.Problems.Note(line, what);
            if (encoding is not null)
                context.Problems.Note(0, $"the input is {encoding}; it is read as such");
            new InputReader(context).Read();
            contexts.Add(context);
        }
        return RulesetMerger.Merge(contexts);
    }
}
