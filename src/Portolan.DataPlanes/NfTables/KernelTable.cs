using Portolan.Inet;
using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.NfTables;

/// <summary>What the kernel holds of one family's table: the counterpart of a program and its elements.</summary>
internal sealed class KernelTable
{
    /// <summary>The table; null when there is none.</summary>
    internal NfTable? Table { get; init; }

    /// <summary>Its sets by name, elements apart.</summary>
    internal Dictionary<string, NfSet> Sets { get; } = [];

    /// <summary>Its chains by name, each with its rules in order.</summary>
    internal Dictionary<string, ChainProgram> Chains { get; } = [];

    /// <summary>The elements of all sets that are ours by name, the dynamic ones aside.</summary>
    internal ElementBuffer Elements { get; } = new();

    /// <summary>The elements of the verdict maps.</summary>
    internal HashSet<VerdictElement> Verdicts { get; } = [];

    /// <summary>True when the table is there and was written by a version whose sets mean the same.</summary>
    internal bool IsOurLayout => Table is not null && Table.Comment == TableSchema.TableComment;
}

/// <summary>The kernel's nf_tables, as far as a plane needs it. Tests stand between to refuse what a real kernel seldom does.</summary>
internal interface INfTablesKernel : IDisposable
{
    /// <summary>
    /// Reads one family's table with everything in it; of one that another version wrote only what its affinity endpoints are, for the rest
    /// means something else.
    /// </summary>
    KernelTable Read(IpFamily family);

    /// <summary>Reads the clients that rules have written into a set or map of any layout.</summary>
    List<AffinityClient> ReadClients(IpFamily family, string set);

    /// <summary>The number of the last commit by anybody; each commit adds one.</summary>
    uint ReadGeneration();

    /// <summary>Commits a transaction: all of it or nothing.</summary>
    CommitResult Commit(NfTransaction transaction);
}

/// <summary>A client that the kernel remembers.</summary>
/// <param name="Client">The client's address.</param>
/// <param name="AffinityId">The affinity id of its endpoint.</param>
/// <param name="Left">How long it will be remembered if it does not come again.</param>
internal readonly record struct AffinityClient(InetAddress Client, uint AffinityId, TimeSpan Left);
