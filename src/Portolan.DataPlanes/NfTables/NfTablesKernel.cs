using System.Collections.Immutable;
using System.Text;
using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>The real kernel's nf_tables, over one netlink socket.</summary>
internal sealed class NfTablesKernel : INfTablesKernel
{
    // Another process may commit while we read; a table read across two generations may match neither of them.
    private const int MaxReadAttempts = 8;

    private readonly NetlinkSocket _socket;
    private readonly NfReader _reader;

    /// <param name="networkNamespace">Network namespace by name or path; null for the process's own.</param>
    internal NfTablesKernel(string? networkNamespace = null)
    {
        _socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { NetworkNamespace = networkNamespace });
        _reader = new NfReader(_socket);
    }

    /// <summary>The socket's port id, which is in the notifications of its commits.</summary>
    internal uint PortId => _socket.PortId;

    /// <inheritdoc/>
    public uint ReadGeneration() => _reader.ReadGeneration().Id;

    /// <inheritdoc/>
    public KernelTable Read(IpFamily family, bool withEndpoints = true)
    {
        for (int attempt = 1; ; attempt++)
        {
            uint before = ReadGeneration();
            try
            {
                KernelTable held = ReadOnce(family, withEndpoints);
                if (attempt == MaxReadAttempts || ReadGeneration() == before)
                    return held;
            }
            catch (NetlinkException) when (attempt < MaxReadAttempts && ReadGeneration() != before)
            {
                // The table or one of its sets was deleted between two of our requests: read again from the start.
            }
        }
    }

    /// <inheritdoc/>
    public List<AffinityClient> ReadClients(IpFamily family, string set)
    {
        List<AffinityClient> clients = [];
        var collector = new ClientCollector(clients);
        _reader.ReadElements(TableSchema.Table(family), set, ref collector);
        return clients;
    }

    /// <inheritdoc/>
    public List<Element> Find(IpFamily family, ReadOnlySpan<Element> wanted)
    {
        var found = new ElementBuffer();
        while (!wanted.IsEmpty)
        {
            (PortolanSet set, int variant, int length) = (wanted[0].Set, wanted[0].Variant, wanted[0].KeyLength);
            int count = 1;
            while (count < wanted.Length && wanted[count].Set == set && wanted[count].Variant == variant
                && wanted[count].KeyLength == length)
                count++;
            byte[] keys = new byte[count * length];
            for (int i = 0; i < count; i++)
                wanted[i].Key.CopyTo(keys.AsSpan(i * length));
            var collector = new Collector(found, set, variant);
            _reader.FindElements(TableSchema.Table(family), TableSchema.Name(set, variant), keys, length, ref collector);
            wanted = wanted[count..];
        }
        return [.. found.Elements];
    }

    /// <inheritdoc/>
    public uint? CountElements(IpFamily family, PortolanSet set) =>
        _reader.ReadSets(TableSchema.Table(family)).Find(item => item.Name == TableSchema.Name(set, 0))?.ElementCount;

    /// <inheritdoc/>
    public CommitResult Commit(NfTransaction transaction) => transaction.Commit(_socket);

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private KernelTable ReadOnce(IpFamily family, bool withEndpoints)
    {
        NfTableId id = TableSchema.Table(family);
        var held = new KernelTable
        {
            Table = _reader.ReadTables(id.Family).Find(table => table.Id == id),
            IsWithoutEndpoints = !withEndpoints,
        };
        if (held.Table is null)
            return held;

        ILookup<string, NfRule> rules = _reader.ReadRules(id).ToLookup(rule => rule.Chain);
        foreach (NfChain chain in _reader.ReadChains(id))
        {
            ImmutableArray<NfRule> own = [.. rules[chain.Name].Select(rule => rule with { Handle = 0, PreviousHandle = 0 })];
            held.Chains[chain.Name] = new ChainProgram(chain with { Handle = 0, Use = 0, Counter = null }, own);
        }
        List<NfSet> sets = _reader.ReadSets(id);
        PortolanLayout? layout = PortolanTables.LayoutOf(held.Table.Comment, sets.Select(static set => set.Name));
        foreach (NfSet set in sets)
        {
            held.Sets[set.Name] = set;
            if (layout is null || !layout.TryParseSet(set.Name, out PortolanSet kind, out int variant))
                continue;
            // Elements added by rules are not compared; what another version wrote means something else, except the affinity endpoints.
            if (kind == PortolanSet.AffinityClients || (!held.IsOurLayout && kind != PortolanSet.AffinityEndpoints)
                || (!withEndpoints && LargeMaps.Contains(kind)))
                continue;
            if (set.Data is { IsVerdict: true })
            {
                var verdicts = new VerdictCollector(held.Verdicts, set.Name);
                _reader.ReadElements(id, set.Name, ref verdicts);
                continue;
            }
            var collector = new Collector(held.Elements, kind, variant);
            _reader.ReadElements(id, set.Name, ref collector);
        }
        return held;
    }

    private readonly struct VerdictCollector(HashSet<VerdictElement> into, string map) : INfElementVisitor
    {
        public void Start() => into.RemoveWhere(IsOfMap);

        public void Visit(in NfElement element)
        {
            if (element is { Key.Length: sizeof(uint), Verdict: { } verdict })
                into.Add(new VerdictElement(map, BitConverter.ToUInt32(element.Key),
                    new NfVerdict(verdict, Encoding.UTF8.GetString(element.Chain))));
        }

        private bool IsOfMap(VerdictElement element) => element.Map == map;
    }

    private readonly struct ClientCollector(List<AffinityClient> into) : INfElementVisitor
    {
        public void Start() => into.Clear();

        public void Visit(in NfElement element)
        {
            // In a set the id is in the key, after the client; in a map it is the data.
            int length = element.Key.Length - sizeof(uint);
            if (length <= 0 || !InetAddress.TryFromBytes(element.Key[..length], out InetAddress client)
                || element.Data.Length is not (0 or sizeof(uint)))
                return;
            into.Add(new AffinityClient(client, BitConverter.ToUInt32(element.Data.IsEmpty ? element.Key[length..] : element.Data),
                element.Expiration));
        }
    }

    private struct Collector(ElementBuffer into, PortolanSet set, int variant) : INfElementVisitor
    {
        private readonly int _from = into.Count;

        public readonly void Start() => into.Truncate(_from);

        public readonly void Visit(in NfElement element)
        {
            // Longer than anything we write, so not ours; it is left out and shows up as missing or stale where it matters.
            if (element.Key.Length > Element.MaxKey || element.Data.Length > Element.MaxData)
                return;
            var copy = new Element
            {
                Set = set,
                Variant = variant,
                KeyLength = (byte)element.Key.Length,
                DataLength = (byte)element.Data.Length
            };
            element.Key.CopyTo(copy.KeyBuffer);
            element.Data.CopyTo(copy.DataBuffer);
            if (!element.Comment.IsEmpty)
                copy.Comment = Encoding.UTF8.GetString(element.Comment);
            into.Add(copy);
        }
    }
}
