using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>
/// One rule of ours. Its text is what iptables-save shows for it, so that what the kernel holds can be compared without parsing.
/// </summary>
/// <remarks>
/// iptables-save writes addresses, interface and protocol first, then the matches in the order they were given, then the target. The
/// comment goes first among the matches, then <see cref="Match"/>, the protocol's own match, and <see cref="Counter"/>: kube-proxy's order.
/// </remarks>
internal readonly record struct RuleSpec
{
    private static readonly SearchValues<char> s_plainWord =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    // Names of services and what we say of them, as a rule.
    private static readonly SearchValues<char> s_unescaped =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-:/ .>;,()[]");

    /// <summary>Source prefix in CIDR notation; null for any.</summary>
    public string? Source { get; init; }

    public bool NotSource { get; init; }

    /// <summary>Destination prefix in CIDR notation; null for any.</summary>
    public string? Destination { get; init; }

    public bool NotDestination { get; init; }

    /// <summary>Input interface, "+" at its end for a prefix; null for any.</summary>
    public string? Interface { get; init; }

    public bool NotInterface { get; init; }

    /// <summary>The protocol, and its match; None for any.</summary>
    public IpProtocol Protocol { get; init; }

    /// <summary>Destination port; 0 for any.</summary>
    public ushort Port { get; init; }

    /// <summary>Untrusted text: it holds names from the cluster.</summary>
    public string? Comment { get; init; }

    /// <summary>Matches in iptables' words, ours alone: "-m addrtype --dst-type LOCAL".</summary>
    public string? Match { get; init; }

    /// <summary>Name of the accounting object that counts packets which matched so far; null for none.</summary>
    public string? Counter { get; init; }

    /// <summary>Chain or target with its options: "KUBE-MARK-MASQ", "DNAT --to-destination 10.0.0.1:80"; null for a rule that only counts.</summary>
    public string? Target { get; init; }

    /// <summary>True for a jump that does not come back to this chain (-g).</summary>
    public bool IsGoto { get; init; }

    /// <summary>The rule without "-A CHAIN ".</summary>
    public override string ToString()
    {
        // A first sync makes hundreds of thousands: on the stack as long as they are no longer than rules are.
        var text = new DefaultInterpolatedStringHandler(0, 0, CultureInfo.InvariantCulture, stackalloc char[512]);
        if (Source is not null)
            AppendPart(ref text, NotSource ? "! -s " : "-s ", Source);
        if (Destination is not null)
            AppendPart(ref text, NotDestination ? "! -d " : "-d ", Destination);
        // From the configuration, not from the cluster; iptables-save never quotes it.
        if (Interface is not null)
            AppendPart(ref text, NotInterface ? "! -i " : "-i ", Interface);
        string protocol = Protocol == IpProtocol.None ? "" : Protocol.ToRuleText();
        if (Protocol != IpProtocol.None)
            AppendPart(ref text, "-p ", protocol);
        if (Comment is not null)
        {
            text.AppendLiteral("-m comment --comment ");
            AppendString(ref text, Comment);
            text.AppendLiteral(" ");
        }
        if (Match is not null)
            AppendPart(ref text, "", Match);
        if (Protocol != IpProtocol.None)
            AppendPart(ref text, "-m ", protocol);
        if (Port != 0)
        {
            text.AppendLiteral("--dport ");
            text.AppendFormatted(Port);
            text.AppendLiteral(" ");
        }
        if (Counter is not null)
            AppendPart(ref text, "-m nfacct --nfacct-name ", Counter);
        if (Target is not null)
            AppendPart(ref text, IsGoto ? "-g " : "-j ", Target);
        string rule = text.Text[..^1].ToString();
        text.Clear();
        return rule;
    }

    /// <summary>The chain or target a rule of iptables-save jumps to; empty where it jumps nowhere.</summary>
    public static string TargetOf(string rule)
    {
        int jump = rule.LastIndexOf("-j ", StringComparison.Ordinal);
        return jump < 0 ? "" : rule[(jump + 3)..];
    }

    private static void AppendPart(ref DefaultInterpolatedStringHandler text, string option, string value)
    {
        text.AppendLiteral(option);
        text.AppendLiteral(value);
        text.AppendLiteral(" ");
    }

    /// <summary>
    /// Writes a string as iptables-save does (xtables_save_string): bare when it is a plain word, else quoted with ", ' and \ escaped. What
    /// would end the line is replaced, and what would not fit the kernel's 256 bytes is cut off.
    /// </summary>
    private static void AppendString(ref DefaultInterpolatedStringHandler text, string value)
    {
        if (value.Length is > 0 and < 256 && value.AsSpan().IndexOfAnyExcept(s_plainWord) < 0)
        {
            text.AppendLiteral(value);
            return;
        }
        text.AppendLiteral("\"");
        if (value.Length < 256 && value.AsSpan().IndexOfAnyExcept(s_unescaped) < 0)
        {
            text.AppendLiteral(value);
            text.AppendLiteral("\"");
            return;
        }
        int bytes = 0;
        foreach (Rune rune in value.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > 255)
                break;
            if (rune.Value is '"' or '\'' or '\\')
                text.AppendLiteral("\\");
            if (Rune.IsControl(rune))
                text.AppendLiteral("?");
            else
                text.AppendFormatted(rune);
        }
        text.AppendLiteral("\"");
    }
}
