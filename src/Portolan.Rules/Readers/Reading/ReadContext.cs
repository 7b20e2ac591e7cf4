using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;

namespace Portolan.Rules.Readers.Reading;

/// <summary>What the readers of one input share.</summary>
internal sealed class ReadContext(SourceText source, TextPool pool)
{
    public SourceText Source { get; } = source;

    public TextPool Pool { get; } = pool;

    public StatementCache Cache { get; } = new(pool);

    public ProblemLog Problems { get; } = new(source.Name);

    /// <summary>What the last line that speaks of iptables said about the rules that follow it.</summary>
    public IptablesHint Hint { get; set; }

    public List<TableBuilder> Tables { get; } = [];

    public List<IpSet> IpSets { get; } = [];

    public RecentClients? RecentClients { get; set; }

    public List<NetInterface>? Interfaces { get; set; }

    /// <summary>True when nft said that there is not one table: nothing to read, and nothing wrong.</summary>
    public bool SawEmptyRuleset { get; set; }
}

/// <summary>Reads one kind of listing, line by line.</summary>
internal interface ISectionReader
{
    /// <summary>Takes the present line, or returns false when it belongs to something else: the section is over then.</summary>
    bool Take(LineCursor line);

    /// <summary>The section is over, or the input is.</summary>
    void End();
}
