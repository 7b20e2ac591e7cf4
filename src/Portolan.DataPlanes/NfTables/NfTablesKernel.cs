using System.Collections.Immutable;
using System.Text;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.NfTables;

/// <summary>The real kernel's nf_tables, over one netlink socket.</summary>
internal sealed class NfTablesKernel : INfTablesKernel
{
    // Somebody else may commit while we read; a table read across two generations may be neither of them.
    private const int MaxReadAttempts = 8;

    private readonly NetlinkSocket _socket;
    private readonly NfReader _reader;

    /// <param name="networkNamespace">Network namespace by name or path; null for the process's own.</param>
    internal NfTablesKernel(string? networkNamespace = null)
    {
        _socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { NetworkNamespace = networkNamespace });
        _reader = new NfReader(_socket);
    }

    /// <summary>The socket's port: commits carry it in their notifications.</summary>
    internal uint PortId => _socket.PortId;

    /// <inheritdoc/>
    public uint ReadGeneration() => _reader.ReadGeneration().Id;

    /// <inheritdoc/>
    public KernelTable Read(IpFamily family)
    {
        for (int attempt = 1; ; attempt++)
        {
            uint before = ReadGeneration();
            try
            {
                KernelTable held = ReadOnce(family);
                if (attempt == MaxReadAttempts || ReadGeneration() == before)
                    return held;
            }
            catch (NetlinkException) when (attempt < MaxReadAttempts && ReadGeneration() != before)
            {
                // The table or a set of it went between two of our requests: what is left is read anew.
            }
        }
    }

    /// <inheritdoc/>
    public CommitResult Commit(NfTransaction transaction) => transaction.Commit(_socket);

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private KernelTable ReadOnce(IpFamily family)
    {
        NfTableId id = TableSchema.Table(family);
        var held = new KernelTable { Table = _reader.ReadTables(id.Family).Find(table => table.Id == id) };
        if (held.Table is null)
            return held;

        ILookup<string, NfRule> rules = _reader.ReadRules(id).ToLookup(rule => rule.Chain);
        foreach (NfChain chain in _reader.ReadChains(id))
        {
            ImmutableArray<NfRule> own = [.. rules[chain.Name].Select(rule => rule with { Handle = 0, PreviousHandle = 0 })];
            held.Chains[chain.Name] = new ChainProgram(chain with { Handle = 0, Use = 0, Counter = null }, own);
        }
        foreach (NfSet set in _reader.ReadSets(id))
        {
            held.Sets[set.Name] = set;
            if (!TableSchema.TryParseName(set.Name, out ElementSet kind, out int variant))
                continue;
            var collector = new Collector(held.Elements, kind, variant);
            _reader.ReadElements(id, set.Name, ref collector);
        }
        return held;
    }

    private struct Collector(ElementBuffer into, ElementSet set, int variant) : INfElementVisitor
    {
        private readonly int _from = into.Count;

        public readonly void Start() => into.Truncate(_from);

        public readonly void Visit(in NfElement element)
        {
            // Longer than anything we write: not ours, and left out it will be seen as missing or stale where it matters.
            if (element.Key.Length > Element.MaxKey || element.Data.Length > Element.MaxData)
                return;
            var copy = new Element { Set = set, Variant = variant, KeyLength = (byte)element.Key.Length, DataLength = (byte)element.Data.Length };
            element.Key.CopyTo(copy.KeyBuffer);
            element.Data.CopyTo(copy.DataBuffer);
            if (!element.Comment.IsEmpty)
                copy.Comment = Encoding.UTF8.GetString(element.Comment);
            into.Add(copy);
        }
    }
}
