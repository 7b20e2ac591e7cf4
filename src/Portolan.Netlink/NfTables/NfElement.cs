using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.NfTables;

/// <summary>Flags of an element (enum nft_set_elem_flags).</summary>
[Flags]
public enum NfElementFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The first key after a range, in an interval set of plain keys.</summary>
    IntervalEnd = 1,

    /// <summary>The element for keys that match no other ("*"); it has no key.</summary>
    CatchAll = 2,
}

/// <summary>
/// An element of a set or map, as views on memory owned by others: by the caller when written, by the reader when read.
/// </summary>
public ref struct NfElement
{
    /// <summary>The key; fields of a concatenation are each padded with zeros to a multiple of 4 bytes.</summary>
    public ReadOnlySpan<byte> Key { get; set; }

    /// <summary>The last key of a range, in a set with concatenated ranges; otherwise empty.</summary>
    public ReadOnlySpan<byte> KeyEnd { get; set; }

    /// <summary>The data of a map; empty for a set or a verdict map.</summary>
    public ReadOnlySpan<byte> Data { get; set; }

    /// <summary>The verdict of a verdict map; null otherwise.</summary>
    public NfVerdictCode? Verdict { get; set; }

    /// <summary>The chain of a jump or goto, in UTF-8 without a terminating zero.</summary>
    public ReadOnlySpan<byte> Chain { get; set; }

    /// <summary>The comment nft shows: up to 128 bytes of UTF-8, without a terminating zero.</summary>
    public ReadOnlySpan<byte> Comment { get; set; }

    /// <summary>The element's timeout; zero: the set's. Resolution: milliseconds.</summary>
    public TimeSpan Timeout { get; set; }

    /// <summary>The remaining time; zero if it does not expire. When written: the time it will have left.</summary>
    public TimeSpan Expiration { get; set; }

    /// <summary>The element's flags.</summary>
    public NfElementFlags Flags { get; set; }

    /// <summary>Packets and bytes that matched, if the element counts them (read only).</summary>
    public NfCounter? Counter { get; set; }
}
