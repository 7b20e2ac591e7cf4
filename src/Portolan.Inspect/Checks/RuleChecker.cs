using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Offers;
using Portolan.Rules;
using Portolan.Services;

namespace Portolan.Inspect;

/// <summary>Looks for what is wrong with service rules, by themselves and against what the cluster says.</summary>
public sealed class RuleChecker
{
    private readonly Ruleset _rules;
    private readonly ServiceCatalogue _catalogue;
    private readonly NodeAddresses _node;
    private readonly ChainGuide _guide;
    private readonly List<Finding> _findings = [];

    private RuleChecker(Ruleset rules, ServiceCatalogue catalogue, NodeAddresses node, ChainGuide guide) =>
        (_rules, _catalogue, _node, _guide) = (rules, catalogue, node, guide);

    /// <summary>The findings, worst first.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="catalogue">The services they offer.</param>
    /// <param name="node">What is known of the node's addresses.</param>
    /// <param name="guide">Names of chains.</param>
    /// <param name="cluster">What the cluster says this node should serve; null when that is not known.</param>
    public static ImmutableArray<Finding> Check(
        Ruleset rules, ServiceCatalogue catalogue, NodeAddresses node, ChainGuide guide, ServiceTable? cluster)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(catalogue);
        var checker = new RuleChecker(rules, catalogue, node, guide);
        checker.CheckWriters();
        foreach (RuleTable table in rules.Tables.Where(table => table.Family is TableFamily.Ip or TableFamily.Ip6 or TableFamily.Inet))
            checker._findings.AddRange(ChainChecks.Of(table, guide));
        checker.CheckShares();
        foreach (RuleTable nat in rules.Tables.Where(table => table.Name == "nat" && table.Backend != RuleBackend.Nftables))
        {
            checker.CheckDropMark(nat);
            checker.CheckMasquerade(nat);
            checker.CheckEarlierRules(nat);
        }
        if (cluster is not null)
            checker._findings.AddRange(ClusterChecks.Of(catalogue, cluster));
        return [.. checker._findings.OrderByDescending(finding => finding.Severity).ThenBy(finding => finding.Code, StringComparer.Ordinal).ThenBy(finding => finding.Subject, StringComparer.Ordinal)];
    }

    private void Add(FindingSeverity severity, string code, string subject, RulePlace? place, string explanation, string advice) =>
        _findings.Add(new Finding(severity, code, subject, place, explanation, advice));

    private void CheckWriters()
    {
        foreach (TableFamily family in (TableFamily[])[TableFamily.Ip, TableFamily.Ip6])
        {
            var backends = _rules.Tables
                .Where(table => table.Family == family && table.Backend is RuleBackend.IptablesLegacy or RuleBackend.IptablesNft && IsKube(table))
                .Select(table => table.Backend).Distinct().ToList();
            if (backends.Count > 1)
            {
                Add(FindingSeverity.Error, "two-backends", "iptables", null,
                    "Service rules are in both back-ends of iptables, legacy and nft. The kernel obeys both; the older ones are not updated any more.",
                    "Find out which back-end kube-proxy uses now (iptables --version in its container) and flush the KUBE chains of the other.");
            }
            bool iptables = _rules.Tables.Any(table => table.Family == family && table.Backend != RuleBackend.Nftables && table.Name == "nat" && IsKube(table));
            bool nftables = _rules.FindTable(family, "kube-proxy") is not null;
            bool portolan = _rules.FindTable(family, "portolan") is not null;
            if ((iptables ? 1 : 0) + (nftables ? 1 : 0) + (portolan ? 1 : 0) > 1)
            {
                string[] names = [.. ((string[])[iptables ? "kube-proxy's iptables chains" : "", nftables ? "kube-proxy's nftables table" : "", portolan ? "Portolan's table" : ""]).Where(name => name.Length > 0)];
                Add(FindingSeverity.Error, "two-proxies", family == TableFamily.Ip ? "IPv4" : "IPv6", null,
                    $"Rules of more than one service proxy are loaded: {string.Join(" and ", names)}. Whichever the kernel asks first decides, with endpoints that may be stale.",
                    "Stop the proxy that shall not run, and clean up after it (kube-proxy --cleanup).");
            }
        }
    }

    private static bool IsKube(RuleTable table) =>
        table.Name == "nat" && table.FindChain("KUBE-SERVICES") is { Rules.IsEmpty: false };

    private void CheckShares()
    {
        foreach (OfferedService service in _catalogue.Services)
        {
            IEnumerable<ImmutableArray<OfferedEndpoint>> sets = service.Frontends.Select(frontend => frontend.Endpoints).Append(service.Endpoints)
                .Where(endpoints => endpoints.Length > 1);
            if (sets.FirstOrDefault(IsUnequal) is not { IsDefaultOrEmpty: false } unequal)
                continue;
            OfferedEndpoint least = unequal.MinBy(endpoint => endpoint.Share)!, most = unequal.MaxBy(endpoint => endpoint.Share)!;
            double total = unequal.Sum(endpoint => endpoint.Share);
            Add(FindingSeverity.Warning, "unequal-shares", service.DisplayName, null,
                $"The {unequal.Length.ToString(CultureInfo.InvariantCulture)} endpoints do not get equal shares: {least.Text} gets {OutcomeText.Percent(least.Share)}, {most.Text} gets {OutcomeText.Percent(most.Share)}"
                + (Math.Abs(total - 1) > 1e-3 ? $"; together they get {OutcomeText.Percent(total)}." : "."),
                "Rules were added or removed by hand, or a sync was cut off: let the proxy write the chain anew (restart it).");
        }
    }

    private static bool IsUnequal(ImmutableArray<OfferedEndpoint> endpoints)
    {
        double fair = 1.0 / endpoints.Length;
        double tolerance = Math.Max(ShareText.Rounding, fair * 0.01);
        return endpoints.Any(endpoint => Math.Abs(endpoint.Share - fair) > tolerance);
    }

    private void CheckDropMark(RuleTable nat)
    {
        const uint mark = 0x8000;
        if (nat.FindChain("KUBE-MARK-DROP") is null || Companion(nat, "filter") is not { } filter)
            return;
        RulePlace? use = nat.Chains.SelectMany(chain => Enumerable.Range(0, chain.Rules.Length).Select(index => new RulePlace(nat, chain, index)))
            .FirstOrDefault(place => ServiceChains.TargetOf(place.Rule) == "KUBE-MARK-DROP");
        bool drops = filter.Chains.Any(chain => chain.Rules.Any(rule =>
            rule.Target is VerdictStatement { Verdict.Kind: VerdictKind.Drop }
            && rule.Statements.Any(statement => statement is MarkMatch { Negated: false } match && (match.Value & mark) != 0)));
        if (use is null || drops)
            return;
        Add(FindingSeverity.Warning, "mark-drop-without-drop", _guide.ServiceOf(use) ?? "KUBE-MARK-DROP", use,
            "Packets are marked 0x8000 to be dropped, but no rule of the filter table drops marked packets: they go on untranslated.",
            "The rule is the kubelet's (chain KUBE-FIREWALL). Check that the kubelet runs with makeIPTablesUtilChains.");
    }

    private void CheckMasquerade(RuleTable nat)
    {
        if (nat.IsExcerpt || nat.FindChain("KUBE-MARK-MASQ") is null || nat.FindChain("KUBE-SERVICES") is not { Rules.IsEmpty: false })
            return;
        bool jumps = nat.Chains.Any(chain => chain.Base?.Hook == Hook.Postrouting && chain.Rules.Any(rule => ServiceChains.TargetOf(rule) == "KUBE-POSTROUTING"));
        bool masquerades = nat.FindChain("KUBE-POSTROUTING")?.Rules.Any(rule => rule.Target is NatStatement { Kind: NatKind.Masquerade or NatKind.Source }) == true;
        if (jumps && masquerades)
            return;
        Add(FindingSeverity.Error, "no-masquerade", "KUBE-POSTROUTING", null,
            "Packets are marked to be masqueraded, but nothing masquerades them: answers of endpoints will not find back to clients from outside.",
            jumps ? "KUBE-POSTROUTING lacks its MASQUERADE rule: restart kube-proxy." : "POSTROUTING does not jump to KUBE-POSTROUTING: somebody removed the rule; restart kube-proxy.");
    }

    /// <summary>Rules before the jump to KUBE-SERVICES may answer for a cluster IP: a CNI's, or Docker's.</summary>
    private void CheckEarlierRules(RuleTable nat)
    {
        // Tracing every service would take long on a large dump, and one service tells of a rule that catches them all.
        const int mostTraces = 200;
        Chain? prerouting = nat.Chains.FirstOrDefault(chain => chain.Base?.Hook == Hook.Prerouting);
        if (prerouting is null || prerouting.Rules.IsEmpty || ServiceChains.TargetOf(prerouting.Rules[0]) == "KUBE-SERVICES"
            || !prerouting.Rules.Any(rule => ServiceChains.TargetOf(rule) == "KUBE-SERVICES"))
            return;
        var simulator = new PacketSimulator(_rules, _node);
        var clients = new Words.Clients(_rules, _catalogue, _node);
        foreach (OfferedService service in _catalogue.Services.Where(service => service.Writer == RuleWriter.KubeProxyIptables).Take(mostTraces))
        {
            OfferedFrontend? frontend = service.Frontends.FirstOrDefault(item => item.Kind == OfferKind.ClusterIP && item.State == OfferState.Served);
            if (frontend is null || (service.Family == IpFamily.IPv4) != (nat.Family == TableFamily.Ip))
                continue;
            (InetAddress source, _) = clients.At(ClientPlace.Outside, service, frontend).First();
            TraceResult trace = simulator.Trace(new PacketPremise
            {
                Source = source,
                Destination = frontend.Address,
                Protocol = service.Protocol,
                SourcePort = 40_000,
                DestinationPort = frontend.Port,
            });
            RulePlace? thief = trace.Outcomes.SelectMany(outcome => outcome.Path)
                .FirstOrDefault(step => step is { Hook: Hook.Prerouting, Place.Rule.Target: NatStatement } && _guide.ServiceOf(step.Place) is null)?.Place;
            if (thief is null)
                continue;
            Add(FindingSeverity.Error, "answered-by-other-rule", service.DisplayName, thief,
                $"{frontend.Text} is translated by another rule before KUBE-SERVICES is asked.",
                "The rule is not kube-proxy's. Find its owner (CNI, Docker, an administrator) and make it leave the service range alone.");
        }
    }

    private RuleTable? Companion(RuleTable table, string name) =>
        _rules.Tables.FirstOrDefault(other => other.Family == table.Family && other.Name == name && other.Backend == table.Backend);
}
