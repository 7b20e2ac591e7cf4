using System.CommandLine;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Chart;

/// <summary>trace's options for what few rules match: TCP flags, ICMP type, sender, fragment.</summary>
internal sealed class PacketOptions
{
    private readonly Option<string?> _tcpFlags = new("--tcp-flags")
    {
        Description = "The flags of a TCP segment: a list of fin, syn, rst, psh, ack, urg, ece, cwr, or none. Without it, syn.",
        HelpName = "FLAG,FLAG",
    };

    private readonly Option<string?> _icmpType = new("--icmp-type")
    {
        Description = "Type and code of an ICMP or ICMPv6 message, as numbers. Without it, an echo request.",
        HelpName = "TYPE[/CODE]",
    };

    private readonly Option<uint?> _user = new("--uid") { Description = "The user who sends a packet of this node.", HelpName = "N" };
    private readonly Option<uint?> _group = new("--gid") { Description = "The group that sends a packet of this node.", HelpName = "N" };
    private readonly Option<bool> _fragment = new("--fragment") { Description = "An IPv4 fragment other than the first: it has no ports." };

    internal void AddTo(Command command)
    {
        command.Options.Add(_tcpFlags);
        command.Options.Add(_icmpType);
        command.Options.Add(_user);
        command.Options.Add(_group);
        command.Options.Add(_fragment);
    }

    /// <summary>The packet with the options applied; null, after an error, when they do not fit it.</summary>
    internal PacketSpec? Apply(ParseResult parsed, PacketSpec packet, ChartOutput chart)
    {
        if (parsed.GetValue(_tcpFlags) is { } names)
        {
            if (packet.Protocol != IpProtocol.Tcp)
                return Fail(chart, "--tcp-flags: the packet is not TCP.");
            if (!TryFlags(names, out TcpFlags flags))
                return Fail(chart, $"--tcp-flags: '{names}' is neither a list of fin, syn, rst, psh, ack, urg, ece, cwr, nor none.");
            packet = packet with { TcpFlags = flags };
        }
        if (parsed.GetValue(_icmpType) is { } type)
        {
            if (packet.Protocol is not (IpProtocol.Icmp or IpProtocol.IcmpV6))
                return Fail(chart, "--icmp-type: the packet is not ICMP; give --proto icmp.");
            if (!TryType(type, out byte number, out byte code))
                return Fail(chart, $"--icmp-type: '{type}' is not a type. Give TYPE or TYPE/CODE, each from 0 to 255, such as 8 or 3/1.");
            packet = packet with { IcmpType = number, IcmpCode = code };
        }
        (uint? user, uint? group) = (parsed.GetValue(_user), parsed.GetValue(_group));
        if ((user ?? group) is not null && !packet.IsFromNode)
            return Fail(chart,
                $"{(user is null ? "--gid" : "--uid")}: only packets of this node have a sender that rules can match; give --from-node.");
        if (parsed.GetValue(_fragment))
        {
            if (packet.Family != IpFamily.IPv4)
                return Fail(chart, "--fragment: only fragments of IPv4 are traced.");
            if ((packet.SourcePort ?? packet.DestinationPort) is not null)
                return Fail(chart, "--fragment: a fragment other than the first has no ports; leave out --sport and --dport.");
        }
        return packet with { UserId = user, GroupId = group, IsLaterFragment = parsed.GetValue(_fragment) };
    }

    /// <summary>", flags ack, rst" and the like: the differences from the default packet.</summary>
    internal static string Describe(PacketSpec packet) =>
        (packet.Protocol == IpProtocol.Tcp && packet.TcpFlags != TcpFlags.Syn
        ? $", flags {packet.TcpFlags.ToString().ToLowerInvariant()}" : string.Empty)
        + (packet.IcmpType is { } type ? string.Create(CultureInfo.InvariantCulture, $", type {type}/{packet.IcmpCode}") : string.Empty)
        + (packet.UserId is { } user ? string.Create(CultureInfo.InvariantCulture, $", user {user}") : string.Empty)
        + (packet.GroupId is { } group ? string.Create(CultureInfo.InvariantCulture, $", group {group}") : string.Empty)
        + (packet.IsLaterFragment ? ", a later fragment" : string.Empty);

    private static PacketSpec? Fail(ChartOutput chart, string error)
    {
        chart.Error(error);
        return null;
    }

    private static bool TryFlags(string text, out TcpFlags flags)
    {
        flags = TcpFlags.None;
        if (text.Equals("none", StringComparison.OrdinalIgnoreCase))
            return true;
        foreach (string name in text.Split(','))
        {
            // Enum parsing would accept numbers as well.
            if (!name.All(char.IsAsciiLetter) || !Enum.TryParse(name, ignoreCase: true, out TcpFlags flag) || flag == TcpFlags.None)
                return false;
            flags |= flag;
        }
        return true;
    }

    private static bool TryType(string text, out byte type, out byte code)
    {
        code = 0;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        return byte.TryParse(slash < 0 ? text : text.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out type)
            && (slash < 0 || byte.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out code));
    }
}
