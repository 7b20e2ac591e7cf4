namespace Portolan.Rules.Dialects;

/// <summary>
/// Layout 2's description of a frontend in one number, which the packet's priority carries from one lookup to the next. nft prints it as a
/// class: "1:5" is a frontend with five endpoints whose clients are masqueraded unless they are pods.
/// </summary>
/// <param name="Flags">What is done with its packets.</param>
/// <param name="Count">The number of its endpoints; endpoints beyond 65,535 are not used.</param>
public readonly record struct PortolanFrontend(PortolanFrontendFlags Flags, ushort Count)
{
    /// <summary>The bits that decide the last step: an endpoint, a rejection or a drop.</summary>
    public const uint EndMask = ((uint)PortolanFrontendFlags.Drop << FlagsShift) | CountMask;

    /// <summary>The bits of <see cref="Count"/>.</summary>
    public const uint CountMask = 0xffff;

    private const int FlagsShift = 16;

    /// <summary>The number.</summary>
    public uint Value => MaskOf(Flags) | Count;

    /// <summary>The bits of flags in <see cref="Value"/>.</summary>
    public static uint MaskOf(PortolanFrontendFlags flags) => (uint)flags << FlagsShift;

    /// <summary>The frontend that a number describes.</summary>
    public static PortolanFrontend Of(uint value) => new((PortolanFrontendFlags)(value >> FlagsShift), (ushort)value);
}

/// <summary>What is done with the packets of a frontend (<see cref="PortolanFrontend"/>).</summary>
[Flags]
public enum PortolanFrontendFlags : ushort
{
    /// <summary>Only an endpoint is chosen.</summary>
    None = 0,

    /// <summary>Clients other than pods are masqueraded.</summary>
    OffCluster = 0x01,

    /// <summary>All clients are masqueraded.</summary>
    Masquerade = 0x02,

    /// <summary>Only the service's source ranges may use it.</summary>
    Restricted = 0x04,

    /// <summary>Clients inside (pods, this node) get all of the cluster's endpoints.</summary>
    ExternalLocal = 0x08,

    /// <summary>Clients stay with their endpoint for <see cref="PortolanTables.DefaultAffinitySeconds"/>.</summary>
    Affinity = 0x10,

    /// <summary>Clients stay with their endpoint for another time; a set for each timeout says which.</summary>
    OtherAffinity = 0x20,

    /// <summary>Clients stay with their endpoint as long as it is on this node.</summary>
    LocalAffinity = 0x40,

    /// <summary>It has no endpoints on this node, and policy Local: dropped, where others without endpoints are rejected.</summary>
    Drop = 0x80,
}
