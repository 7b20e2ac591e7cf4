using System.Collections.Immutable;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.NfTables;

/// <summary>Flags of a set (enum nft_set_flags).</summary>
[Flags]
public enum NfSetFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Belongs to one rule and is deleted with it.</summary>
    Anonymous = 0x1,

    /// <summary>Cannot change while it is bound to a rule.</summary>
    Constant = 0x2,

    /// <summary>Elements are ranges.</summary>
    Interval = 0x4,

    /// <summary>Elements have data or a verdict: a map.</summary>
    Map = 0x8,

    /// <summary>Elements can expire.</summary>
    Timeout = 0x10,

    /// <summary>Rules may add and update elements ("dynamic").</summary>
    Dynamic = 0x20,

    /// <summary>Elements refer to stateful objects.</summary>
    Object = 0x40,

    /// <summary>Keys are a concatenation of fields, and elements ranges over each of them.</summary>
    Concatenation = 0x80,

    /// <summary>Elements may carry expressions of their own.</summary>
    Expressions = 0x100,
}

/// <summary>What the kernel optimises a set for (enum nft_set_policies).</summary>
public enum NfSetPolicy : uint
{
    /// <summary>Speed of look-ups.</summary>
    Performance = 0,

    /// <summary>Memory.</summary>
    Memory = 1,
}

/// <summary>A set, or a map: its description, without its elements.</summary>
/// <param name="Table">The table it is in.</param>
/// <param name="Name">The name: 1 to 255 bytes of UTF-8.</param>
/// <param name="Key">Type and length of the key.</param>
public sealed record NfSet(NfTableId Table, string Name, NfDataType Key)
{
    /// <summary>The set's flags; a map needs <see cref="NfSetFlags.Map"/>.</summary>
    public NfSetFlags Flags { get; init; }

    /// <summary>Type of the data of a map; null for a set. <see cref="NfDataType.Verdict"/> makes a verdict map.</summary>
    public NfDataType? Data { get; init; }

    /// <summary>The largest number of elements; 0 for no limit.</summary>
    public uint Size { get; init; }

    /// <summary>
    /// Lengths in bytes of the fields of a concatenated key (NFTA_SET_DESC_CONCAT), needed with <see cref="NfSetFlags.Concatenation"/>;
    /// empty otherwise.
    /// </summary>
    public ImmutableArray<int> FieldLengths { get; init; } = [];

    /// <summary>Default timeout of elements; zero: none. Resolution: milliseconds.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>How often expired elements are garbage-collected; zero: the kernel's default.</summary>
    public TimeSpan GarbageCollectionInterval { get; init; }

    /// <summary>What the kernel optimises for.</summary>
    public NfSetPolicy Policy { get; init; }

    /// <summary>Expressions that every element has, such as a counter.</summary>
    public ImmutableArray<NfExpression> Expressions { get; init; } = [];

    /// <summary>What nft needs to print the set with its types; null writes none.</summary>
    public NfSetUserData? UserData { get; init; }

    /// <summary>Its handle in the kernel; 0 if not read from the kernel.</summary>
    public ulong Handle { get; init; }

    /// <summary>Number of elements; null if the kernel does not report it (before Linux 6.16). Not part of equality.</summary>
    public uint? ElementCount { get; init; }

    /// <summary>Equality of all that is written, field by field.</summary>
    public bool Equals(NfSet? other) =>
        other is not null && Table == other.Table && Name == other.Name && Key == other.Key && Flags == other.Flags && Data == other.Data
        && Size == other.Size && Timeout == other.Timeout && GarbageCollectionInterval == other.GarbageCollectionInterval
        && Policy == other.Policy && UserData == other.UserData && Handle == other.Handle
        && FieldLengths.SequenceEqual(other.FieldLengths) && Expressions.SequenceEqual(other.Expressions);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Table, Name, Key, Flags, Data, Handle);
}

/// <summary>The user data of a set (libnftnl/udata.h): types and comment for nft to print; opaque to the kernel.</summary>
public sealed record NfSetUserData
{
    /// <summary>Byte order of the key: 0 mixed (concatenations), 1 host, 2 network.</summary>
    public uint KeyByteOrder { get; init; }

    /// <summary>Byte order of the data of a map; null for a set.</summary>
    public uint? DataByteOrder { get; init; }

    /// <summary>The expressions the key was declared with ("typeof"); null if it was declared by type.</summary>
    public NfTypeof? KeyTypeof { get; init; }

    /// <summary>The expressions the data was declared with; null if it was declared by type.</summary>
    public NfTypeof? DataTypeof { get; init; }

    /// <summary>Adjacent ranges are joined ("auto-merge").</summary>
    public bool AutoMerge { get; init; }

    /// <summary>The comment nft shows: up to 128 bytes of UTF-8.</summary>
    public string? Comment { get; init; }
}
