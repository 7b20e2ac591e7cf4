using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.Conntrack;
using Portolan.Netlink.Core;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Host;

/// <summary>
/// Makes the kernel forget connections that its rules would lead elsewhere today, and that do not notice by themselves:
/// UDP flows to endpoints that are gone (kube-proxy: conntrack.CleanStaleEntries), UDP flows by a frontend that no service has any more,
/// and connections without an answer that began while rules were missing. The next packet of each begins a new one.
/// </summary>
/// <remarks>
/// <para>TCP clients of endpoints that are gone notice, and are left alone, as is whatever was answered by an endpoint.</para>
/// <para>The table is read only where a UDP port's frontends or serving endpoints changed, and for all ports when the first change comes,
/// because endpoints and services may have gone while no proxy ran; and once, for connections without an answer, after the first sync and
/// after each repair.</para>
/// <para>Not thread-safe.</para>
/// </remarks>
public sealed class ConntrackCleaner(IConntrackTable table)
{
    // Above this many destination ports one pass over all UDP flows is cheaper than a pass for each.
    private const int MostFilteredPasses = 4;

    // What the plane has in force.
    private readonly Dictionary<ObjectName, ServicePlan> _plans = [];
    // Which port a UDP frontend is in force for: what one service loses another may have gained.
    private readonly Dictionary<UdpFrontend, PortPlan> _serving = [];
    private readonly Dictionary<PortKey, PortPlan> _changed = [];
    private readonly HashSet<UdpFrontend> _lost = [];
    // Unanswered, and translated to no endpoint that was known when the table was read. An endpoint that came meanwhile looks the same.
    private readonly HashSet<(ConntrackTuple Original, uint Id)> _suspects = [];
    private SyncRecord? _last;
    private bool _isFirst = true;
    private bool _hasGap;
    private int _removedIPv6;

    /// <summary>True when <see cref="Clean"/> has something to do.</summary>
    public bool IsDue => _changed.Count > 0 || _lost.Count > 0 || _hasGap;

    /// <summary>True when <see cref="CleanSuspects"/> has something to do.</summary>
    public bool HasSuspects => _suspects.Count > 0;

    /// <summary>Takes what the loop did. The rules are in force by then: a flow that is removed comes back by the new ones.</summary>
    public void Note(SyncRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        SyncReport report = record.Report;
        // At the first sync rules may have been missing for as long as no proxy ran; at a repair another program may have put them back
        // itself.
        _hasGap |= _last is null || record.IsRepair || (report.HasComparedAll && report.Written + report.Removed > 0);
        _last = record;
        _lost.UnionWith(report.FoundUdpFrontends);
        foreach (ServiceChange change in record.Delta.Services)
            Note(change);
    }

    /// <summary>Removes what changes noted since the last time have left without an endpoint.</summary>
    /// <returns>The number of connections removed.</returns>
    /// <exception cref="NetlinkException">The table cannot be read or changed; what was recorded stays recorded.</exception>
    public CleanedConnections Clean()
    {
        int stale = 0, stuck = 0;
        _removedIPv6 = 0;
        if (_last is not null && (_changed.Count > 0 || _lost.Count > 0 || (_isFirst && _hasGap)))
        {
            stale = CleanStale(IpFamily.IPv4, _last) + CleanStale(IpFamily.IPv6, _last);
            _changed.Clear();
            _lost.Clear();
            _isFirst = false;
        }
        if (_last is not null && _hasGap)
        {
            ILookup<bool, ConntrackEntry> found = table.Find(new ConntrackFilter { IsUnanswered = true }, Served(_last).IsStuck)
                .ToLookup(static entry => ServedFrontends.IsTranslated(entry));
            stuck = Remove([.. found[false]]);
            _suspects.Clear();
            _suspects.UnionWith(found[true].Select(static entry => (entry.Original, entry.Id)));
            _hasGap = false;
        }
        return new CleanedConnections(stale, stuck) { IPv6 = _removedIPv6 };
    }

    /// <summary>
    /// Removes what the last look suspected and what, by all that was noted since, still leads to no endpoint. To be called a moment after
    /// <see cref="Clean"/>: a connection to an endpoint that came while the table was read is in the table before the change is noted.
    /// </summary>
    /// <returns>The number of connections removed.</returns>
    /// <exception cref="NetlinkException">The table cannot be read or changed; nothing is suspected any more.</exception>
    public CleanedConnections CleanSuspects()
    {
        if (_last is null)
            return default;
        HashSet<(ConntrackTuple, uint)> suspects = [.. _suspects];
        _suspects.Clear();
        _removedIPv6 = 0;
        ServedFrontends now = Served(_last);
        int stuck = Remove(new ConntrackFilter { IsUnanswered = true },
            (in ConntrackEntry entry) => suspects.Contains((entry.Original, entry.Id)) && now.IsStuck(entry));
        return new CleanedConnections(0, stuck) { IPv6 = _removedIPv6 };
    }

