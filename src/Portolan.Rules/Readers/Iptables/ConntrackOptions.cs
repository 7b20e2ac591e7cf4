using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>The options of the conntrack match. Saved rules write "--ctstate NEW", listings "ctstate NEW".</summary>
internal static class ConntrackOptions
{
    public static bool IsOption(ReadOnlySpan<char> word) => word is "ctstate" or "ctstatus" or "ctproto" or "ctdir" or "ctexpire"
        or "ctorigsrc" or "ctorigdst" or "ctreplsrc" or "ctrepldst"
        or "ctorigsrcport" or "ctorigdstport" or "ctreplsrcport" or "ctrepldstport";

    /// <summary>
    /// Marks the matches of a "-m conntrack" that has a state option as well: from an index on, in each run of its options.
    /// A listing does not show where one match ends and the next begins.
    /// </summary>
    public static void Join(List<Statement> matches, int from)
    {
        for (int start = from; start < matches.Count; start++)
        {
            int end = start;
            while (end < matches.Count && matches[end] is ConntrackStateMatch or ConntrackMatch or ConntrackDirectionMatch)
                end++;
            bool hasState = false;
            for (int index = start; index < end; index++)
                hasState |= matches[index] is ConntrackStateMatch;
            for (int index = start; hasState && index < end; index++)
            {
                matches[index] = matches[index] switch
                {
                    ConntrackMatch other => other with { IsCombinedWithState = true },
                    ConntrackDirectionMatch direction => direction with { IsCombinedWithState = true },
                    _ => matches[index],
                };
            }
            start = end;
        }
    }

    /// <summary>The match of one option, or null when its value is not understood.</summary>
    public static Match? Read(ReadOnlySpan<char> option, ReadOnlySpan<char> value, bool negated)
    {
        switch (option)
        {
            case "ctstate":
                return Names.TryStates(value, out ConntrackStates states) ? new ConntrackStateMatch(states, negated) : null;
            case "ctstatus":
                return Names.TryStatuses(value, out ConntrackStatuses statuses) ? new ConntrackStatusMatch(statuses, negated) : null;
            case "ctproto":
                return Scalar.TryProtocol(value, out IpProtocol protocol) ? new ConntrackProtocolMatch(protocol, negated) : null;
            case "ctdir":
                return value switch
                {
                    "ORIGINAL" => new ConntrackDirectionMatch(ConntrackDirection.Original),
                    "REPLY" => new ConntrackDirectionMatch(ConntrackDirection.Reply),
                    _ => null,
                };
            case "ctexpire":
                return Scalar.TryRange(value, ':', out uint first, out uint last) ? new ConntrackExpireMatch(first, last, negated) : null;
        }
        if (!IsOption(option))
            return null;
        ConntrackDirection direction = option.StartsWith("ctorig") ? ConntrackDirection.Original : ConntrackDirection.Reply;
        PacketSide side = option[6..].StartsWith("src") ? PacketSide.Source : PacketSide.Destination;
        if (option[^4..] is "port")
            return Scalar.TryPorts(value, out PortRange ports) ? new ConntrackPortMatch(direction, side, ports, negated) : null;
        return Scalar.TryPrefix(value, out InetPrefix prefix) ? new ConntrackAddressMatch(direction, side, prefix, negated) : null;
    }
}
