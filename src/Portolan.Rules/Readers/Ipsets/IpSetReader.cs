using System.Globalization;
using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Ipsets;

/// <summary>Reads the output of "ipset save": "create NAME TYPE options" and "add NAME ENTRY options".</summary>
internal sealed class IpSetReader(ReadContext context) : ISectionReader
{
    private readonly Dictionary<string, IpSetBuilder> _sets = new(StringComparer.Ordinal);

    public static bool Begins(ReadOnlySpan<char> line)
    {
        if (!line.StartsWith("create "))
            return false;
        var words = new WordReader(line);
        words.TryRead(out _);
        return words.TryRead(out _) && words.TryRead(out ReadOnlySpan<char> type) && IpSetBuilder.TryDimensions(type, out _);
    }

    public bool Take(LineCursor line)
    {
        ReadOnlySpan<char> text = line.Line;
        if (Begins(text))
        {
            TakeCreate(text, line);
            return true;
        }
        if (_sets.Count == 0)
            return false;
        if (text.StartsWith("add "))
        {
            TakeAdd(text, line);
            return true;
        }
        return text.IsWhiteSpace();
    }

    public void End()
    {
        foreach (IpSetBuilder set in _sets.Values)
            context.IpSets.Add(set.Build());
        _sets.Clear();
    }

    private void TakeCreate(ReadOnlySpan<char> text, LineCursor line)
    {
        var words = new WordReader(text);
        words.TryRead(out _);
        words.TryRead(out ReadOnlySpan<char> name);
        words.TryRead(out ReadOnlySpan<char> type);
        IpSetBuilder.TryDimensions(type, out EquatableArray<IpSetDimension> dimensions);
        var set = new IpSetBuilder(context.Pool.Get(name), context.Pool.Get(type), dimensions, line.Span);
        set.TakeOptions(words.Rest);
        if (!_sets.TryAdd(set.Name, set))
            context.Problems.Partial(line.Number, $"ipset {ProblemLog.Quote(name)} is created twice; the entries of both are merged");
    }

    private void TakeAdd(ReadOnlySpan<char> text, LineCursor line)
    {
        var words = new WordReader(text);
        words.TryRead(out _);
        words.TryRead(out ReadOnlySpan<char> name);
        if (!_sets.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out IpSetBuilder? set))
        {
            context.Problems.Partial(line.Number, $"an entry for ipset {ProblemLog.Quote(name)}, which was not created, is left out");
            return;
        }
        if (set.Entry(ref words, context.Pool) is { } entry && line is { HasLineEnd: true, IsCut: false })
        {
            set.Entries.Add(entry);
            return;
        }
        set.IsIncomplete = true;
        context.Problems.Partial(line.Number, $"ipset {ProblemLog.Quote(name)}: {ProblemLog.Quote(text)} was not understood or is cut off");
    }
}

/// <summary>An ipset while it is read.</summary>
internal sealed class IpSetBuilder(string name, string type, EquatableArray<IpSetDimension> dimensions, SourceSpan source)
{
    public string Name { get; } = name;

    public IpFamily Family { get; set; } = IpFamily.IPv4;

    public byte? NetMask { get; set; }

    public TimeSpan? Timeout { get; set; }

    public bool IsIncomplete { get; set; }

    public List<IpSetEntry> Entries { get; } = [];

    public IpSet Build() => new()
    {
        Name = Name,
        Type = type,
        Dimensions = dimensions,
        Family = Family,
        NetMask = NetMask,
        Timeout = Timeout,
        Entries = [.. Entries],
        IsIncomplete = IsIncomplete,
        Source = source,
    };

    /// <summary>The set's own options: "family inet hashsize 1024 timeout 0".</summary>
    public void TakeOptions(ReadOnlySpan<char> text)
    {
        var words = new WordReader(text);
        while (words.TryRead(out ReadOnlySpan<char> option))
        {
            if (option is "comment" or "counters" or "skbinfo" or "forceadd" or "wildcard")
                continue;
            if (!words.TryRead(out ReadOnlySpan<char> value))
                break;
            uint number;
            if (option is "family" && value is "inet6")
                Family = IpFamily.IPv6;
            else if (option is "timeout" && Scalar.TryUInt32(value, out number) && number > 0)
                Timeout = TimeSpan.FromSeconds(number);
            else if (option is "netmask" && Scalar.TryUInt32(value, out number) && number <= 128)
                NetMask = (byte)number;
        }
    }

