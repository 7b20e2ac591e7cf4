using System.Globalization;
using System.Text;
using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Model;

internal static partial class RuleText
{
    // Parts of a rule in the order in which they are written; a rule in another order is not one of ours.
    private enum Part : byte
    {
        Source,
        Destination,
        Input,
        Protocol,
        Matches,
        Port,
        Counter,
        Target,
    }

    /// <summary>Reads a rule as iptables-save prints it, without "-A CHAIN ".</summary>
    /// <returns>Null for a rule with anything that no layout of ours writes, or in another order: it is another program's.</returns>
    public static IpRule? TryParse(ReadOnlySpan<char> text)
    {
        var words = new Words(text);
        PrefixMatch? source = null, destination = null;
        InterfaceMatch? input = null;
        IpProtocol protocol = IpProtocol.None;
        bool hasProtocolMatch = false, isMatchFirst = false;
        ushort port = 0;
        string? comment = null, counter = null;
        RuleMatch? match = null;
        RuleTarget? target = null;
        Part last = Part.Source;
        while (words.TryNext(out ReadOnlySpan<char> word))
        {
            bool isNegated = word is "!";
            if (isNegated && !words.TryNext(out word))
                return null;
            if (!words.TryNext(out ReadOnlySpan<char> value) || word.Length != 2 || target is not null)
                return null;
            Part part;
            switch (word[1])
            {
                case 's' when source is null && TryReadPrefix(value, isNegated, out source):
                    part = Part.Source;
                    break;
                case 'd' when destination is null && TryReadPrefix(value, isNegated, out destination):
                    part = Part.Destination;
                    break;
                case 'i' when input is null:
                    input = new(value.ToString(), isNegated);
                    part = Part.Input;
                    break;
                case 'p' when !isNegated && protocol == IpProtocol.None && IpProtocols.TryParse(value, out protocol):
                    part = Part.Protocol;
                    break;
                case 'm' when !isNegated && value is "comment" && comment is null && words.TrySkip("--comment"):
                    comment = words.NextString();
                    part = Part.Matches;
                    break;
                case 'm' when !isNegated && value is "nfacct" && counter is null && words.TrySkip("--nfacct-name"):
                    counter = words.Next().ToString();
                    part = Part.Counter;
                    break;
                case 'm' when !isNegated && !hasProtocolMatch && protocol != IpProtocol.None && value.SequenceEqual(protocol.ToRuleText()):
                    hasProtocolMatch = true;
                    if (words.TrySkip("--dport") && !TryReadNumber(words.Next(), out port))
                        return null;
                    part = Part.Port;
                    break;
                case 'm' when !isNegated && match is null && (match = ParseMatch(value, ref words)) is not null:
                    isMatchFirst = comment is null;
                    part = Part.Matches;
                    break;
                case 'j' or 'g' when !isNegated && (target = ParseTarget(value, word[1] == 'g', ref words)) is not null:
                    part = Part.Target;
                    break;
                default:
                    return null;
            }
            if (word[0] != '-' || part < last)
                return null;
            last = part;
        }
        if (hasProtocolMatch != (protocol != IpProtocol.None))
            return null;
        return new()
        {
            Source = source,
            Destination = destination,
            Input = input,
            Protocol = protocol,
            Port = port,
            Comment = comment,
            Match = match,
            IsMatchFirst = isMatchFirst && comment is not null,
            Counter = counter,
            Target = target,
        };
    }

    /// <summary>The chain or target a rule of iptables-save jumps to, with the target's options; empty if it has no target.</summary>
    public static string TargetOf(string rule)
    {
        int jump = Math.Max(rule.LastIndexOf("-j ", StringComparison.Ordinal), rule.LastIndexOf("-g ", StringComparison.Ordinal));
        return jump < 0 ? "" : rule[(jump + 3)..];
    }

