using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Model;

/// <summary>A match of an extension (-m).</summary>
internal abstract record RuleMatch
{
    public static RuleMatch FromLocal { get; } = new LocalAddressMatch(IsSource: true);

    public static RuleMatch ToLocal { get; } = new LocalAddressMatch(IsSource: false);

    public static RuleMatch IsNew { get; } = new StateMatch(ConntrackStates.New);
}

/// <summary>-m addrtype: the address is one of the node's.</summary>
internal sealed record LocalAddressMatch(bool IsSource) : RuleMatch;

/// <summary>-m conntrack --ctstate: the connection is in one of the states, or in none.</summary>
internal sealed record StateMatch(ConntrackStates States, bool IsNegated = false) : RuleMatch;

/// <summary>-m mark: the mark's bits under the mask are these, or are not.</summary>
internal sealed record MarkMatch(uint Mark, uint Mask, bool IsNegated = false) : RuleMatch;

/// <summary>-m recent --rcheck: the client was added to a list in the last seconds. -m recent --set adds it.</summary>
/// <param name="Name">Name of the list: the chain of an endpoint.</param>
/// <param name="Seconds">How long a client is remembered; 0 for the rule that adds it.</param>
/// <param name="Family">Determines the mask: clients are identified by the whole address.</param>
internal sealed record RecentMatch(string Name, int Seconds, IpFamily Family) : RuleMatch;

/// <summary>-m statistic --mode random.</summary>
/// <param name="Share">Of 2^31: the kernel keeps 31 bits of a probability (xt_statistic.c).</param>
internal sealed record RandomMatch(uint Share) : RuleMatch
{
    /// <summary>The number that means certainty.</summary>
    public const double Scale = 0x80000000;

    /// <summary>One of some choices.</summary>
    public static RandomMatch OneOf(int choices) => new((uint)Math.Round(Scale / choices, MidpointRounding.AwayFromZero));
}

/// <summary>States of a connection, as -m conntrack names them, in the order iptables-save prints them.</summary>
[Flags]
internal enum ConntrackStates : byte
{
    None = 0,
    Invalid = 1,
    New = 2,
    Related = 4,
    Established = 8,
    Untracked = 16,
    SNat = 32,
    DNat = 64,
}
