using System.Collections.Immutable;
using System.Globalization;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// The state of an nftables plane: which plans are wanted, which are in force, which the kernel refused, and what is planned. Shared by
/// ordinary changes (<see cref="NfTablesPlane"/>) and <see cref="Resync"/>.
/// </summary>
internal sealed class PlaneState
{
    private readonly NfTablesOptions _options;
    private readonly AffinityIds _affinityIds = new((uint)Random.Shared.Next());
    private readonly Dictionary<ObjectName, Refusal> _quarantined = [];
    private readonly List<ServiceChange> _underWay = [];

    internal PlaneState(NfTablesOptions options)
    {
        _options = options;
        var compiler = new ServiceCompiler(options.WithCounters, _affinityIds);
        List<PlaneTable> tables = [];
        if (options.WithIPv4)
            tables.Add(new PlaneTable(IpFamily.IPv4, compiler));
        if (options.WithIPv6)
            tables.Add(new PlaneTable(IpFamily.IPv6, compiler));
        Tables = [.. tables];
    }

    /// <summary>The tables, one per family.</summary>
    internal ImmutableArray<PlaneTable> Tables { get; }

    /// <summary>The plans that are wanted.</summary>
    internal Dictionary<ObjectName, ServicePlan> Wanted { get; } = [];

    /// <summary>The plans in force.</summary>
    internal Dictionary<ObjectName, ServicePlan> Applied { get; } = [];

    /// <summary>The services whose changes are planned; <see cref="Element.Subject"/> is the index.</summary>
    internal IReadOnlyList<ServiceChange> UnderWay => _underWay;

    /// <summary>What all services have in common, as wanted.</summary>
    internal NodePlan Node { get; set; } = NodePlan.None;

    /// <summary>True if a family's maps of endpoints would take long to list.</summary>
    internal bool IsLarge(IpFamily family) =>
        Wanted.Values.Sum(plan => (long)ServiceCompiler.MostElements(plan, family)) > _options.MostListed;

    /// <summary>True if no service is quarantined.</summary>
    internal bool HasNoQuarantine => _quarantined.Count == 0;

    /// <summary>Records what is wanted now.</summary>
    internal void Want(IEnumerable<ServiceChange> changes)
    {
        foreach (ServiceChange change in changes)
        {
            if (change.Plan is null)
                Wanted.Remove(change.Service);
            else
                Wanted[change.Service] = change.Plan;
            // What was refused before may be accepted now: the service has changed.
            _quarantined.Remove(change.Service);
        }
    }

    /// <summary>The kernel may answer differently now: nothing is quarantined any more.</summary>
    internal void EndQuarantine() => _quarantined.Clear();

    /// <summary>True while a service's wanted plan is quarantined.</summary>
    internal bool IsQuarantined(ObjectName service) => _quarantined.ContainsKey(service);

    /// <summary>Starts planning from scratch.</summary>
    internal void BeginPlanning() => _underWay.Clear();

    /// <summary>Plans the change of a service from the plan in force to another one.</summary>
    internal void PlanChange(ServiceChange change)
    {
        ServicePlan? before = Applied.GetValueOrDefault(change.Service);
        Reserve(change.Plan);
        foreach (PlaneTable table in Tables)
        {
            table.Elements.PlanUses(before, change.Plan);
            table.Elements.PlanElements(before, change.Plan, _underWay.Count);
        }
        _underWay.Add(change);
    }

    /// <summary>Plans what a service requires of the rules of a table that is written as a whole; its elements are planned later.</summary>
    internal void PlanWhole(ServiceChange change)
    {
        Reserve(change.Plan);
        foreach (PlaneTable table in Tables)
            table.Elements.PlanUses(null, change.Plan);
        _underWay.Add(change);
    }

    /// <summary>Releases the affinity ids of plans that were in force before everything was planned from scratch.</summary>
    internal void ReleaseAffinity(IEnumerable<KeyValuePair<ObjectName, ServicePlan>> before)
    {
        foreach ((ObjectName service, ServicePlan plan) in before)
            Release(plan, Applied.GetValueOrDefault(service));
    }

    /// <summary>What was planned is in force now.</summary>
    internal void Confirm()
    {
        foreach (ServiceChange change in _underWay)
        {
            Applied.Remove(change.Service, out ServicePlan? before);
            if (change.Plan is not null)
                Applied[change.Service] = change.Plan;
            Release(before, change.Plan);
        }
        foreach (PlaneTable table in Tables)
            table.Confirm();
    }

    /// <summary>Quarantines the services that a refusal names; false if it names none.</summary>
    internal bool Quarantine(CommitResult result)
    {
        if (result.Outcome == CommitOutcome.Unknown)
            return true;
        bool any = false;
        foreach (CommitRefusal refusal in result.Refusals)
        {
            if (!ElementTarget.TryParse(refusal, out ElementTarget target))
                continue;
            Element element = Tables.First(table => table.Elements.Family == target.Family).Planned(target);
            if (element.Subject == FamilyTable.NoService)
                continue;
            ServiceChange change = _underWay[element.Subject];
            any = true;
            _quarantined[change.Service] = new Refusal(
                $"Service {change.Service}",
                string.Create(CultureInfo.InvariantCulture,
                    $"{(target.Change == NfElementChange.Delete ? "delete" : "add")} element " +
                    $"{TableSchema.Name(element.Set, element.Variant)} {{ {element.Describe()} }}"),
                refusal.ToString())
            {
                Service = change.Service,
            };
        }
        return any;
    }

