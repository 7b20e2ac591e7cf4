using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Model;

/// <summary>
/// Rules as iptables-restore accepts them and iptables-save prints them, which is the same text except for runs of blanks: the only place
/// that knows the syntax of a rule. Parsing is in the other part of this class.
/// </summary>
/// <remarks>
/// iptables-save writes addresses, interface and protocol first, then the matches in the order they were given, then the target. The
/// comment goes first among the matches, then <see cref="IpRule.Match"/>, the protocol's own match, and <see cref="IpRule.Counter"/>:
/// kube-proxy's order.
/// </remarks>
internal static partial class RuleText
{
    // xt_comment.h: XT_MAX_COMMENT_LEN with its end.
    private const int MaxCommentBytes = 255;

    private const string HostMaskIPv4 = "255.255.255.255", HostMaskIPv6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

    private static readonly SearchValues<char> s_plainWord =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    private static readonly (ConntrackStates State, string Name)[] s_states =
    [
        (ConntrackStates.Invalid, "INVALID"),
        (ConntrackStates.New, "NEW"),
        (ConntrackStates.Related, "RELATED"),
        (ConntrackStates.Established, "ESTABLISHED"),
        (ConntrackStates.Untracked, "UNTRACKED"),
        (ConntrackStates.SNat, "SNAT"),
        (ConntrackStates.DNat, "DNAT"),
    ];

    /// <summary>The rule without "-A CHAIN ".</summary>
    public static string Format(IpRule rule)
    {
        var text = new DefaultInterpolatedStringHandler(0, 0, CultureInfo.InvariantCulture, stackalloc char[512]);
        Append(ref text, rule);
        string line = text.Text.TrimEnd(' ').ToString();
        text.Clear();
        return line;
    }

    /// <summary>Writes the same without allocating a string: a first sync writes hundreds of thousands.</summary>
    public static void Write(TextWriter writer, IpRule rule)
    {
        var text = new DefaultInterpolatedStringHandler(0, 0, CultureInfo.InvariantCulture, stackalloc char[512]);
        Append(ref text, rule);
        writer.Write(text.Text.TrimEnd(' '));
        text.Clear();
    }

    /// <summary>A comment as the kernel keeps it: what would end the line is replaced, and what would not fit is truncated.</summary>
    public static string CleanComment(string comment)
    {
        if (comment.Length <= MaxCommentBytes && comment.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
            return comment;
        var clean = new StringBuilder(comment.Length);
        int bytes = 0;
        foreach (Rune rune in comment.EnumerateRunes())
        {
            Rune kept = Rune.IsControl(rune) ? new('?') : rune;
            bytes += kept.Utf8SequenceLength;
            if (bytes > MaxCommentBytes)
                break;
            clean.Append(kept);
        }
        return clean.ToString();
    }

    private static void Append(ref DefaultInterpolatedStringHandler text, IpRule rule)
    {
        if (rule.Source is { } source)
            AppendPrefix(ref text, "-s ", source);
        if (rule.Destination is { } destination)
            AppendPrefix(ref text, "-d ", destination);
        // From the configuration, not from the cluster; iptables-save never quotes it.
        if (rule.Input is { } input)
            AppendPart(ref text, input.IsNegated ? "! -i " : "-i ", input.Name);
        string protocol = rule.Protocol == IpProtocol.None ? "" : rule.Protocol.ToRuleText();
        if (rule.Protocol != IpProtocol.None)
            AppendPart(ref text, "-p ", protocol);
        if (rule.IsMatchFirst)
            AppendMatch(ref text, rule.Match);
        if (rule.Comment is not null)
        {
            text.AppendLiteral("-m comment --comment ");
            AppendString(ref text, rule.Comment);
            text.AppendLiteral(" ");
        }
        if (!rule.IsMatchFirst)
            AppendMatch(ref text, rule.Match);
        if (rule.Protocol != IpProtocol.None)
            AppendPart(ref text, "-m ", protocol);
        if (rule.Port != 0)
        {
            text.AppendLiteral("--dport ");
            text.AppendFormatted(rule.Port);
            text.AppendLiteral(" ");
        }
        if (rule.Counter is not null)
            AppendPart(ref text, "-m nfacct --nfacct-name ", rule.Counter);
        AppendTarget(ref text, rule.Target);
    }

    private static void AppendMatch(ref DefaultInterpolatedStringHandler text, RuleMatch? match)
    {
        switch (match)
        {
            case null:
                break;
            case LocalAddressMatch local:
                text.AppendLiteral(local.IsSource ? "-m addrtype --src-type LOCAL " : "-m addrtype --dst-type LOCAL ");
                break;
            case StateMatch state:
                text.AppendLiteral(state.IsNegated ? "-m conntrack ! --ctstate " : "-m conntrack --ctstate ");
                AppendStates(ref text, state.States);
                break;
            case MarkMatch mark:
                text.AppendLiteral(mark.IsNegated ? "-m mark ! --mark " : "-m mark --mark ");
                AppendMark(ref text, mark.Mark, mark.Mask, showsFullMask: false);
                break;
            case RecentMatch recent:
                text.AppendLiteral(recent.Seconds == 0 ? "-m recent --set --name " : "-m recent --rcheck --seconds ");
                if (recent.Seconds != 0)
                {
                    text.AppendFormatted(recent.Seconds);
                    text.AppendLiteral(" --reap --name ");
                }
                text.AppendLiteral(recent.Name);
                AppendPart(ref text, " --mask ", HostMaskOf(recent.Family));
                text.AppendLiteral("--rsource ");
                break;
            case RandomMatch random:
                text.AppendLiteral("-m statistic --mode random --probability ");
                text.AppendFormatted(random.Share / RandomMatch.Scale, "F11");
                text.AppendLiteral(" ");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(match), match, "a match without a text");
        }
    }

