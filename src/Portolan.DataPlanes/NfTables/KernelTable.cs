using Portolan.Inet;
using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.NfTables;

/// <summary>What the kernel holds in one family's table: the counterpart of a program and its elements.</summary>
internal sealed class KernelTable
{
    /// <summary>The table; null if there is none.</summary>
    internal NfTable? Table { get; init; }

    /// <summary>Its sets by name, without elements.</summary>
    internal Dictionary<string, NfSet> Sets { get; } = [];

    /// <summary>Its chains by name, each with its rules in order.</summary>
    internal Dictionary<string, ChainProgram> Chains { get; } = [];

    /// <summary>The elements of all sets with a name of ours, except the dynamic ones.</summary>
    internal ElementBuffer Elements { get; } = new();

    /// <summary>The elements of the verdict maps.</summary>
    internal HashSet<VerdictElement> Verdicts { get; } = [];

    /// <summary>True if the table exists and was written by a version with the same layout.</summary>
    internal bool IsOurLayout => Table is not null && Table.Comment == TableSchema.TableComment;
}

/// <summary>The kernel's nf_tables, with the operations a plane needs. Tests wrap it to refuse what a real kernel seldom refuses.</summary>
internal interface INfTablesKernel : IDisposable
{
    /// <summary>
    /// Reads one family's table with everything in it; of one that another version wrote only the affinity endpoints, because the rest
    /// means something else.
    /// </summary>
    KernelTable Read(IpFamily family);

    /// <summary>Reads the clients that rules have added to a set or map of any layout.</summary>
    List<AffinityClient> ReadClients(IpFamily family, string set);

    /// <summary>The ruleset generation: the number of the last commit by any process; each commit adds one.</summary>
    uint ReadGeneration();

    /// <summary>Commits a transaction: all of it or nothing.</summary>
    CommitResult Commit(NfTransaction transaction);
}

/// <summary>A client that the kernel remembers.</summary>
/// <param name="Client">The client's address.</param>
/// <param name="AffinityId">The affinity id of its endpoint.</param>
/// <param name="Left">How long it will be remembered if it does not connect again.</param>
internal readonly record struct AffinityClient(InetAddress Client, uint AffinityId, TimeSpan Left);
