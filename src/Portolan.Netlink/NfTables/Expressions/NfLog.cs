using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Logs the packet.</summary>
public sealed record NfLog : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "log";

    /// <summary>Prefix; null: none.</summary>
    public string? Prefix { get; init; }

    /// <summary>The nfnetlink_log group; null: the kernel log.</summary>
    public ushort? Group { get; init; }

    /// <summary>Bytes of the packet to pass to a group; null: the default.</summary>
    public uint? SnapLength { get; init; }

    /// <summary>Packets to queue before user space is woken; null: the default.</summary>
    public ushort? QueueThreshold { get; init; }

    /// <summary>Level of the kernel log (enum nft_log_level): 4 is warning; null with a group.</summary>
    public uint? Level { get; init; }

    /// <summary>What to log in addition (NF_LOG_*).</summary>
    public uint? Flags { get; init; }

    private protected override void WriteData(MessageWriter writer)
    {
        if (Prefix is { } prefix)
            writer.PutString(NFTA_LOG_PREFIX, prefix);
        if (Group is { } group)
            writer.PutUInt16BigEndian(NFTA_LOG_GROUP, group);
        if (SnapLength is { } length)
            writer.PutUInt32BigEndian(NFTA_LOG_SNAPLEN, length);
        if (QueueThreshold is { } threshold)
            writer.PutUInt16BigEndian(NFTA_LOG_QTHRESHOLD, threshold);
        if (Level is { } level)
            writer.PutUInt32BigEndian(NFTA_LOG_LEVEL, level);
        if (Flags is { } flags)
            writer.PutUInt32BigEndian(NFTA_LOG_FLAGS, flags);
    }
}
