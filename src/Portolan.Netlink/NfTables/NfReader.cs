using Portolan.Netlink.Core;
using Portolan.Netlink.Netfilter;
using static Portolan.Netlink.Uapi.NfnetlinkHeader;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables;

/// <summary>Receives the elements of a set as they are read. A struct is called without allocation.</summary>
public interface INfElementVisitor
{
    /// <summary>Called before the first element, and again if nf_tables changed meanwhile and reading starts over.</summary>
    void Start();

    /// <summary>One element. Its spans are only valid during the call.</summary>
    void Visit(in NfElement element);
}

/// <summary>The kernel's generation of nf_tables: it changes with each commit in the network namespace.</summary>
/// <param name="Id">The number, never 0.</param>
/// <param name="ThreadId">
/// In a notification, the thread that committed; for a program with one thread that is its process id. In the initial pid namespace;
/// 0 if unknown.
/// </param>
/// <param name="ThreadName">Its name, at most 15 characters: "nft", "iptables-restor"; empty if unknown.</param>
public sealed record NfGeneration(uint Id, int ThreadId, string ThreadName);

/// <summary>Reads nf_tables. Every list is a consistent snapshot, except where stated otherwise.</summary>
/// <remarks>
/// The kernel reports if a list changed while it was read (NLM_F_DUMP_INTR); it is then read again, up to a limit. Not thread-safe.
/// </remarks>
/// <param name="socket">A socket of <see cref="NetlinkProtocol.Netfilter"/> that joined no group.</param>
public sealed class NfReader(NetlinkSocket socket)
{
    private const int ElementAttempts = 5;

    private readonly NetlinkDump _dump = new(socket);
    private int _elementRestarts;
    private NfElementFinder? _finder;

    /// <summary>Total number of times a list had to be read again because it changed meanwhile.</summary>
    public int Restarts => _dump.Restarts + _elementRestarts;

    /// <summary>The current generation.</summary>
    /// <exception cref="NetlinkException">The kernel has no nf_tables, or the caller lacks the permission.</exception>
    public NfGeneration ReadGeneration()
    {
        var visitor = new GenerationVisitor();
        _dump.Run("read the generation of nf_tables", Message(NFT_MSG_GETGEN), dump: false, (byte)NfFamily.Unspecified,
            static (_, _) => { }, 0, ref visitor);
        return visitor.Generation ?? throw new NetlinkException("The kernel did not report the generation of nf_tables.");
    }

    /// <summary>The tables of a family, or of all.</summary>
    /// <exception cref="NetlinkException">The kernel refused, or its tables kept changing.</exception>
    public List<NfTable> ReadTables(NfFamily family = NfFamily.Unspecified)
    {
        var visitor = new ListVisitor<NfTable>(NfObjectDecoder.TryReadTable);
        _dump.Run("list tables", Message(NFT_MSG_GETTABLE), dump: true, (byte)family, static (_, _) => { }, 0, ref visitor);
        return visitor.Items;
    }

    /// <summary>The chains of a table.</summary>
    /// <exception cref="NetlinkException">The kernel refused, or its chains kept changing.</exception>
    public List<NfChain> ReadChains(NfTableId table)
    {
        var visitor = new ListVisitor<NfChain>(NfObjectDecoder.TryReadChain);
        // Kernels before 6.2 do not filter chains by table.
        _dump.Run("list chains", Message(NFT_MSG_GETCHAIN), dump: true, (byte)table.Family,
            static (writer, name) => writer.PutString(NFTA_CHAIN_TABLE, name), table.Name, ref visitor);
        visitor.Items.RemoveAll(chain => chain.Table != table);
        return visitor.Items;
    }

    /// <summary>The rules of a table, or of one chain, in order.</summary>
    /// <exception cref="NetlinkException">The kernel refused (ENOENT: no such table or chain), or its rules kept changing.</exception>
    public List<NfRule> ReadRules(NfTableId table, string? chain = null)
    {
        var visitor = new ListVisitor<NfRule>(NfObjectDecoder.TryReadRule);
        _dump.Run("list rules", Message(NFT_MSG_GETRULE), dump: true, (byte)table.Family, static (writer, names) =>
        {
            writer.PutString(NFTA_RULE_TABLE, names.Name);
            if (names.chain is not null)
                writer.PutString(NFTA_RULE_CHAIN, names.chain);
        }, (table.Name, chain), ref visitor);
        return visitor.Items;
    }

    /// <summary>The sets and maps of a table, without their elements.</summary>
    /// <exception cref="NetlinkException">The kernel refused (ENOENT: no such table), or its sets kept changing.</exception>
    public List<NfSet> ReadSets(NfTableId table)
    {
        var visitor = new ListVisitor<NfSet>(NfObjectDecoder.TryReadSet);
        _dump.Run("list sets", Message(NFT_MSG_GETSET), dump: true, (byte)table.Family,
            static (writer, name) => writer.PutString(NFTA_SET_TABLE, name), table.Name, ref visitor);
        return visitor.Items;
    }

