using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Reading;

/// <summary>A table while it is read.</summary>
internal sealed class TableBuilder(TableFamily family, string name, RuleBackend backend, RuleFormat format, SourceSpan source)
{
    private readonly Dictionary<string, ChainBuilder> _byName = new(StringComparer.Ordinal);
    private readonly List<ChainBuilder> _undeclared = [];

    public TableFamily Family { get; set; } = family;

    public string Name { get; set; } = name;

    public RuleBackend Backend { get; set; } = backend;

    public RuleFormat Format { get; set; } = format;

    public SourceSpan Source { get; } = source;

    public bool IsExcerpt { get; set; }

    public bool IsDormant { get; set; }

    public string? Comment { get; set; }

    public List<ChainBuilder> Chains { get; } = [];

    public List<NamedSet> Sets { get; } = [];

    /// <summary>Every chain named so far, including those that only a rule refers to.</summary>
    public IReadOnlyCollection<ChainBuilder> Named => _byName.Values;

    public ChainBuilder? Find(ReadOnlySpan<char> name) =>
        _byName.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out ChainBuilder? chain) ? chain : null;

    /// <summary>
    /// The chain of a name. One that only a rule refers to so far is not among <see cref="Chains"/>; the line of that rule is kept.
    /// </summary>
    public ChainBuilder Reference(ReadOnlySpan<char> name, TextPool pool, int line)
    {
        if (Find(name) is { } known)
            return known;
        var chain = new ChainBuilder(pool.Get(name)) { FirstReference = line };
        _byName.Add(chain.Name, chain);
        _undeclared.Add(chain);
        return chain;
    }

    /// <summary>The chain is declared at this place of the input.</summary>
    public void Declare(ChainBuilder chain, SourceSpan source)
    {
        chain.Source = source;
        if (chain.IsDeclared)
            return;
        chain.IsDeclared = true;
        Chains.Add(chain);
    }

    /// <summary>Adopts a chain from another input of the same table.</summary>
    public void Adopt(ChainBuilder chain)
    {
        Chains.Add(chain);
        _byName[chain.Name] = chain;
    }

    /// <summary>Called at the end of the input: reports chains that rules go to but that are missing.</summary>
    public void Finish(ProblemLog problems)
    {
        List<ChainBuilder> missing = [];
        foreach (ChainBuilder chain in _undeclared)
        {
            if (chain.IsDeclared)
                continue;
            if (chain.Rules.Count == 0)
                missing.Add(chain);
            else
                Declare(chain, chain.Rules[0].Source);
        }
        if (missing.Count == 0)
            return;
        // Another piece of the table may show them; what is missing in the end is reported once.
        if (IsExcerpt)
            return;
        foreach (ChainBuilder chain in missing)
            problems.Partial(chain.FirstReference,
                $"a rule of table {Name} goes to chain {ProblemLog.Quote(chain.Name)}, which is not in the input");
    }

    /// <summary>Reports once what an excerpt leaves out.</summary>
    public void ReportMissing(ProblemLog problems)
    {
        if (!IsExcerpt)
            return;
        var known = Chains.Select(chain => chain.Name).ToHashSet(StringComparer.Ordinal);
        List<string> missing = [.. Chains.SelectMany(chain => chain.Rules).SelectMany(rule => rule.Statements.ToImmutableArray())
            .OfType<VerdictStatement>().Select(statement => statement.Verdict.Chain).OfType<string>()
            .Distinct(StringComparer.Ordinal).Where(name => !known.Contains(name))];
        if (missing.Count == 0)
            return;
        string names = string.Join(", ", missing.Take(5).Select(name => ProblemLog.Quote(name))) + (missing.Count > 5 ? ", ..." : "");
        problems.Note(Source.Line, $"the excerpt of table {Name} leaves out {missing.Count} chains that its rules go to: {names}");
    }

    public RuleTable Build() => new()
    {
        Family = Family,
        Name = Name,
        Backend = Backend,
        Format = Format,
        Source = Source,
        IsExcerpt = IsExcerpt,
        IsDormant = IsDormant,
        Comment = Comment,
        Chains = [.. Chains.Select(chain => chain.Build())],
        Sets = [.. Sets],
    };
}

/// <summary>A chain while it is read.</summary>
internal sealed class ChainBuilder(string name)
{
    private List<int>? _gaps;
    private VerdictStatement? _jump;

    public string Name { get; } = name;

    public SourceSpan Source { get; set; }

    public BaseChain? Base { get; set; }

    public VerdictKind? Policy { get; set; }

    public List<Rule> Rules { get; } = [];

    public int? DeclaredReferences { get; set; }

    public Counters? PolicyCounters { get; set; }

    public string? Comment { get; set; }

    /// <summary>False for a chain that only a rule refers to.</summary>
    public bool IsDeclared { get; set; }

    /// <summary>The line of the first rule that goes to an undeclared chain.</summary>
    public int FirstReference { get; set; }

    /// <summary>The jump to this chain, one object for all rules that have it.</summary>
    public VerdictStatement Jump => _jump ??= new(new Verdict(VerdictKind.Jump, Name));

    public bool HasGaps => _gaps is { Count: > 0 };

    public void MarkGap()
    {
        _gaps ??= [];
        if (_gaps.Count == 0 || _gaps[^1] != Rules.Count)
            _gaps.Add(Rules.Count);
    }

    public Chain Build() => new()
    {
        Name = Name,
        Base = Base,
        Rules = [.. Rules],
        Gaps = _gaps is null ? default : [.. _gaps],
        DeclaredReferences = DeclaredReferences,
        PolicyCounters = PolicyCounters,
        Comment = Comment,
        Source = Source,
    };
}
