using System.Runtime.InteropServices;
using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Model;

/// <summary>
/// A 64-bit hash of the rules of one chain in their order: the rules of a hundred thousand chains are compared with what the
/// kernel holds, and keeping them would take too much memory at start. Equal rules have equal hashes; different ones almost never do.
/// </summary>
internal readonly record struct ChainFingerprint
{
    private const ulong Prime = 0x9e3779b97f4a7c15;

    private readonly ulong _bits;

    private ChainFingerprint(ulong bits) => _bits = bits;

    /// <summary>A chain without rules.</summary>
    public static ChainFingerprint Empty { get; } = new(Prime);

    /// <summary>A chain whose rules could not be read: different from any wanted one.</summary>
    public static ChainFingerprint Unread => default;

    public static ChainFingerprint Of(IReadOnlyList<IpRule> rules)
    {
        ChainFingerprint fingerprint = Empty;
        foreach (IpRule rule in rules)
            fingerprint = fingerprint.With(rule);
        return fingerprint;
    }

    /// <summary>The same chain with one more rule of ours at its end.</summary>
    public ChainFingerprint With(IpRule rule)
    {
        ulong bits = Mix(_bits, (ulong)rule.Protocol << 32 | (ulong)rule.Port << 16 | (rule.IsMatchFirst ? 1UL : 0));
        bits = Mix(bits, rule.Source);
        bits = Mix(bits, rule.Destination);
        bits = Mix(bits, rule.Input is { } input ? input.Name : null);
        bits = Mix(bits, rule.Input is { IsNegated: true } ? 1UL : 0);
        bits = Mix(bits, rule.Comment);
        bits = Mix(bits, rule.Counter);
        bits = Mix(bits, rule.Match);
        return new(Mix(bits, rule.Target));
    }

    /// <summary>The same chain with one more rule of another program at its end.</summary>
    public ChainFingerprint WithForeign(ReadOnlySpan<char> rule) => new(Mix(Mix(_bits, ulong.MaxValue), rule));

    private static ulong Mix(ulong bits, RuleMatch? match) => match switch
    {
        null => Mix(bits, 0UL),
        LocalAddressMatch local => Mix(bits, local.IsSource ? 1UL : 2),
        StateMatch state => Mix(bits, 3UL | (state.IsNegated ? 8UL : 0) | (ulong)state.States << 8),
        MarkMatch mark => Mix(Mix(bits, 4UL | (mark.IsNegated ? 8UL : 0)), (ulong)mark.Mark << 32 | mark.Mask),
        RecentMatch recent => Mix(Mix(bits, 5UL | (ulong)recent.Family << 8 | (ulong)recent.Seconds << 16), recent.Name),
        RandomMatch random => Mix(bits, 6UL | (ulong)random.Share << 8),
        _ => throw new ArgumentOutOfRangeException(nameof(match), match, "a match without a fingerprint"),
    };

    private static ulong Mix(ulong bits, RuleTarget? target) => target switch
    {
        null => Mix(bits, 0UL),
        JumpTarget jump => Mix(Mix(bits, jump.IsGoto ? 1UL : 2), jump.Chain),
        RejectTarget reject => Mix(Mix(bits, 3UL), reject.Message),
        MarkTarget mark => Mix(Mix(bits, 4UL), (ulong)mark.Mark << 32 | mark.Mask),
        MasqueradeTarget masquerade => Mix(bits, masquerade.IsRandom ? 5UL : 6),
        DestinationTarget { Endpoint: var endpoint } => Mix(Mix(bits, 7UL | (ulong)endpoint.Port << 8), endpoint.Address),
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "a target without a fingerprint"),
    };

    private static ulong Mix(ulong bits, PrefixMatch? match) => match is { } some
        ? Mix(Mix(bits, 1UL | (some.IsNegated ? 2UL : 0) | (ulong)some.Prefix.Length << 8), some.Prefix.Address)
        : Mix(bits, 0UL);

    private static ulong Mix(ulong bits, InetAddress address)
    {
        UInt128 number = address.ToNumber();
        return Mix(Mix(Mix(bits, (ulong)address.Family), (ulong)(number >> 64)), (ulong)number);
    }

    private static ulong Mix(ulong bits, string? text) => text is null ? Mix(bits, ulong.MaxValue) : Mix(bits, text.AsSpan());

    private static ulong Mix(ulong bits, ReadOnlySpan<char> text)
    {
        bits = Mix(bits, (ulong)text.Length);
        ReadOnlySpan<ulong> four = MemoryMarshal.Cast<char, ulong>(text);
        foreach (ulong part in four)
            bits = Mix(bits, part);
        foreach (char rest in text[(four.Length * 4)..])
            bits = Mix(bits, rest);
        return bits;
    }

    // Both halves of the product: each input bit affects all output bits within two steps.
    private static ulong Mix(ulong bits, ulong part)
    {
        ulong high = Math.BigMul(bits ^ part, Prime, out ulong low);
        return high ^ low ^ bits << 1;
    }
}
