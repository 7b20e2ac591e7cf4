namespace Portolan.DataPlanes.IpTables.Model;

/// <summary>
/// A rule as iptables-save prints it. It is equal to another that does the same; another program's rule, with anything our layouts do not
/// write, is equal only to one with the same text.
/// </summary>
internal readonly struct ShownRule : IEquatable<ShownRule>
{
    private readonly string? _text;

    private ShownRule(string? text, IpRule? rule) => (_text, Rule) = (text, rule);

    /// <summary>The rule as a value; null for one with anything our layouts do not write.</summary>
    public IpRule? Rule { get; }

    /// <summary>The rule without "-A CHAIN ", as it was printed: the text to delete it by.</summary>
    public string Text => _text ?? Rule!.ToString();

    /// <summary>The chain, verdict or target the rule jumps to; empty for none.</summary>
    public string Target => Rule is { } rule ? rule.Target?.Name ?? "" : RuleText.TargetOf(Text);

    public static ShownRule Read(string text) => new(text, RuleText.TryParse(text));

    /// <summary>How one of ours is printed.</summary>
    public static ShownRule Of(IpRule rule) => new(null, rule);

    public bool Equals(ShownRule other) => Rule is { } rule ? rule.Equals(other.Rule) : other.Rule is null && _text == other._text;

    public override bool Equals(object? obj) => obj is ShownRule other && Equals(other);

    public override int GetHashCode() => Rule?.GetHashCode() ?? string.GetHashCode(_text, StringComparison.Ordinal);
}
