using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.DataPlanes.IpTables.State;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables;

/// <summary>Keeps one family's tables up to date: small changes directly, anything in doubt by comparing with the kernel.</summary>
internal sealed class FamilySync(IpTablesTool tool, FamilyTables tables, IpTablesStatistics statistics)
{
    private readonly Dictionary<ObjectName, ServicePlan?> _quarantined = [];
    private readonly List<Refusal> _refusals = [];
    private readonly List<string> _warnings = [];

    // False if what the kernel holds may differ from what was written last: at start, after a failure, after a change of layout.
    private bool _isCertain;
    // A proxy that was killed may have left iptables-restore running.
    private bool _mayHavePredecessor = true;
    private ulong? _sizes;
    private bool _wasResized;
    private int _written, _removed, _transactions;
    private bool _hasComparedAll;

    // What was there at the first look; null before it, and empty once it is reported.
    private ImmutableArray<UdpFrontend>? _found;

    private IpFamily Family => tool.Family;

    public IpTablesTool Tool => tool;

    public SyncReport Apply(ImmutableArray<ServiceChange> services, LayoutContext context, AddressPlan node)
    {
        Begin();
        ImmutableArray<ServiceChange> changes = [.. services.Where(Concerns)];
        ChainLayout layout = ChainLayout.Of(context.For(tables.EndpointsAfter(changes)), node);
        if (tables.Layout.Context != layout.Context)
        {
            tables.UseLayout(layout);
            _isCertain = false;
        }
        if (!_isCertain)
        {
            tables.UseLayout(layout);
            Full(changes);
            return Report();
        }

        ServiceChange[] before = [.. changes.Select(change => change with { Plan = tables.Plans.GetValueOrDefault(change.Service) })];
        ChangeSet change = tables.Take(changes, layout);
        foreach (ServiceChange superseded in changes)
            _quarantined.Remove(superseded.Service);
        if (change.IsEmpty)
            return Report();
        _isCertain = false;
        RestoreOutcome outcome = Run(change, isPartial: true);
        if (outcome.Succeeded)
        {
            _isCertain = true;
        }
        else if (outcome.IsLockHeld)
        {
            ReportLock(outcome);
        }
        else
        {
            foreach (ServiceChange undone in before)
                tables.Replace(undone.Service, undone.Plan);
            Full(changes);
        }
        return Report();
    }

    /// <summary>Compares with the kernel, writes the difference, and retries what was refused before.</summary>
    public SyncReport Reconcile()
    {
        Begin();
        ImmutableArray<ServiceChange> retried = [.. _quarantined.Select(static held => new ServiceChange(held.Key, held.Value))];
        _quarantined.Clear();
        Full(retried);
        return Report();
    }

