using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

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

    /// <summary>The elements of all sets with a name of ours, except the dynamic ones, and those that were not asked for.</summary>
    internal ElementBuffer Elements { get; } = new();

    /// <summary>True if the maps of endpoints were not listed (<see cref="LargeMaps"/>).</summary>
    internal bool IsWithoutEndpoints { get; init; }

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
    /// <param name="family">The family.</param>
    /// <param name="withEndpoints">False to leave the maps of endpoints out, which take long to list when they are large.</param>
    KernelTable Read(IpFamily family, bool withEndpoints = true);

    /// <summary>Looks elements up by set and key: those that exist are returned, with the kernel's data.</summary>
    List<Element> Find(IpFamily family, ReadOnlySpan<Element> wanted);

    /// <summary>Number of elements of a set or map; null if it does not exist or the kernel does not report it.</summary>
    uint? CountElements(IpFamily family, PortolanSet set);

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