    private static void AppendTarget(ref DefaultInterpolatedStringHandler text, RuleTarget? target)
    {
        switch (target)
        {
            case null:
                break;
            case JumpTarget jump:
                AppendPart(ref text, jump.IsGoto ? "-g " : "-j ", jump.Chain);
                break;
            case RejectTarget reject:
                AppendPart(ref text, "-j REJECT --reject-with ", reject.Message);
                break;
            case MarkTarget mark:
                text.AppendLiteral("-j MARK --set-xmark ");
                AppendMark(ref text, mark.Mark, mark.Mask, showsFullMask: true);
                break;
            case MasqueradeTarget masquerade:
                text.AppendLiteral(masquerade.IsRandom ? "-j MASQUERADE --random-fully " : "-j MASQUERADE ");
                break;
            case DestinationTarget { Endpoint: var endpoint }:
                text.AppendLiteral(endpoint.Address.Family == IpFamily.IPv6 ? "-j DNAT --to-destination [" : "-j DNAT --to-destination ");
                text.AppendFormatted(endpoint.Address);
                text.AppendLiteral(endpoint.Address.Family == IpFamily.IPv6 ? "]:" : ":");
                text.AppendFormatted(endpoint.Port);
                text.AppendLiteral(" ");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(target), target, "a target without a text");
        }
    }

    private static void AppendPart(ref DefaultInterpolatedStringHandler text, string option, string value)
    {
        text.AppendLiteral(option);
        text.AppendLiteral(value);
        text.AppendLiteral(" ");
    }

    private static void AppendPrefix(ref DefaultInterpolatedStringHandler text, string option, PrefixMatch match)
    {
        if (match.IsNegated)
            text.AppendLiteral("! ");
        text.AppendLiteral(option);
        text.AppendFormatted(match.Prefix.Address);
        text.AppendLiteral("/");
        text.AppendFormatted(match.Prefix.Length);
        text.AppendLiteral(" ");
    }

    private static void AppendStates(ref DefaultInterpolatedStringHandler text, ConntrackStates states)
    {
        bool isFirst = true;
        foreach ((ConntrackStates state, string name) in s_states)
        {
            if (!states.HasFlag(state))
                continue;
            if (!isFirst)
                text.AppendLiteral(",");
            text.AppendLiteral(name);
            isFirst = false;
        }
        text.AppendLiteral(" ");
    }

    private static void AppendMark(ref DefaultInterpolatedStringHandler text, uint mark, uint mask, bool showsFullMask)
    {
        text.AppendLiteral("0x");
        text.AppendFormatted(mark, "x");
        if (mask != uint.MaxValue || showsFullMask)
        {
            text.AppendLiteral("/0x");
            text.AppendFormatted(mask, "x");
        }
        text.AppendLiteral(" ");
    }

    /// <summary>
    /// Writes a string as iptables-save does (xtables_save_string): bare if it is a plain word, otherwise quoted, with ", ' and \ escaped.
    /// </summary>
    private static void AppendString(ref DefaultInterpolatedStringHandler text, string value)
    {
        if (value.Length > 0 && value.AsSpan().IndexOfAnyExcept(s_plainWord) < 0)
        {
            text.AppendLiteral(value);
            return;
        }
        text.AppendLiteral("\"");
        ReadOnlySpan<char> rest = value;
        while (rest.IndexOfAny('"', '\'', '\\') is >= 0 and int escaped)
        {
            text.AppendFormatted(rest[..escaped]);
            text.AppendLiteral("\\");
            text.AppendFormatted(rest.Slice(escaped, 1));
            rest = rest[(escaped + 1)..];
        }
        text.AppendFormatted(rest);
        text.AppendLiteral("\"");
    }

    private static string HostMaskOf(IpFamily family) => family == IpFamily.IPv4 ? HostMaskIPv4 : HostMaskIPv6;
}
