using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.Inspect.Programmed;

/// <summary>The services that a ruleset serves, whoever wrote it.</summary>
public sealed class ServiceCatalogue
{
    private ServiceCatalogue(ImmutableArray<ProgrammedService> services) => Services = services;

    /// <summary>The services, sorted by name, port, protocol and family; those without a name last.</summary>
    public ImmutableArray<ProgrammedService> Services { get; }

    /// <summary>Reads the services of a ruleset.</summary>
    /// <param name="ruleset">The rules.</param>
    public static ServiceCatalogue Read(Ruleset ruleset)
    {
        ArgumentNullException.ThrowIfNull(ruleset);
        var services = new List<ProgrammedService>();
        foreach (RuleTable table in ruleset.Tables)
        {
            if (table.Family is not (TableFamily.Ip or TableFamily.Ip6))
                continue;
            if (table.Backend != RuleBackend.Nftables)
            {
                // The nft reader marks iptables-nft tables as such; each back-end's nat belongs with its own filter.
                if (table.Name == ServiceTables.Nat)
                {
                    services.AddRange(IptablesServices.Read(table, FilterOf(ruleset, table)));
                    services.AddRange(UserspaceServices.Read(table));
                }
            }
            else if (table.Name == KubeProxyNftables.TableName)
            {
                services.AddRange(KubeNftablesServices.Read(table));
            }
            else if (table.Name == PortolanTables.TableName)
            {
                services.AddRange(PortolanServices.Read(table));
            }
        }
        services.AddRange(IpvsServices.Read(ruleset));
        return Sorted(services);
    }

    /// <summary>
    /// The same services, with the names that the cluster has for what IPVS serves: virtual servers have none. What belongs to one port of
    /// a service becomes one.
    /// </summary>
    /// <param name="plans">What this node should serve.</param>
    public ServiceCatalogue Named(IEnumerable<ServicePlan> plans)
    {
        ArgumentNullException.ThrowIfNull(plans);
        return Named(IpvsNames.FrontendsOf(plans));
    }

    /// <inheritdoc cref="Named(IEnumerable{ServicePlan})"/>
    /// <param name="services">The cluster's services.</param>
    public ServiceCatalogue Named(IEnumerable<ServiceObject> services)
    {
        ArgumentNullException.ThrowIfNull(services);
        return Named(IpvsNames.FrontendsOf(services));
    }

    private ServiceCatalogue Named(IEnumerable<IpvsNames.NamedFrontend> frontends) =>
        Services.Any(static service => service.Writer.IsIpvs()) ? Sorted(IpvsNames.Of(Services, frontends)) : this;

    private static ServiceCatalogue Sorted(IEnumerable<ProgrammedService> services) =>
        new([.. services.OrderBy(service => service.Service is null)
            .ThenBy(service => service.DisplayName, StringComparer.Ordinal).ThenBy(service => service.Protocol)
            .ThenBy(service => service.Family).ThenBy(service => service.Writer)]);

    /// <summary>
    /// The services of a name: "default/testsvc" (all its ports), "default/testsvc:https", or a name without namespace when it is the only
    /// one.
    /// </summary>
    /// <param name="name">What the user typed.</param>
    /// <param name="port">A port's name or number, or null for all ports.</param>
    public ImmutableArray<ProgrammedService> Find(string name, string? port = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        // What IPVS serves is called by its address.
        if (port is null && Services.Any(service => service.Id == name))
            return [.. Services.Where(service => service.Id == name)];
        int colon = name.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0 && port is null)
            (name, port) = (name[..colon], name[(colon + 1)..]);
        return [.. Services.Where(service => (service.Service == name || service.Id == name
                || (!name.Contains('/', StringComparison.Ordinal) && service.Service is { } full
                && full.EndsWith("/" + name, StringComparison.Ordinal)))
            && (port is null || service.Port == port || service.Frontends.Any(frontend => PortText(frontend.Port) == port)))];
    }

    /// <summary>
    /// The service port that is reached at an address, or at a node port that is open on every address; null when there is none.
    /// </summary>
    public ProgrammedService? At(InetAddress address, IpProtocol protocol, ushort port) =>
        Services.FirstOrDefault(service => service.Protocol == protocol
        && service.Frontends.Any(frontend => frontend.Address == address && frontend.Port == port))
        ?? Services.FirstOrDefault(service => service.Protocol == protocol && service.Family == address.Family
            && service.Frontends.Any(frontend => frontend.Address.Family == IpFamily.None && frontend.Port == port));

    /// <summary>
    /// Addresses that are on no device of the node, unless known otherwise: cluster IPs of modes that bind them to none, unless a rule
    /// exempts them from translation, as NodeLocal DNSCache's do.
    /// </summary>
    public IEnumerable<InetAddress> AddressesElsewhere(Ruleset rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        var untracked = rules.Tables.SelectMany(table => table.Chains).SelectMany(chain => chain.Rules)
            .Where(rule => rule.Target is NotrackStatement).Select(rule => RuleKey.Of(rule).Destination).OfType<InetAddress>().ToHashSet();
        return Services.Where(service => !service.Writer.IsIpvs() && service.Writer != RuleWriter.KubeProxyUserspace)
            .SelectMany(service => service.Frontends).Where(frontend => frontend.Kind == ProgrammedKind.ClusterIP
                && !untracked.Contains(frontend.Address))
            .Select(frontend => frontend.Address);
    }

    /// <summary>The names nearest to one that does not exist, best first.</summary>
    public ImmutableArray<string> Suggest(string name) =>
        Suggestions.Nearest(name, Services.Select(service => service.Service ?? service.Id).Distinct());

    private static string PortText(ushort port) => port.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static RuleTable? FilterOf(Ruleset ruleset, RuleTable nat) =>
        ruleset.Tables.FirstOrDefault(table => table.Family == nat.Family && table.Name == "filter" && table.Backend == nat.Backend)
        ?? ruleset.Tables.FirstOrDefault(table => table.Family == nat.Family && table.Name == "filter"
            && table.Backend != RuleBackend.Nftables);
}
