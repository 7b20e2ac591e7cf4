using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;
using static Portolan.Inspect.Programmed.IpvsServices;

namespace Portolan.Inspect.Programmed;

/// <summary>Reads the frontends off the sets of our table beside IPVS, one family.</summary>
internal sealed class IpvsSideTable
{
    private readonly Dictionary<PortolanIpvsSet, HashSet<FrontendKey>> _keys = [];
    private readonly HashSet<InetAddress> _addresses = [];
    private readonly HashSet<InetAddress> _clusterIPs = [];
    private readonly Dictionary<FrontendKey, List<InetPrefix>> _ranges = [];
    private readonly Dictionary<FrontendKey, FrontendKey> _shortcuts = [];

    private IpvsSideTable(RuleTable table)
    {
        foreach (NamedSet set in table.Sets)
        {
            if (!PortolanIpvs.TryParseSet(set.Name, out PortolanIpvsSet kind))
                continue;
            foreach (SetElement element in set.Elements)
                Take(kind, element);
        }
        _clusterIPs.UnionWith(Keys(PortolanIpvsSet.OffCluster).Select(static key => key.Address));
    }

    internal static IEnumerable<(FrontendKey Key, IpvsFrontend Facts)> Read(RuleTable table)
    {
        var side = new IpvsSideTable(table);
        return side.Keys(PortolanIpvsSet.OffCluster).Concat(side.Keys(PortolanIpvsSet.Frontends)).Distinct()
            .Select(key => (key, side.FactsOf(key)));
    }

    private HashSet<FrontendKey> Keys(PortolanIpvsSet set) => _keys.TryGetValue(set, out HashSet<FrontendKey>? keys) ? keys : [];

    private void Take(PortolanIpvsSet kind, SetElement element)
    {
        if (kind == PortolanIpvsSet.Addresses)
        {
            if (element.Key is AddressValue address)
                _addresses.Add(address.Address);
            return;
        }
        if (element.Key is not ConcatExpression { Parts: [AddressValue to, NumberValue protocol, NumberValue port, ..] } parts)
            return;
        var key = new FrontendKey(to.Address, (IpProtocol)protocol.Value, (ushort)port.Value);
        switch (kind)
        {
            case PortolanIpvsSet.SourceRanges:
                if (!_ranges.TryGetValue(key, out List<InetPrefix>? ranges))
                    _ranges[key] = ranges = [];
                if (parts.Parts is [_, _, _, PrefixValue range])
                    ranges.Add(range.Prefix);
                else if (parts.Parts is [_, _, _, AddressValue source])
                    ranges.Add(InetPrefix.Host(source.Address));
                break;
            case PortolanIpvsSet.Shortcuts:
                if (element.Data is ConcatExpression { Parts: [AddressValue server, NumberValue serverPort] })
                    _shortcuts[key] = new FrontendKey(server.Address, key.Protocol, (ushort)serverPort.Value);
                break;
            default:
                if (!_keys.TryGetValue(kind, out HashSet<FrontendKey>? keys))
                    _keys[kind] = keys = [];
                keys.Add(key);
                break;
        }
    }

    private IpvsFrontend FactsOf(FrontendKey key) => new(RuleWriter.PortolanIpvs, KindOf(key))
    {
        IsLocal = Keys(PortolanIpvsSet.ExternalLocal).Contains(key) || Keys(PortolanIpvsSet.Dropped).Contains(key) ? true : null,
        Refusal = Keys(PortolanIpvsSet.Rejected).Contains(key) ? ProgrammedState.Rejected
            : Keys(PortolanIpvsSet.Dropped).Contains(key) ? ProgrammedState.Dropped : null,
        SourceRanges = _ranges.TryGetValue(key, out List<InetPrefix>? ranges) ? [.. ranges] : [],
        Shortcut = _shortcuts.TryGetValue(key, out FrontendKey shortcut) ? shortcut : null,
    };

    /// <summary>
    /// NodePorts are at addresses of the node. An address that has a frontend which only packets from outside are masqueraded at is a
    /// cluster IP; what has policies of outside addresses is one.
    /// </summary>
    private ProgrammedKind KindOf(FrontendKey key)
    {
        if (!_addresses.Contains(key.Address))
            return ProgrammedKind.NodePort;
        if (_clusterIPs.Contains(key.Address))
            return ProgrammedKind.ClusterIP;
        // With masqueradeAll cluster IPs are in this set as well.
        bool isMasqueraded = Keys(PortolanIpvsSet.Masquerade).Contains(key) && _clusterIPs.Count > 0;
        return isMasqueraded || Keys(PortolanIpvsSet.Restricted).Contains(key) || Keys(PortolanIpvsSet.ExternalLocal).Contains(key)
            ? ProgrammedKind.External : ProgrammedKind.VirtualServer;
    }
}