    /// <summary>"hash:ip,port" and the like.</summary>
    public static bool TryDimensions(ReadOnlySpan<char> type, out EquatableArray<IpSetDimension> dimensions)
    {
        dimensions = default;
        int colon = type.IndexOf(':');
        if (colon < 0 || type[..colon] is not ("hash" or "bitmap" or "list"))
            return false;
        var parts = new List<IpSetDimension>();
        ReadOnlySpan<char> names = type[(colon + 1)..];
        foreach (Range part in names.Split(','))
        {
            IpSetDimension? dimension = names[part] switch
            {
                "ip" => IpSetDimension.Ip,
                "net" => IpSetDimension.Net,
                "port" => IpSetDimension.Port,
                "iface" => IpSetDimension.Interface,
                "mac" => IpSetDimension.Mac,
                "mark" => IpSetDimension.Mark,
                "set" => IpSetDimension.Set,
                _ => null,
            };
            if (dimension is not { } known)
                return false;
            parts.Add(known);
        }
        dimensions = [.. parts];
        return true;
    }

    /// <summary>"172.30.5.207,tcp:443 timeout 0 comment "..."" after the set's name; null when it is not understood.</summary>
    public IpSetEntry? Entry(ref WordReader words, TextPool pool)
    {
        if (!words.TryRead(out ReadOnlySpan<char> values))
            return null;
        var parts = new IpSetPart[dimensions.Length];
        bool wildcard = words.Rest.Contains("wildcard", StringComparison.Ordinal);
        int index = 0;
        foreach (Range range in values.Split(','))
        {
            if (index == parts.Length || Part(values[range], dimensions[index], wildcard, pool) is not { } part)
                return null;
            parts[index++] = part;
        }
        if (index != parts.Length)
            return null;
        bool noMatch = false;
        TimeSpan? timeout = null;
        string? comment = null;
        while (words.TryRead(out ReadOnlySpan<char> option))
        {
            if (option is "nomatch")
                noMatch = true;
            else if (option is "comment" && words.TryRead(out ReadOnlySpan<char> text))
                comment = pool.Get(text);
            else if (option is "timeout" && words.TryRead(out ReadOnlySpan<char> seconds) && Scalar.TryUInt32(seconds, out uint number))
                timeout = number == 0 ? null : TimeSpan.FromSeconds(number);
            else if (option is not "wildcard")
                words.TryRead(out _);
        }
        return new([.. parts], noMatch, timeout, comment);
    }

    private static IpSetPart? Part(ReadOnlySpan<char> text, IpSetDimension dimension, bool wildcard, TextPool pool)
    {
        switch (dimension)
        {
            case IpSetDimension.Ip or IpSetDimension.Net:
                if (Scalar.TryPrefix(text, out InetPrefix prefix))
                    return new IpSetAddress(prefix.Address, prefix.Last);
                return Scalar.TryAddressRange(text, out InetAddress first, out InetAddress last) ? new IpSetAddress(first, last) : null;
            case IpSetDimension.Port:
                return Port(text);
            case IpSetDimension.Interface:
                bool physdev = text.StartsWith("physdev:");
                return new IpSetInterface(pool.Get(physdev ? text[8..] : text), physdev, wildcard);
            case IpSetDimension.Mac:
                return Scalar.TryMac(text, out ulong mac) ? new IpSetMac(mac) : null;
            case IpSetDimension.Mark:
                return Scalar.TryUInt32(text, out uint mark) ? new IpSetMark(mark) : null;
            default:
                return new IpSetMember(pool.Get(text));
        }
    }

    /// <summary>"tcp:443", "udp:53-54", "icmp:8/0", "icmp:echo-request", or a port without protocol (bitmap:port).</summary>
    private static IpSetPort? Port(ReadOnlySpan<char> text)
    {
        IpProtocol protocol = IpProtocol.None;
        int colon = text.IndexOf(':');
        if (colon >= 0)
        {
            if (!Scalar.TryProtocol(text[..colon], out protocol))
                return null;
            text = text[(colon + 1)..];
        }
        if (protocol is IpProtocol.Icmp or IpProtocol.IcmpV6)
            return Icmp(text, protocol);
        return Scalar.TryRange(text, '-', out uint first, out uint last) && first <= ushort.MaxValue && last <= ushort.MaxValue
            ? new(protocol, (ushort)first, (ushort)last) : null;
    }

    private static IpSetPort? Icmp(ReadOnlySpan<char> text, IpProtocol protocol)
    {
        int slash = text.IndexOf('/');
        if (slash >= 0 && byte.TryParse(text[..slash], NumberStyles.None, CultureInfo.InvariantCulture, out byte type)
            && byte.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out byte code))
            return new(protocol, (ushort)(type * 256 + code), (ushort)(type * 256 + code));
        if ((protocol == IpProtocol.Icmp ? Names.IcmpType(text) : Names.Icmpv6Type(text)) is not var (named, first, last))
            return null;
        ushort port = (ushort)(named * 256 + (first == last ? first : 0));
        return new(protocol, port, port);
    }
}
