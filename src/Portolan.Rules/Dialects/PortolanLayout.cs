using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;

namespace Portolan.Rules.Dialects;

/// <summary>
/// The names of sets and chains in one generation of Portolan's nftables tables. Not every layout has every <see cref="PortolanSet"/> and
/// <see cref="PortolanChainKind"/>; asking for a missing name is a caller's error.
/// </summary>
public sealed class PortolanLayout
{
    private readonly FrozenDictionary<PortolanSet, Pattern> _sets;
    private readonly FrozenDictionary<PortolanChainKind, Pattern> _chains;
    private readonly ImmutableArray<(PortolanView View, string Prefix)> _views;
    private readonly FrozenDictionary<string, PortolanSet> _setsByName;
    private readonly FrozenDictionary<string, PortolanChain> _chainsByName;

    /// <summary>A layout from its tables of names.</summary>
    /// <param name="number">The layout's number.</param>
    /// <param name="views">Prefixes of the chains that exist once per view.</param>
    /// <param name="sets">Names of sets; "{0}" is the variant.</param>
    /// <param name="chains">Names of chains; "{0}" is <see cref="PortolanChain.Number"/>.</param>
    internal PortolanLayout(
        int number, ImmutableArray<(PortolanView View, string Prefix)> views,
        IEnumerable<(PortolanSet Set, string Name)> sets, IEnumerable<(PortolanChainKind Kind, string Name)> chains)
    {
        Number = number;
        _views = views;
        _sets = sets.ToFrozenDictionary(pair => pair.Set, pair => new Pattern(pair.Name));
        _chains = chains.ToFrozenDictionary(pair => pair.Kind, pair => new Pattern(pair.Name));
        _setsByName = _sets.Where(pair => !pair.Value.HasNumber)
            .ToFrozenDictionary(pair => pair.Value.Before, pair => pair.Key, StringComparer.Ordinal);
        _chainsByName = _chains.Where(pair => !pair.Value.HasNumber)
            .SelectMany(pair => views,
            (pair, view) => (Name: view.Prefix + pair.Value.Before, Chain: new PortolanChain(pair.Key, view.View)))
            .ToFrozenDictionary(pair => pair.Name, pair => pair.Chain, StringComparer.Ordinal);
    }

    /// <summary>The number in the table's comment ("layout 1"); changes with any change that another version could not read.</summary>
    public int Number { get; }

    /// <summary>True when the layout has sets of this kind.</summary>
    public bool Has(PortolanSet set) => _sets.ContainsKey(set);

    /// <summary>True when the layout has chains of this kind.</summary>
    public bool Has(PortolanChainKind kind) => _chains.ContainsKey(kind);

    /// <summary>The name of a set.</summary>
    /// <param name="set">What it is for.</param>
    /// <param name="variant">Prefix length or seconds, for the kinds that have one.</param>
    /// <exception cref="ArgumentOutOfRangeException">The layout has no such set.</exception>
    public string NameOf(PortolanSet set, int variant = 0) =>
        _sets.TryGetValue(set, out Pattern pattern) ? pattern.With(variant)
        : throw new ArgumentOutOfRangeException(nameof(set), set, $"layout {Number} has no such set");

    /// <summary>The name of a chain.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The layout has no such chain.</exception>
    public string NameOf(PortolanChain chain) => _chains.TryGetValue(chain.Kind, out Pattern pattern)
        ? _views.First(view => view.View == chain.View).Prefix + pattern.With(chain.Number)
        : throw new ArgumentOutOfRangeException(nameof(chain), chain.Kind, $"layout {Number} has no such chain");

    /// <summary>The name of a chain.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The layout has no such chain.</exception>
    public string NameOf(PortolanChainKind kind, PortolanView view = PortolanView.All, int number = 0) =>
        NameOf(new PortolanChain(kind, view, number));

    /// <summary>What a set is for, by its name; false when this layout does not have the name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="set">What it is for.</param>
    /// <param name="variant">Prefix length or seconds; 0 for the kinds that have none.</param>
    public bool TryParseSet(string name, out PortolanSet set, out int variant)
    {
        variant = 0;
        if (_setsByName.TryGetValue(name, out set))
            return true;
        foreach ((PortolanSet candidate, Pattern pattern) in _sets)
        {
            if (pattern.TryParse(name, out variant))
            {
                set = candidate;
                return true;
            }
        }
        return false;
    }

    /// <summary>What a chain is for, by its name; false when this layout does not have the name.</summary>
    public bool TryParseChain(string name, out PortolanChain chain)
    {
        if (_chainsByName.TryGetValue(name, out chain))
            return true;
        foreach ((PortolanView view, string prefix) in _views)
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            foreach ((PortolanChainKind kind, Pattern pattern) in _chains)
            {
                if (!pattern.TryParse(name.AsSpan(prefix.Length), out int number))
                    continue;
                chain = new PortolanChain(kind, view, number);
                return true;
            }
        }
        return false;
    }

    /// <summary>A name with at most one number in it.</summary>
    private readonly record struct Pattern
    {
        private const string Hole = "{0}";

        internal Pattern(string text)
        {
            int hole = text.IndexOf(Hole, StringComparison.Ordinal);
            (Before, After, HasNumber) = hole < 0 ? (text, string.Empty, false) : (text[..hole], text[(hole + Hole.Length)..], true);
        }

        internal string Before { get; }

        internal string After { get; }

        internal bool HasNumber { get; }

        internal string With(int number) => HasNumber ? string.Create(CultureInfo.InvariantCulture, $"{Before}{number}{After}") : Before;

        // Only the canonical form: "pick-08" is not ours.
        internal bool TryParse(ReadOnlySpan<char> name, out int number)
        {
            number = 0;
            return HasNumber && name.Length > Before.Length + After.Length && name.StartsWith(Before, StringComparison.Ordinal)
                && name.EndsWith(After, StringComparison.Ordinal) && name[Before.Length..^After.Length] is var digits
                && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number)
                    && (digits[0] != '0' || digits.Length == 1);
        }
    }
}
