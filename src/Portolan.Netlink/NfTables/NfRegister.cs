namespace Portolan.Netlink.NfTables;

/// <summary>One of the sixteen 4-byte data registers of rules, or the verdict register. The default value is the verdict.</summary>
/// <remarks>
/// linux/netfilter/nf_tables.h has two overlapping sets of numbers, four registers of 16 bytes and sixteen of 4 bytes. This type stores the
/// position only; on the wire the 16-byte number is used if one starts there, as in the kernel's own dumps.
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

    /// <summary>The position in units of 4 bytes, 0 to 15; -1 for the verdict register.</summary>
    public int Slot => _slotPlusOne - 1;

    /// <summary>The number on the wire.</summary>
    internal uint Number =>
        IsVerdict ? 0u : (uint)(Slot % SlotsPerRegister == 0 ? Slot / SlotsPerRegister + 1 : FirstSmallRegister + Slot);

    /// <summary>The data register that starts at a position in units of 4 bytes.</summary>
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