    private ServedFrontends Served(SyncRecord last) => new(last.Node, _plans.Values.SelectMany(static plan => plan.Ports), []);

    private void Note(ServiceChange change)
    {
        ImmutableArray<PortPlan> before = UdpPortsOf(_plans.GetValueOrDefault(change.Service)), now = UdpPortsOf(change.Plan);
        foreach (PortPlan port in before)
        {
            if (!now.Any(same => IsSameForFlows(same, port)))
                _changed.Remove(PortKey.Of(port));
            foreach (UdpFrontend frontend in ServedFrontends.DialledAt(port))
            {
                // Unless another service of the same delta has it by now.
                if (_serving.TryGetValue(frontend, out PortPlan? holder) && PortKey.Of(holder) == PortKey.Of(port))
                    _serving.Remove(frontend);
            }
        }
        _lost.UnionWith(before.SelectMany(ServedFrontends.DialledAt).Except(now.SelectMany(ServedFrontends.DialledAt)));
        foreach (PortPlan port in now)
        {
            if (!before.Any(old => IsSameForFlows(old, port)))
                _changed[PortKey.Of(port)] = port;
            foreach (UdpFrontend frontend in ServedFrontends.DialledAt(port))
                _serving[frontend] = port;
        }
        if (change.Plan is null)
            _plans.Remove(change.Service);
        else
            _plans[change.Service] = change.Plan;
    }

    private int CleanStale(IpFamily family, SyncRecord last)
    {
        IEnumerable<PortPlan> ports = _isFirst
            ? _plans.Values.SelectMany(static plan => UdpPortsOf(plan))
            : _changed.Values.Concat(HoldersOfLost(last));
        var frontends = new ServedFrontends(last.Node, ports.Where(port => port.Family == family),
            _lost.Where(frontend => frontend.Family == family));
        HashSet<ushort> concerned = PortsConcerned(family);
        if (concerned.Count == 0 && !(_isFirst && !last.Node.ServiceCidrs.IsEmpty))
            return 0;
        int removed = 0;
        bool isFiltered = !_isFirst && concerned.Count <= MostFilteredPasses;
        foreach (ushort? port in isFiltered ? concerned.Select(static port => (ushort?)port) : [null])
        {
            var filter = new ConntrackFilter { Family = family, Protocol = IpProtocol.Udp, OriginalDestinationPort = port };
            removed += Remove(filter, _isFirst ? frontends.IsStaleOrOfNoService : frontends.IsStale);
        }
        return removed;
    }

    /// <summary>
    /// The ports that now decide over what another one lost: by the same address, or as a NodePort of the node's addresses.
    /// </summary>
    private IEnumerable<PortPlan> HoldersOfLost(SyncRecord last) => _lost
        .SelectMany(lost => (IEnumerable<UdpFrontend>)[lost, lost with { Address = default },
            .. lost.Address == default ? last.Node.Addresses.LocalAddresses.Select(own => lost with { Address = own }) : []])
        .Select(frontend => _serving.GetValueOrDefault(frontend)).OfType<PortPlan>().Distinct();

    private HashSet<ushort> PortsConcerned(IpFamily family) =>
    [
        .. _changed.Values.Where(port => port.Family == family).SelectMany(static port => port.Frontends, static (_, to) => to.Port),
        .. _lost.Where(frontend => frontend.Family == family).Select(static frontend => frontend.Port),
    ];

    private int Remove(ConntrackFilter filter, ConntrackTest isWanted) => Remove(table.Find(filter, isWanted));

    private int Remove(IReadOnlyList<ConntrackEntry> found)
    {
        foreach (ConntrackEntry entry in found)
            table.Delete(entry);
        _removedIPv6 += found.Count(static entry => entry.Original.Source.Family == IpFamily.IPv6);
        return found.Count;
    }

    private static ImmutableArray<PortPlan> UdpPortsOf(ServicePlan? plan) =>
        plan is null ? [] : [.. plan.Ports.Where(static port => port.Name.Protocol == IpProtocol.Udp)];

    private static bool IsSameForFlows(PortPlan left, PortPlan right) => PortKey.Of(left) == PortKey.Of(right)
        && left.ServingEndpoints.AsSpan().SequenceEqual(right.ServingEndpoints.AsSpan())
        && left.Frontends.AsSpan().SequenceEqual(right.Frontends.AsSpan());

    private readonly record struct PortKey(ServicePortName Name, IpFamily Family)
    {
        public static PortKey Of(PortPlan port) => new(port.Name, port.Family);
    }
}
