using Portolan.Inet;

namespace Portolan.Netlink.NfTables;

/// <summary>The family of a table (linux/netfilter.h, enum NFPROTO_*).</summary>
public enum NfFamily : byte
{
    /// <summary>No family: all families in a dump.</summary>
    Unspecified = 0,

    /// <summary>IPv4 and IPv6 ("inet").</summary>
    Inet = 1,

    /// <summary>IPv4 ("ip").</summary>
    IPv4 = 2,

    /// <summary>ARP ("arp").</summary>
    Arp = 3,

    /// <summary>Ingress and egress of a device ("netdev").</summary>
    Netdev = 5,

    /// <summary>Ethernet bridges ("bridge").</summary>
    Bridge = 7,

    /// <summary>IPv6 ("ip6").</summary>
    IPv6 = 10,
}

/// <summary>Conversions of <see cref="NfFamily"/>.</summary>
public static class NfFamilies
{
    /// <summary>The table family for addresses of one IP family.</summary>
    public static NfFamily ToNfFamily(this IpFamily family) => family switch
    {
        IpFamily.IPv4 => NfFamily.IPv4,
        IpFamily.IPv6 => NfFamily.IPv6,
        _ => NfFamily.Unspecified,
    };

    /// <summary>nft's word: "ip", "ip6", "inet", "arp", "bridge", "netdev".</summary>
    public static string ToRuleText(this NfFamily family) => family switch
    {
        NfFamily.IPv4 => "ip",
        NfFamily.IPv6 => "ip6",
        NfFamily.Inet => "inet",
        NfFamily.Arp => "arp",
        NfFamily.Bridge => "bridge",
        NfFamily.Netdev => "netdev",
        _ => "unspec",
    };
}

/// <summary>What names a table: its family and its name.</summary>
/// <param name="Family">The family.</param>
/// <param name="Name">The name: 1 to 255 bytes of UTF-8.</param>
public readonly record struct NfTableId(NfFamily Family, string Name)
{
    /// <summary>As nft writes it: "ip portolan".</summary>
    public override string ToString() => $"{Family.ToRuleText()} {Name}";
}

/// <summary>One of the sixteen 4-byte data registers rules compute in, or the verdict register. The default value is the verdict.</summary>
/// <remarks>
/// linux/netfilter/nf_tables.h has two overlapping sets of numbers, four registers of 16 bytes and sixteen of 4 bytes. This type knows the
/// place only; on the wire the 16-byte number is used where one starts there, as the kernel's own dumps do.
/// </remarks>
public readonly record struct NfRegister
{
    private const int SlotsPerRegister = 4;
    private const int FirstSmallRegister = 8;
    private const int Slots = 16;

    private readonly byte _slotPlusOne;

    private NfRegister(int slot) => _slotPlusOne = (byte)(slot + 1);

    /// <summary>The verdict register.</summary>
    public static NfRegister Verdict => default;

    /// <summary>The first data register (NFT_REG_1), bytes 0 to 15.</summary>
    public static NfRegister R1 => At(0);

    /// <summary>The second data register (NFT_REG_2), bytes 16 to 31.</summary>
    public static NfRegister R2 => At(4);

    /// <summary>The third data register (NFT_REG_3), bytes 32 to 47.</summary>
    public static NfRegister R3 => At(8);

    /// <summary>The fourth data register (NFT_REG_4), bytes 48 to 63.</summary>
    public static NfRegister R4 => At(12);

    /// <summary>True for the verdict register.</summary>
    public bool IsVerdict => _slotPlusOne == 0;

    /// <summary>The place in units of 4 bytes, 0 to 15; -1 for the verdict register.</summary>
    public int Slot => _slotPlusOne - 1;

    /// <summary>The number on the wire.</summary>
    internal uint Number =>
        IsVerdict ? 0u : (uint)(Slot % SlotsPerRegister == 0 ? Slot / SlotsPerRegister + 1 : FirstSmallRegister + Slot);

    /// <summary>The data register that starts at a place in units of 4 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="slot"/> is not within 0 to 15.</exception>
    public static NfRegister At(int slot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, Slots);
        return new NfRegister(slot);
    }

    /// <summary>"verdict", or "reg 1" with the number nft's debug output shows.</summary>
    public override string ToString() => IsVerdict ? "verdict" : FormattableString.Invariant($"reg {Number}");

    /// <summary>Reads a number from the wire.</summary>
    internal static bool TryFromNumber(uint number, out NfRegister register)
    {
        register = default;
        switch (number)
        {
            case 0:
                return true;
            case <= 4:
                register = At((int)(number - 1) * SlotsPerRegister);
                return true;
            case >= FirstSmallRegister and < FirstSmallRegister + Slots:
                register = At((int)number - FirstSmallRegister);
                return true;
            default:
                return false;
        }
    }
}

