using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.Model;

/// <summary>
/// One rule in the vocabulary of our layouts. Two rules are equal if they do the same to each packet and have the same comment;
/// <see cref="RuleText"/> writes and reads them in the format of iptables-save.
/// </summary>
internal sealed record IpRule
{
    /// <summary>Where the packet comes from; null for anywhere.</summary>
    public PrefixMatch? Source { get; init => field = value is { IsAll: true } ? null : value; }

    /// <summary>Where the packet goes to; null for anywhere.</summary>
    public PrefixMatch? Destination { get; init => field = value is { IsAll: true } ? null : value; }

    /// <summary>The input interface; null for any.</summary>
    public InterfaceMatch? Input { get; init; }

    /// <summary>The protocol, and its match; None for any.</summary>
    public IpProtocol Protocol { get; init; }

    /// <summary>Destination port; 0 for any.</summary>
    public ushort Port { get; init; }

    /// <summary>Untrusted text: it contains names from the cluster.</summary>
    public string? Comment { get; init => field = value is null ? null : RuleText.CleanComment(value); }

    /// <summary>One more match; null for none.</summary>
    public RuleMatch? Match { get; init; }

    /// <summary>The match is written before the comment, as kube-proxy does for its jumps from built-in chains.</summary>
    public bool IsMatchFirst { get; init; }

    /// <summary>Name of the accounting object that counts packets which matched so far; null for none.</summary>
    public string? Counter { get; init; }

    /// <summary>What happens to the packet; null for a rule that only counts.</summary>
    public RuleTarget? Target { get; init; }

    /// <summary>The rule without "-A CHAIN ", as iptables-save prints it.</summary>
    public override string ToString() => RuleText.Format(this);
}

/// <summary>An address inside, or outside, of a range.</summary>
internal readonly record struct PrefixMatch(InetPrefix Prefix, bool IsNegated = false)
{
    /// <summary>True if iptables-save does not print it, because every packet matches.</summary>
    public bool IsAll => Prefix.Length == 0 && !IsNegated;

    public static PrefixMatch Host(InetAddress address) => new(InetPrefix.Host(address));
}

/// <summary>An interface, or any but this one.</summary>
/// <param name="Name">Its name, with "+" at the end for all that start with it.</param>
/// <param name="IsNegated">Any other interface.</param>
internal readonly record struct InterfaceMatch(string Name, bool IsNegated = false);

/// <summary>A rule and the service it is for; null for none.</summary>
internal readonly record struct OwnedRule(IpRule Rule, ObjectName? Owner);
