using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>
/// The parts of a rule line, in any order. The conditions every rule can have (protocol, addresses, interfaces, fragment) are returned
/// first and in a fixed order, so that a saved rule and a listed one are equal.
/// </summary>
internal sealed class RuleParts
{
    private readonly List<Statement> _statements = [];
    private readonly List<string> _comments = [];
    private ProtocolMatch? _protocol;
    private Match? _source;
    private Match? _destination;
    private InterfaceMatch? _in;
    private InterfaceMatch? _out;
    private FragmentMatch? _fragment;

    public Counters? Counters { get; set; }

    public RuleGaps Gaps { get; set; }

    public Statement? Target { get; set; }

    /// <summary>The matches after the common conditions.</summary>
    public List<Statement> Matches => _statements;

    public IpProtocol Protocol => _protocol is { Negated: false } protocol ? protocol.Protocol : IpProtocol.None;

    public void Clear()
    {
        _statements.Clear();
        (_protocol, _source, _destination, _in, _out, _fragment) = (null, null, null, null, null, null);
        _comments.Clear();
        (Counters, Gaps, Target) = (null, RuleGaps.None, null);
    }

    /// <summary>A rule may have more than one comment; they are joined.</summary>
    public void AddComment(string text) => _comments.Add(text);

    public void Add(ProtocolMatch match) => _protocol = match;

    public void Add(FragmentMatch match) => _fragment = match;

    public void Add(InterfaceMatch match)
    {
        if (match.Direction == InterfaceDirection.In)
            _in = match;
        else
            _out = match;
    }

    /// <summary>
    /// Source or destination address as "10.0.0.0/8", "10.0.0.1" or "10.0.0.1/255.0.255.0"; a range of all addresses gives no match.
    /// </summary>
    public bool TryAddAddress(PacketSide side, ReadOnlySpan<char> text, bool negated)
    {
        Match match;
        if (Reading.Scalar.TryPrefix(text, out InetPrefix prefix))
        {
            if (prefix.Length == 0 && !negated)
                return true;
            match = new AddressMatch(side, prefix, negated);
        }
        else if (text.IndexOf('/') is > 0 and int slash && InetAddress.TryParse(text[..slash], out InetAddress address)
            && InetAddress.TryParse(text[(slash + 1)..], out InetAddress mask) && mask.Family == address.Family)
        {
            match = Masked(side, address, mask, negated);
        }
        else
        {
            return false;
        }
        if (side == PacketSide.Source)
            _source = match;
        else
            _destination = match;
        return true;
    }

    /// <summary>An interface name as iptables writes it: "eth0", "eth+"; "+" alone is every interface and gives no match.</summary>
    public static InterfaceMatch? Interface(InterfaceDirection direction, string name, bool negated)
    {
        bool isPrefix = name.EndsWith('+');
        if (isPrefix)
            name = name[..^1];
        return isPrefix && name.Length == 0 && !negated ? null : new(direction, name, isPrefix, negated);
    }

    public Rule Build(SourceSpan source)
    {
        int common = (_protocol is null ? 0 : 1) + (_source is null ? 0 : 1) + (_destination is null ? 0 : 1)
            + (_in is null ? 0 : 1) + (_out is null ? 0 : 1) + (_fragment is null ? 0 : 1);
        var all = new Statement[common + _statements.Count + (Target is null ? 0 : 1)];
        int i = 0;
        foreach (Statement? statement in (ReadOnlySpan<Statement?>)[_protocol, _source, _destination, _in, _out, _fragment])
        {
            if (statement is not null)
                all[i++] = statement;
        }
        _statements.CopyTo(all, i);
        if (Target is not null)
            all[^1] = Target;
        string? comment = _comments.Count switch { 0 => null, 1 => _comments[0], _ => string.Join(' ', _comments) };
        return new Rule { Statements = new(all), Comment = comment, Counters = Counters, Gaps = Gaps, Source = source };
    }

    private static Match Masked(PacketSide side, InetAddress address, InetAddress mask, bool negated)
    {
        UInt128 bits = mask.ToNumber();
        int width = mask.Length * 8;
        int ones = (int)UInt128.PopCount(bits);
        UInt128 prefixBits = ones == 0 ? 0 : (UInt128.MaxValue >> (128 - ones)) << (width - ones);
        if (bits == prefixBits)
            return new AddressMatch(side, InetPrefix.Of(address, ones), negated);
        UInt128 value = address.ToNumber() & bits;
        return new MaskedAddressMatch(
            side, address.Family == IpFamily.IPv4 ? InetAddress.FromIPv4((uint)value) : InetAddress.FromIPv6(value), mask, negated);
    }
}
