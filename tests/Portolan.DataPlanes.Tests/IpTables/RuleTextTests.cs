using CsCheck;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>Rules as values, and their text in iptables-save.</summary>
public sealed class RuleTextTests
{
    private static readonly IpProtocol[] s_protocols = [IpProtocol.None, IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Sctp];

    private static readonly Gen<string> s_word = Gen.String[Gen.Char["abcXYZ09_-"], 1, 12];

    private static readonly Gen<InetAddress> s_address = Gen.Frequency(
        (3, Gen.UInt.Select(InetAddress.FromIPv4)),
        (1, Gen.Select(Gen.ULong, Gen.ULong, static (high, low) => InetAddress.FromIPv6(new UInt128(high, low)))));

    private static readonly Gen<PrefixMatch> s_prefix = Gen.Select(s_address, Gen.Int[0, 32], Gen.Bool,
        static (address, length, isNegated) => new PrefixMatch(InetPrefix.Of(address, length), isNegated));

    private static readonly Gen<RuleMatch> s_match = Gen.OneOf(
        Gen.Bool.Select(RuleMatch (isSource) => new LocalAddressMatch(isSource)),
        Gen.Select(Gen.Int[1, 127], Gen.Bool, RuleMatch (states, isNegated) => new StateMatch((ConntrackStates)states, isNegated)),
        Gen.Select(Gen.UInt, Gen.Bool, RuleMatch (mark, isNegated) => new MarkMatch(mark, mark | 1, isNegated)),
        Gen.Select(s_word, Gen.Int[0, 86400], Gen.Bool,
            RuleMatch (name, seconds, isIPv4) => new RecentMatch(name, seconds, isIPv4 ? IpFamily.IPv4 : IpFamily.IPv6)),
        Gen.Int[2, 20000].Select(RuleMatch (choices) => RandomMatch.OneOf(choices)));

    private static readonly Gen<RuleTarget> s_target = Gen.OneOf(
        Gen.Select(s_word, Gen.Bool, RuleTarget (chain, isGoto) => new JumpTarget($"KUBE-{chain}", isGoto)),
        Gen.OneOf(Gen.Const(RuleTarget.Accept), Gen.Const(RuleTarget.Drop), Gen.Const(RuleTarget.Return)),
        Gen.Bool.Select(RuleTarget (isIPv4) => RejectTarget.PortUnreachable(isIPv4 ? IpFamily.IPv4 : IpFamily.IPv6)),
        Gen.Select(Gen.UInt, Gen.UInt, RuleTarget (mark, mask) => new MarkTarget(mark, mask)),
        Gen.Bool.Select(RuleTarget (isRandom) => new MasqueradeTarget(isRandom)),
        Gen.Select(s_address, Gen.UShort, RuleTarget (address, port) => new DestinationTarget(new(address, port))));

    private static readonly Gen<IpRule> s_rule = Gen.Select(
        Gen.Select(s_prefix, Gen.Bool, static (prefix, isThere) => isThere ? prefix : (PrefixMatch?)null),
        Gen.Select(s_prefix, Gen.Bool, static (prefix, isThere) => isThere ? prefix : (PrefixMatch?)null),
        Gen.Select(s_word, Gen.Bool, Gen.Bool, static (name, isNegated, isThere) =>
            isThere ? new InterfaceMatch(name, isNegated) : (InterfaceMatch?)null),
        Gen.Select(Gen.Int[0, 3].Select(static i => s_protocols[i]), Gen.UShort),
        Gen.Frequency((1, Gen.Const((string?)null)), (4, Gen.String.Select(static text => (string?)text)),
            (2, s_word.Select(static text => (string?)text))),
        Gen.Select(s_match, Gen.Bool, Gen.Bool, static (match, isThere, isFirst) => (Match: isThere ? match : null, IsFirst: isFirst)),
        Gen.Select(s_word, Gen.Bool, static (name, isThere) => isThere ? name : null),
        Gen.Select(s_target, Gen.Bool, static (target, isThere) => isThere ? target : null),
        static (source, destination, input, port, comment, match, counter, target) => new IpRule
        {
            Source = source,
            Destination = destination,
            Input = input,
            Protocol = port.Item1,
            Port = port.Item1 == IpProtocol.None ? (ushort)0 : port.Item2,
            Comment = comment,
            Match = match.Match,
            IsMatchFirst = match.IsFirst && match.Match is not null && comment is not null,
            Counter = counter,
            Target = target,
        });

