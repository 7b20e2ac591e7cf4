using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.Inet;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// The metrics of mode nftables: refused transactions, the sizes of sets, and, with counters, what the kernel counted for each service
/// port.
/// </summary>
internal sealed class NfTablesMetrics(bool withCounters, ImmutableArray<PlaneTable> tables)
{
    private static readonly PlaneMetric s_refused = new(
        "kubeproxy_sync_proxy_rules_nftables_sync_failures_total", "Cumulative proxy nftables sync failures", IsCounter: true, "ip_family");

    private static readonly PlaneMetric s_cleanUpFailures = new(
        "kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total", "Cumulative proxy nftables cleanup failures", IsCounter: true,
        "ip_family");

    private static readonly PlaneMetric s_elements = new("portolan_set_elements",
        "Elements of each set and map that the services come to; clients that affinity remembers are the kernel's and not counted",
        IsCounter: false, "ip_family", "set");

    // Sets that may be large; an alert on them must find them at 0, too.
    private static readonly ImmutableArray<PortolanSet> s_main = [PortolanSet.Frontends, PortolanSet.Endpoints];

    private static readonly PlaneMetric s_connections = OfPort(
        "portolan_service_connections", "First packets of connections to a service port, counted by the kernel");
    private static readonly PlaneMetric s_rejected = OfPort("portolan_service_rejected", "Of these, rejected for lack of endpoints");
    private static readonly PlaneMetric s_dropped = OfPort("portolan_service_dropped",
        "Of these, dropped for lack of endpoints on this node");
    private static readonly PlaneMetric s_denied = OfPort(
        "portolan_service_denied", "Of these, dropped because loadBalancerSourceRanges do not contain their source");

    private long _refused;

    /// <summary>The metrics this plane has.</summary>
    public ImmutableArray<PlaneMetric> All { get; } =
        withCounters ? [s_refused, s_cleanUpFailures, s_elements, s_connections, s_rejected, s_dropped, s_denied]
            : [s_refused, s_cleanUpFailures, s_elements];

    /// <summary>Counts a transaction that the kernel refused.</summary>
    public void CountRefused() => Interlocked.Increment(ref _refused);

    /// <summary>The current values.</summary>
    public IEnumerable<PlaneSample> Read()
    {
        // One transaction has both families, and takes out what is no longer used along with the rest: there is no clean-up of its own.
        foreach (PlaneTable table in tables)
        {
            string family = table.Elements.Family == IpFamily.IPv4 ? "IPv4" : "IPv6";
            yield return new(s_refused, Interlocked.Read(ref _refused), family);
            yield return new(s_cleanUpFailures, 0, family);
            foreach (PortolanSet set in Enum.GetValues<PortolanSet>())
            {
                if (table.Elements.CountOf(set) is var count && (count > 0 || s_main.Contains(set)))
                    yield return new(s_elements, count, family, PortolanTables.Current.NameOf(set));
            }
        }
        if (!withCounters)
            yield break;
        foreach (var port in FrontendCounter.ReadAll().GroupBy(static counter => (counter.Service, counter.Protocol)))
        {
            ImmutableArray<string> labels = [port.Key.Service, port.Key.Protocol.ToRuleText()];
            yield return new(s_connections, port.Sum(static counter => (double)counter.Connections), labels);
            yield return new(s_rejected, port.Sum(static counter => (double)counter.Rejected), labels);
            yield return new(s_dropped, port.Sum(static counter => (double)counter.Dropped), labels);
            yield return new(s_denied, port.Sum(static counter => (double)counter.Denied), labels);
        }
    }

    private static PlaneMetric OfPort(string name, string help) => new(name, help, IsCounter: false, "namespace_name_port", "protocol");
}
