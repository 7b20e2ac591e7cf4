using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;

namespace Portolan.Rules.Readers.Reading;

/// <summary>Shared state of the readers of one input.</summary>
internal sealed class ReadContext(SourceText source, TextPool pool)
{
    public SourceText Source { get; } = source;

    public TextPool Pool { get; } = pool;

    public StatementCache Cache { get; } = new(pool);

    public ProblemLog Problems { get; } = new(source.Name);

    /// <summary>What the last line that mentions iptables says about the rules that follow.</summary>
    public IptablesHint Hint { get; set; }

    public List<TableBuilder> Tables { get; } = [];

    public List<IpSet> IpSets { get; } = [];

    public RecentClients? RecentClients { get; set; }

    public List<NetInterface>? Interfaces { get; set; }

    public List<NodeRoute> Routes { get; } = [];

    public List<RoutingRule> RoutingRules { get; } = [];

    public List<VirtualServer>? VirtualServers { get; set; }

    /// <summary>True when nft reported no tables: nothing to read, and no error.</summary>
    public bool SawEmptyRuleset { get; set; }

    /// <summary>A listing that cannot be used was named, with what to take instead: the input is not merely without rules.</summary>
    public bool SawUselessListing { get; set; }
}

/// <summary>Reads one kind of listing, line by line.</summary>
internal interface ISectionReader
{
    /// <summary>Takes the current line, or returns false when it does not belong to the section, which ends there.</summary>
    bool Take(LineCursor line);

    /// <summary>The section or the input has ended.</summary>
    void End();
}