    private static RuleMatch? ParseMatch(ReadOnlySpan<char> name, ref Words words)
    {
        switch (name)
        {
            case "addrtype":
                bool isSource = words.TrySkip("--src-type");
                if ((!isSource && !words.TrySkip("--dst-type")) || words.Next() is not "LOCAL")
                    return null;
                return isSource ? RuleMatch.FromLocal : RuleMatch.ToLocal;
            case "conntrack":
                bool isNegated = words.TrySkip("!");
                return words.TrySkip("--ctstate") && TryReadStates(words.Next(), out ConntrackStates states)
                    ? new StateMatch(states, isNegated)
                    : null;
            case "mark":
                bool isOther = words.TrySkip("!");
                return words.TrySkip("--mark") && TryReadMark(words.Next(), out uint mark, out uint mask)
                    ? new MarkMatch(mark, mask, isOther)
                    : null;
            case "recent":
                return ParseRecent(ref words);
            case "statistic":
                return words.TrySkip("--mode") && words.TrySkip("random") && words.TrySkip("--probability")
                    && double.TryParse(words.Next(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double share)
                    && share is > 0 and <= 1
                    ? new RandomMatch((uint)Math.Round(share * RandomMatch.Scale, MidpointRounding.AwayFromZero))
                    : null;
            default:
                return null;
        }
    }

    private static RecentMatch? ParseRecent(ref Words words)
    {
        int seconds = 0;
        if (words.TrySkip("--rcheck"))
        {
            if (!words.TrySkip("--seconds") || !int.TryParse(words.Next(), NumberStyles.None, CultureInfo.InvariantCulture, out seconds)
                || seconds == 0 || !words.TrySkip("--reap"))
                return null;
        }
        else if (!words.TrySkip("--set"))
        {
            return null;
        }
        if (!words.TrySkip("--name"))
            return null;
        string name = words.Next().ToString();
        if (!words.TrySkip("--mask"))
            return null;
        IpFamily family = words.Next() switch
        {
            HostMaskIPv4 => IpFamily.IPv4,
            HostMaskIPv6 => IpFamily.IPv6,
            _ => IpFamily.None,
        };
        return family != IpFamily.None && words.TrySkip("--rsource") ? new(name, seconds, family) : null;
    }

    private static RuleTarget? ParseTarget(ReadOnlySpan<char> name, bool isGoto, ref Words words)
    {
        switch (name)
        {
            case "REJECT":
                return words.TrySkip("--reject-with") ? new RejectTarget(words.Next().ToString()) : null;
            case "MARK":
                return words.TrySkip("--set-xmark") && TryReadMark(words.Next(), out uint mark, out uint mask)
                    ? new MarkTarget(mark, mask)
                    : null;
            case "MASQUERADE":
                return new MasqueradeTarget(words.TrySkip("--random-fully"));
            case "DNAT":
                return words.TrySkip("--to-destination") && InetEndpoint.TryParse(words.Next(), out InetEndpoint endpoint)
                    ? new DestinationTarget(endpoint)
                    : null;
            case "ACCEPT" when !isGoto:
                return RuleTarget.Accept;
            case "DROP" when !isGoto:
                return RuleTarget.Drop;
            case "RETURN" when !isGoto:
                return RuleTarget.Return;
            default:
                return new JumpTarget(name.ToString(), isGoto);
        }
    }

    private static bool TryReadPrefix(ReadOnlySpan<char> text, bool isNegated, out PrefixMatch? match)
    {
        bool isPrefix = InetPrefix.TryParse(text, out InetPrefix prefix);
        match = isPrefix ? new(prefix, isNegated) : null;
        return isPrefix;
    }

    private static bool TryReadNumber(ReadOnlySpan<char> text, out ushort number) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static bool TryReadStates(ReadOnlySpan<char> text, out ConntrackStates states)
    {
        states = ConntrackStates.None;
        foreach (Range range in text.Split(','))
        {
            ConntrackStates found = ConntrackStates.None;
            foreach ((ConntrackStates state, string name) in s_states)
            {
                if (text[range].SequenceEqual(name))
                    found = state;
            }
            if (found == ConntrackStates.None)
                return false;
            states |= found;
        }
        return true;
    }

    private static bool TryReadMark(ReadOnlySpan<char> text, out uint mark, out uint mask)
    {
        int slash = text.IndexOf('/');
        mask = uint.MaxValue;
        return TryReadHex(slash < 0 ? text : text[..slash], out mark) && (slash < 0 || TryReadHex(text[(slash + 1)..], out mask));
    }

    private static bool TryReadHex(ReadOnlySpan<char> text, out uint number)
    {
        number = 0;
        return text.StartsWith("0x", StringComparison.Ordinal)
            && uint.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
    }

    /// <summary>The words of a line, between runs of blanks.</summary>
    private ref struct Words(ReadOnlySpan<char> text)
    {
        private ReadOnlySpan<char> _rest = text;

        public bool TryNext(out ReadOnlySpan<char> word)
        {
            word = Next();
            return word.Length > 0;
        }

        /// <summary>The next word; empty at the end.</summary>
        public ReadOnlySpan<char> Next()
        {
            _rest = _rest.TrimStart(' ');
            int end = _rest.IndexOf(' ');
            ReadOnlySpan<char> word = end < 0 ? _rest : _rest[..end];
            _rest = _rest[word.Length..];
            return word;
        }

        /// <summary>Skips a word if it is the next.</summary>
        public bool TrySkip(string word)
        {
            ReadOnlySpan<char> before = _rest;
            if (Next().SequenceEqual(word))
                return true;
            _rest = before;
            return false;
        }

        /// <summary>A string as xtables_save_string writes it, without quotes and escapes; null for one that does not end.</summary>
        public string? NextString()
        {
            _rest = _rest.TrimStart(' ');
            if (_rest.Length == 0 || _rest[0] != '"')
                return Next().ToString();
            ReadOnlySpan<char> rest = _rest[1..];
            int end = rest.IndexOfAny('"', '\\');
            if (end >= 0 && rest[end] == '"')
            {
                _rest = rest[(end + 1)..];
                return rest[..end].ToString();
            }
            var unescaped = new StringBuilder();
            for (int i = 0; i < rest.Length; i++)
            {
                if (rest[i] == '"')
                {
                    _rest = rest[(i + 1)..];
                    return unescaped.ToString();
                }
                if (rest[i] == '\\')
                    i++;
                if (i < rest.Length)
                    unescaped.Append(rest[i]);
            }
            return null;
        }
    }
}
