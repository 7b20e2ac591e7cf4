namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>A direction of a connection (enum ip_conntrack_dir).</summary>
public enum NfConntrackDirection : byte
{
    /// <summary>From the client that opened it.</summary>
    Original = 0,

    /// <summary>To the client that opened it.</summary>
    Reply = 1,
}