/// <summary>What happens to a packet next (linux/netfilter/nf_tables.h, enum nft_verdicts, and linux/netfilter.h, NF_*).</summary>
public enum NfVerdictCode
{
    /// <summary>The packet is gone.</summary>
    Drop = 0,

    /// <summary>The packet leaves this base chain; later base chains of the hook still see it.</summary>
    Accept = 1,

    /// <summary>The packet goes to a queue of user space.</summary>
    Queue = 3,

    /// <summary>The next expression of the rule.</summary>
    Continue = -1,

    /// <summary>The next rule.</summary>
    Break = -2,

    /// <summary>Another chain, and then back here.</summary>
    Jump = -3,

    /// <summary>Another chain, and then back to whoever jumped here.</summary>
    Goto = -4,

    /// <summary>Back to the chain that jumped here; in a base chain, its policy.</summary>
    Return = -5,
}

/// <summary>A verdict, with the chain of a jump or goto.</summary>
/// <param name="Code">The verdict; a queue's number and flags (upper 16 bits) are not carried.</param>
/// <param name="Chain">The chain of a jump or goto, else null.</param>
public readonly record struct NfVerdict(NfVerdictCode Code, string? Chain = null)
{
    /// <summary>Another chain, and then back here.</summary>
    public static NfVerdict Jump(string chain) => new(NfVerdictCode.Jump, chain);

    /// <summary>Another chain, without a way back here.</summary>
    public static NfVerdict Goto(string chain) => new(NfVerdictCode.Goto, chain);

    /// <summary>As nft writes it: "accept", "jump services".</summary>
    public override string ToString()
    {
        string code = Code.ToString().ToLowerInvariant();
        return Chain is null ? code : $"{code} {Chain}";
    }
}

/// <summary>Bytes in the order they have in a register, compared by value. The default value is empty.</summary>
public readonly struct NfData : IEquatable<NfData>
{
    private readonly byte[]? _bytes;

    /// <summary>A copy of some bytes.</summary>
    public NfData(ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>Number of bytes.</summary>
    public int Length => Span.Length;

    /// <summary>A 16-bit number in network byte order, as ports are compared.</summary>
    public static NfData BigEndian(ushort value) => new([(byte)(value >> 8), (byte)value]);

    /// <summary>A 32-bit number in network byte order.</summary>
    public static NfData BigEndian(uint value) => new([(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value]);

    /// <summary>A 32-bit number in the machine's byte order, as marks, ct status and numgen results are kept.</summary>
    public static NfData HostOrder(uint value) => new(BitConverter.GetBytes(value));

    /// <summary>An address, in network byte order.</summary>
    public static NfData Address(InetAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return new NfData(bytes[..address.WriteBytes(bytes)]);
    }

    /// <inheritdoc/>
    public bool Equals(NfData other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is NfData other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>The bytes in hexadecimal: "0a000001".</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);

    /// <summary>Equality of bytes.</summary>
    public static bool operator ==(NfData left, NfData right) => left.Equals(right);

    /// <summary>Inequality of bytes.</summary>
    public static bool operator !=(NfData left, NfData right) => !left.Equals(right);
}