    /// <summary>The elements of a set or map, in no particular order.</summary>
    /// <returns>
    /// True if they are a consistent snapshot. False if another process committed, to this or another table, during each of
    /// several attempts: the last attempt's elements may then miss or repeat some that changed.
    /// </returns>
    /// <exception cref="NetlinkException">The kernel refused (ENOENT: no such table or set).</exception>
    public bool ReadElements<TVisitor>(NfTableId table, string set, ref TVisitor visitor)
        where TVisitor : INfElementVisitor
    {
        // The kernel does not mark lists of elements that changed meanwhile (nf_tables_dump_set); the generation shows it.
        uint generation = ReadGeneration().Id;
        for (int attempt = 1; ; attempt++)
        {
            ReadElementsOnce(table, set, ref visitor);
            uint after = ReadGeneration().Id;
            if (after == generation || attempt == ElementAttempts)
                return after == generation;
            generation = after;
            _elementRestarts++;
        }
    }

    /// <summary>Looks up elements by key: those that exist are visited, in the order of the keys.</summary>
    /// <remarks>
    /// The kernel lists a large hash set in pieces and walks all of it for each piece: 50,000 elements take half a second,
    /// 500,000 half a minute. To verify that a large set contains what it should, look up each element and compare
    /// <see cref="NfSet.ElementCount"/>: that takes a few microseconds each. The result is not a consistent snapshot; compare
    /// <see cref="ReadGeneration"/> before and after.
    /// </remarks>
    /// <param name="table">The table.</param>
    /// <param name="set">The set or map; of plain keys, not of ranges.</param>
    /// <param name="keys">The keys one after the other, each <paramref name="keyLength"/> bytes.</param>
    /// <param name="keyLength">Length of a key in bytes, that of <see cref="NfSet.Key"/>.</param>
    /// <param name="visitor">Receives the elements.</param>
    /// <returns>Number of keys that do not exist.</returns>
    /// <exception cref="ArgumentException">The length of the keys is not a multiple of the key length.</exception>
    /// <exception cref="NetlinkException">The kernel refused (ENOENT: no such table or set; EINVAL: wrong length of keys).</exception>
    public int FindElements<TVisitor>(NfTableId table, string set, ReadOnlySpan<byte> keys, int keyLength, ref TVisitor visitor)
        where TVisitor : INfElementVisitor
    {
        if (keyLength <= 0 || keys.Length % keyLength != 0)
            throw new ArgumentException("The length of the keys is not a multiple of the key length.", nameof(keys));
        _finder ??= new NfElementFinder(socket);
        return _finder.Find(table, set, keys, keyLength, ref visitor);
    }

    private void ReadElementsOnce<TVisitor>(NfTableId table, string set, ref TVisitor visitor)
        where TVisitor : INfElementVisitor
    {
        var messages = new ElementVisitor<TVisitor> { Elements = visitor };
        try
        {
            _dump.Run("list elements", Message(NFT_MSG_GETSETELEM), dump: true, (byte)table.Family, static (writer, names) =>
            {
                writer.PutString(NFTA_SET_ELEM_LIST_TABLE, names.Name);
                writer.PutString(NFTA_SET_ELEM_LIST_SET, names.set);
            }, (table.Name, set), ref messages);
        }
        finally
        {
            visitor = messages.Elements;
        }
    }

    private static ushort Message(byte message) => (ushort)((NFNL_SUBSYS_NFTABLES << 8) | message);

    private delegate bool Decoder<T>(ReadOnlySpan<byte> payload, out T? value);

    private struct GenerationVisitor : INetlinkVisitor
    {
        internal NfGeneration? Generation { get; private set; }

        public void Start() => Generation = null;

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            bool sound = NfEventDecoder.TryReadGeneration(payload, out NfGeneration? generation);
            Generation = generation;
            return sound;
        }
    }

    private readonly struct ListVisitor<T>(Decoder<T> decode) : INetlinkVisitor
        where T : class
    {
        internal List<T> Items { get; } = [];

        public void Start() => Items.Clear();

        public bool Visit(ReadOnlySpan<byte> payload)
        {
            if (!decode(payload, out T? item))
                return false;
            Items.Add(item!);
            return true;
        }
    }

    private struct ElementVisitor<TVisitor> : INetlinkVisitor
        where TVisitor : INfElementVisitor
    {
        internal TVisitor Elements;

        public void Start() => Elements.Start();

        public bool Visit(ReadOnlySpan<byte> payload) => NfElementCodec.TryVisit(payload, ref Elements, out _);
    }
}
