using Portolan.Inet;

namespace Portolan.DataPlanes.IpTables.Model;

/// <summary>What a rule does with a packet.</summary>
internal abstract record RuleTarget
{
    public static RuleTarget Accept { get; } = new JumpTarget("ACCEPT");

    public static RuleTarget Drop { get; } = new JumpTarget("DROP");

    public static RuleTarget Return { get; } = new JumpTarget("RETURN");

    /// <summary>The chain, verdict or extension, without its options.</summary>
    public abstract string Name { get; }
}

/// <summary>A chain or a verdict.</summary>
/// <param name="Chain">KUBE-SERVICES, DROP.</param>
/// <param name="IsGoto">A packet that reaches the end of that chain does not return to this one (-g).</param>
internal sealed record JumpTarget(string Chain, bool IsGoto = false) : RuleTarget
{
    public override string Name => Chain;
}

/// <summary>Rejects with an ICMP message.</summary>
/// <param name="Message">"icmp-port-unreachable".</param>
internal sealed record RejectTarget(string Message) : RuleTarget
{
    public override string Name => "REJECT";

    /// <summary>The message that a closed port answers with.</summary>
    public static RejectTarget PortUnreachable(IpFamily family) =>
        new(family == IpFamily.IPv4 ? "icmp-port-unreachable" : "icmp6-port-unreachable");
}

/// <summary>Sets the packet's mark: clears the bits of the mask, then flips those of the mark (--set-xmark).</summary>
internal sealed record MarkTarget(uint Mark, uint Mask) : RuleTarget
{
    public override string Name => "MARK";
}

/// <summary>Translates the source to an address of the node.</summary>
/// <param name="IsRandom">Source ports are picked fully at random.</param>
internal sealed record MasqueradeTarget(bool IsRandom) : RuleTarget
{
    public override string Name => "MASQUERADE";
}

/// <summary>Translates the destination.</summary>
internal sealed record DestinationTarget(InetEndpoint Endpoint) : RuleTarget
{
    public override string Name => "DNAT";
}