    [Fact]
    public void A_rule_is_read_back_from_its_text() => s_rule.Sample(static rule =>
    {
        string text = rule.ToString();
        Assert.DoesNotContain('\n', text);
        Assert.Equal(rule, RuleText.TryParse(text));
        // Some versions of iptables-save write two blanks in some matches.
        Assert.Equal(rule, RuleText.TryParse($" {text} "));
    });

    [Fact]
    public void Chains_have_one_fingerprint_when_their_rules_are_the_same_and_only_then() =>
        Gen.Select(s_rule.List[0, 3], s_rule.List[0, 3])
        .Sample(static (rules, others) =>
        {
            Assert.Equal(ChainFingerprint.Of(rules),
                ChainFingerprint.Of([.. rules.Select(static rule => RuleText.TryParse(rule.ToString())!)]));
            Assert.Equal(rules.SequenceEqual(others), ChainFingerprint.Of(rules) == ChainFingerprint.Of(others));
            Assert.NotEqual(ChainFingerprint.Unread, ChainFingerprint.Of(rules));
        });

    /// <summary>Each part for itself: rules that differ in nothing else.</summary>
    [Fact]
    public void A_rule_that_differs_in_one_part_has_another_fingerprint() => Gen.Select(s_rule, s_rule).Sample(static (rule, other) =>
    {
        foreach (IpRule changed in (IpRule[])
            [
                rule with { Source = other.Source }, rule with { Destination = other.Destination }, rule with { Input = other.Input },
                rule with { Protocol = other.Protocol }, rule with { Port = other.Port }, rule with { Comment = other.Comment },
                rule with { Match = other.Match }, rule with { IsMatchFirst = other.IsMatchFirst }, rule with { Counter = other.Counter },
                rule with { Target = other.Target },
            ])
        {
            Assert.Equal(rule.Equals(changed), ChainFingerprint.Of([rule]) == ChainFingerprint.Of([changed]));
        }
    });

    [Theory]
    [InlineData("-s 10.0.0.1/32 -p tcp -m multiport --dports 80,81 -j ACCEPT")]
    [InlineData("-p tcp -m tcp --dport 80:90 -j ACCEPT")]
    [InlineData("-p tcp -m tcp ! --dport 80 -j ACCEPT")]
    [InlineData("-p tcp -j ACCEPT")]
    [InlineData("-f -j ACCEPT")]
    [InlineData("! -o eth0 -j ACCEPT")]
    [InlineData("-m conntrack --ctstate NEW -m mark --mark 0x1/0x1 -j ACCEPT")]
    [InlineData("-m conntrack --ctdir ORIGINAL -j ACCEPT")]
    [InlineData("-m comment --comment \"does not end")]
    [InlineData("-j DNAT --to-destination 10.0.0.1:80 --persistent")]
    [InlineData("-j LOG --log-prefix \"-j KUBE-SERVICES\"")]
    [InlineData("-m nfacct --nfacct-name a -m mark --mark 0x1/0x1 -j ACCEPT")]
    [InlineData("-m recent --set --name a --mask 255.255.255.0 --rsource")]
    [InlineData("-j")]
    [InlineData("!")]
    [InlineData("- x")]
    public void A_rule_with_anything_we_do_not_write_is_nobody_of_ours(string text) => Assert.Null(RuleText.TryParse(text));

    [Fact]
    public void Any_text_is_read_or_left() => Gen.OneOf(Gen.String, s_rule.Select(static rule => rule.ToString()[..^1]))
        .Sample(static text =>
    {
        if (RuleText.TryParse(text) is { } rule)
            Assert.Equal(rule, RuleText.TryParse(rule.ToString()));
    });
}