    /// <summary>
    /// Adopts the affinity ids that a table holds, so that clients keep their endpoints across a restart of the proxy.
    /// </summary>
    internal void AdoptAffinity(KernelTable current)
    {
        if (!current.IsOurLayout)
            return;
        Dictionary<uint, InetEndpoint> endpoints = [];
        List<(uint Id, string Name)> names = [];
        foreach (ref readonly Element element in current.Elements.Elements)
        {
            if (element.Set != PortolanSet.AffinityEndpoints || element.Comment is null
                || !element.TryRead(out ElementFields key, out ElementFields data))
                continue;
            uint id = key.AffinityId & ~AffinityIds.LocalView;
            if (endpoints.TryAdd(id, data.Endpoint))
                names.Add((id, element.Comment));
        }
        if (endpoints.Count == 0)
            return;
        ILookup<string, uint> byName = names.ToLookup(entry => entry.Name, entry => entry.Id);
        foreach (PortPlan port in AffinityPorts())
        {
            foreach (uint id in byName[ElementComment.For(port.Name)])
                _affinityIds.Adopt(port, endpoints[id], id);
        }
    }

    /// <summary>
    /// Adopts the clients remembered by a table that is about to be replaced. To be called when the wanted plans have their affinity
    /// ids.
    /// </summary>
    /// <param name="current">The table to be replaced.</param>
    /// <param name="kernel">The kernel.</param>
    /// <returns>Elements of <see cref="PortolanSet.AffinityClients"/>, with their remaining time.</returns>
    internal List<(Element Element, TimeSpan Left)> CarryOverClients(PlaneTable current, INfTablesKernel kernel)
    {
        // In all layouts so far keys start with the id, and the data is the endpoint.
        Dictionary<uint, (string Name, InetEndpoint Endpoint)> endpoints = [];
        foreach (ref readonly Element element in current.Current.Elements.Elements)
        {
            if (element.Set == PortolanSet.AffinityEndpoints && element is { Comment: not null, KeyLength: >= sizeof(uint) }
                && ElementCodec.TryReadData(element.Set, element.Data, out ElementFields data))
                endpoints[BitConverter.ToUInt32(element.Key) & ~AffinityIds.LocalView] = (element.Comment, data.Endpoint);
        }
        List<(Element, TimeSpan)> carried = [];
        if (endpoints.Count == 0)
            return carried;
        ILookup<string, PortPlan> ports = AffinityPorts()
            .Where(port => port.Family == current.Elements.Family).ToLookup(static port => ElementComment.For(port.Name));
        foreach (string set in current.Current.Sets.Keys)
        {
            if (!PortolanTables.TryParseSet(set, out PortolanSet kind, out int seconds) || kind != PortolanSet.AffinityClients)
                continue;
            // One endpoint per client: the last one it used.
            HashSet<(InetAddress, uint)> known = [];
            foreach (AffinityClient client in kernel.ReadClients(current.Elements.Family, set)
                .OrderByDescending(static client => client.Left))
            {
                if (!endpoints.TryGetValue(client.AffinityId, out (string Name, InetEndpoint Endpoint) at))
                    continue;
                foreach (PortPlan port in ports[at.Name])
                {
                    if (port.AffinitySeconds != seconds || _affinityIds.PortOf(port) is not { } portId
                        || _affinityIds.IdOf(port.Name, at.Endpoint) is not { } id || !known.Add((client.Client, portId)))
                        continue;
                    carried.Add((ElementCodec.Encode(PortolanSet.AffinityClients,
                        new ElementFields { Source = client.Client, AffinityId = portId }, new ElementFields { AffinityId = id }, seconds),
                        client.Left));
                }
            }
        }
        return carried;
    }

    private IEnumerable<PortPlan> AffinityPorts() =>
        Wanted.Values.SelectMany(static plan => plan.Ports).Where(static port => port.AffinitySeconds > 0);

    /// <summary>What the static rules of a table are generated from.</summary>
    internal ProgramInput ProgramOf(PlaneTable table)
    {
        IpFamily family = table.Elements.Family;
        return new ProgramInput(
            family,
            table.Elements.Uses,
            Node.DetectorOf(family),
            [.. Node.ServiceCidrs.Where(cidr => cidr.Family == family)],
            1u << _options.MasqueradeBit,
            _options.WithCounters);
    }

    /// <summary>The report of a transaction that was refused for a reason that names no service: none of it was applied.</summary>
    internal SyncReport ReportRefused(int transactions, Refusal refusal) => Report(0, 0, transactions) with
    {
        IsInForce = false,
        Refusals = [.. _quarantined.Values, refusal],
    };

    /// <summary>A report of what was done, with the quarantined services.</summary>
    internal SyncReport Report(int written, int removed, int transactions) => new()
    {
        Written = written,
        Removed = removed,
        Transactions = transactions,
        Refusals = [.. _quarantined.Values],
    };

    private void Reserve(ServicePlan? plan)
    {
        foreach (PortPlan port in plan?.Ports ?? [])
            _affinityIds.Reserve(port);
    }

    private void Release(ServicePlan? before, ServicePlan? after)
    {
        foreach (PortPlan port in before?.Ports ?? [])
        {
            if (port.AffinitySeconds > 0)
                _affinityIds.Release(port, after?.Ports.FirstOrDefault(other => other.Name == port.Name && other.Family == port.Family));
        }
    }
}