    /// <summary>Compares with the kernel, without writing; null if everything is right, or nothing is known.</summary>
    public string? FindDifference()
    {
        if (!_isCertain)
            return null;
        try
        {
            if (tool.Backend == IpTablesBackend.Nft && DormantTables.Find(Family) is [var off, ..])
                return $"{Family}: table {off.Id.Name} is switched off (flag dormant)";
            SavedTables saved = SavedTables.Read(tool);
            if (saved.Mixed.Count > 0)
                return null;
            ChangeSet change = tables.ChangeFrom(saved);
            return change.IsEmpty
                ? null
                : $"{Family}: rules in chains KUBE-* differ from what was written ({change.Describe()}); another program changed them";
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Notes, before a change goes in, whether somebody else has changed the legacy tables since the last sync.</summary>
    public void LookBeforeChange() => _wasResized = _wasResized || (_sizes is not null && LegacyTableSizes.Read(Family) != _sizes);

    /// <summary>
    /// Remembers how large the legacy tables are after a change. Where somebody may have changed them before it, or meanwhile, that says
    /// nothing: then the next look compares.
    /// </summary>
    /// <param name="isRepair">Somebody is at work on the tables.</param>
    public void RememberSizes(bool isRepair)
    {
        _sizes = isRepair || _wasResized ? null : LegacyTableSizes.Read(Family);
        _wasResized = false;
    }

    /// <summary><see cref="FindDifference"/> if the size of the legacy tables has changed; cheap if it has not.</summary>
    public string? FindResized()
    {
        ulong? sizes = LegacyTableSizes.Read(Family);
        if (sizes is null || sizes == _sizes)
            return null;
        _sizes = sizes;
        return FindDifference();
    }

    /// <summary>True if the plan has, or had, anything in this family.</summary>
    private bool Concerns(ServiceChange change) => tables.Plans.ContainsKey(change.Service) || _quarantined.ContainsKey(change.Service)
        || (change.Plan is { } plan && plan.Ports.Any(port => port.Family == Family));

    private void Begin()
    {
        (_written, _removed, _transactions) = (0, 0, 0);
        _hasComparedAll = false;
        _refusals.Clear();
        _warnings.Clear();
    }

    private SyncReport Report()
    {
        var report = new SyncReport
        {
            Written = _written,
            Removed = _removed,
            Transactions = _transactions,
            Refusals = [.. _refusals],
            Warnings = [.. _warnings],
            IsInForce = _isCertain,
            HasComparedAll = _hasComparedAll,
        };
        if (!_isCertain || _found is not { } found)
            return report;
        _found = [];
        return report with { FoundUdpFrontends = found };
    }

    private void Full(ImmutableArray<ServiceChange> changes)
    {
        foreach (ServiceChange superseded in changes)
            _quarantined.Remove(superseded.Service);
        try
        {
            _isCertain = BringIn(changes);
            if (_isCertain && tool.Backend == IpTablesBackend.Nft && DormantTables.Wake(Family) is > 0 and int woken)
            {
                _written += woken;
                _transactions++;
            }
        }
        catch (IOException problem)
        {
            _isCertain = false;
            foreach ((ObjectName service, ServicePlan? plan) in changes)
                tables.Replace(service, plan);
            _refusals.Add(new("the iptables tables as a whole", "read what the kernel holds",
                $"{problem.Message}; the rules stay as they are until the next retry"));
        }
    }

    /// <summary>
    /// Writes changes and quarantines those that are refused: the service whose line the tool names, or, if it names none, the one that
    /// is found by bisecting the changes.
    /// </summary>
    /// <returns>False if the tables could not be updated.</returns>
    private bool BringIn(ImmutableArray<ServiceChange> changes)
    {
        bool isInStep = true;
        Stack<ServiceChange[]> batches = new([[.. changes]]);
        while (batches.TryPop(out ServiceChange[]? batch))
        {
            (bool succeeded, Refused? refused) = TryBatch(batch);
            if (refused is null)
            {
                isInStep &= succeeded;
                continue;
            }
            switch (refused.Left)
            {
                case []:
                    _refusals.Add(new("the chains shared by all services", refused.Outcome.RefusedLine, refused.Outcome.Error));
                    isInStep = false;
                    break;
                case [var alone]:
                    ServicePlan? before = tables.Plans.GetValueOrDefault(alone.Service);
                    tables.Replace(alone.Service, alone.Plan);
                    Quarantine(alone.Service, before, refused.Outcome);
                    batches.Push([]);
                    break;
                default:
                    // Both halves in any case; each updates the tables as far as it can.
                    int half = refused.Left.Length / 2;
                    batches.Push(refused.Left[half..]);
                    batches.Push(refused.Left[..half]);
                    break;
            }
        }
        return isInStep;
    }

    /// <summary>Writes one batch as a whole, except services whose line the tool refuses by number.</summary>
    /// <returns>
    /// Whether the tables are up to date; if not because of a refusal that names no service, the remaining part of the batch: its plans
    /// are the previous ones.
    /// </returns>
    private (bool IsInStep, Refused? Refused) TryBatch(ServiceChange[] batch)
    {
        Dictionary<ObjectName, ServicePlan?> before = [];
        foreach ((ObjectName service, ServicePlan? plan) in batch)
        {
            before[service] = tables.Plans.GetValueOrDefault(service);
            tables.Replace(service, plan);
        }
        bool rewritesShared = false;
        while (true)
        {
            SavedTables saved = SavedTables.Read(tool);
            NoteMixed(saved);
            _hasComparedAll = true;
            _found ??= [.. saved.UdpFrontends.Select(frontend => new UdpFrontend(Family, frontend.Address, frontend.Port))];
            _mayHavePredecessor &= !saved.HasNoServices;
            ChangeSet change = tables.ChangeFrom(saved, rewritesShared);
            statistics.NoteOwned(Family, tables.Owned.ByTable());
            if (change.IsEmpty)
                return (true, null);
            RestoreOutcome outcome = Run(change, isPartial: false);
            if (outcome.Succeeded)
            {
                if (!_mayHavePredecessor)
                    return (true, null);
                // What another proxy's tool wrote between our read and our getting the lock shows up now.
                _mayHavePredecessor = false;
            }
            else if (outcome.IsLockHeld)
            {
                ReportLock(outcome);
                return (false, null);
            }
            else if (outcome.Owner is { } owner && tables.Plans.ContainsKey(owner))
            {
                // Its previous rules were accepted once; if it is these that are refused, it is left without any.
                Quarantine(owner, before.Remove(owner, out ServicePlan? old) ? old : null, outcome);
            }
            else if (!rewritesShared && change.RemovesRulesOfNobody)
            {
                // Another program's rule among ours, which cannot be deleted by what the tool prints?
                rewritesShared = true;
            }
            else
            {
                foreach ((ObjectName service, ServicePlan? old) in before)
                    tables.Replace(service, old);
                return (false, new(outcome, [.. batch.Where(left => before.ContainsKey(left.Service))]));
            }
        }
    }

    private void NoteMixed(SavedTables saved)
    {
        foreach (IpTable mixed in saved.Mixed)
        {
            string table = mixed.Text(), family = Family == IpFamily.IPv4 ? "ip" : "ip6";
            string warning = $"{Family}: table {table} of iptables has rules written with nft, which iptables-nft-save " +
                $"therefore does not show ('nft list table {family} {table}' does). Services are served, but all their rules are written " +
                "at each full sync, and changes others make to ours go unnoticed; rules of nft belong in a table of their own";
            if (!_warnings.Contains(warning))
                _warnings.Add(warning);
        }
    }

    private void Quarantine(ObjectName service, ServicePlan? instead, RestoreOutcome outcome)
    {
        _quarantined.TryAdd(service, tables.Plans.GetValueOrDefault(service));
        tables.Replace(service, instead);
        _refusals.Add(new($"Service {service}, {Family}", outcome.RefusedLine.Length > 0 ? outcome.RefusedLine : "its rules as a whole",
            $"{outcome.Error}; {(instead is null ? "nothing is served for it" : "its previous rules stay")} " +
            "until the next full sync retries")
        {
            Service = service,
        });
    }

    private void ReportLock(RestoreOutcome outcome)
    {
        statistics.CountLockTimeout();
        _refusals.Add(new("the xtables lock", $"{outcome.Lines} lines of iptables-restore",
            $"{outcome.Error}; nothing was changed and nothing is lost: the next sync writes them"));
    }

    private RestoreOutcome Run(ChangeSet change, bool isPartial)
    {
        RestoreOutcome outcome = tool.Restore(script => change.Write(script, splitsTransactions: tool.Backend == IpTablesBackend.Nft));
        statistics.CountRestore(Family, outcome, isPartial);
        statistics.NoteOwned(Family, tables.Owned.ByTable());
        if (outcome.Succeeded)
        {
            _written += outcome.Lines - outcome.Commits - change.Removals;
            _removed += change.Removals;
            _transactions += outcome.Commits;
        }
        return outcome;
    }

    /// <summary>A refusal that names no service, and the changes of which one may be at fault.</summary>
    private sealed record Refused(RestoreOutcome Outcome, ServiceChange[] Left);
}
