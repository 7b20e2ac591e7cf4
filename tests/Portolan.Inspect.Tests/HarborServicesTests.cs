using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>What the dumps of the harbor cluster offer is what the cluster has, in every format.</summary>
public sealed class HarborServicesTests
{
    private const string TestsvcEndpoints = "10.244.2.50:80 10.244.2.52:80 10.244.2.54:80 10.244.2.56:80 10.244.3.51:80 10.244.3.53:80 " +
        "10.244.3.55:80";

    // name/protocol | frontends | endpoints of the cluster IP | warnings, from harbor/cluster.yaml as node-a sees it.
    private static readonly string[] s_cluster =
    [
        "default/kubernetes:https/tcp | ClusterIP 172.30.0.1:443 served | 10.97.0.1:8443 |",
        $"default/testsvc/tcp | ClusterIP 172.30.5.207:443 served, NodePort *:30031 dropped, Outside 172.6.6.6:443 dropped | " +
            $"{TestsvcEndpoints} | external local",
        "kube-system/kube-dns:dns/udp | ClusterIP 172.30.0.10:53 served | 10.244.1.2:53 10.244.2.2:53 |",
        "kube-system/kube-dns:dns-tcp/tcp | ClusterIP 172.30.0.10:53 served | 10.244.1.2:53 10.244.2.2:53 |",
        "kube-system/kube-dns:metrics/tcp | ClusterIP 172.30.0.10:9153 served | 10.244.1.2:9153 10.244.2.2:9153 |",
        "media/stream:rtp/udp | ClusterIP 172.30.10.8:5004 served | 10.244.2.70:5004 10.244.3.70:5004 |",
        "media/stream:sctp/sctp | ClusterIP 172.30.10.8:9899 served | 10.244.2.70:9899 10.244.3.70:9899 |",
        "shop/agent:grpc/tcp | ClusterIP 172.30.10.7:4317 served | 10.244.1.60:4317 | internal local",
        "shop/cart:http/tcp | ClusterIP 172.30.10.2:80 served, NodePort *:30080 served | 10.244.1.20:8080 10.244.2.20:8080 | " +
            "affinity 10800",
        "shop/draining:http/tcp | ClusterIP 172.30.10.6:80 served, NodePort *:30082 served | 10.244.1.45:8080 | external local",
        "shop/dual:http/tcp | ClusterIP 172.30.10.9:80 served | 10.244.1.80:8080 10.244.2.80:8080 |",
        "shop/empty:http/tcp | ClusterIP 172.30.10.4:80 rejected, NodePort *:30081 rejected |  |",
        "shop/partner:https/tcp | ClusterIP 172.30.10.5:8443 served, Outside 192.0.2.55:8443 served | 10.244.2.40:8443 |",
        "shop/payments:https/tcp | ClusterIP 172.30.10.3:443 served, NodePort *:30443 served, Outside 172.6.6.7:443 served | " +
            "10.244.1.30:8443 10.244.1.31:8443 10.244.2.30:8443 | external local, sources 198.51.100.7/32 203.0.113.0/24",
        "shop/web:http/tcp | ClusterIP 172.30.10.1:80 served | 10.244.1.10:8080 10.244.2.10:8080 10.244.3.10:8080 |",
    ];

    [Theory]
    [InlineData("harbor/kube-proxy-1.36/iptables-save.txt")]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nL.txt", "harbor/kube-proxy-1.36/iptables-filter-nL.txt")]
    [InlineData("harbor/kube-proxy-1.36/iptables-nat-nvL-line-numbers.txt", "harbor/kube-proxy-1.36/iptables-filter-nL.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.json")]
    public void Every_format_of_1_36_offers_what_the_cluster_has(params string[] files)
    {
        Assert.Equal(s_cluster, Show(Dumps.Read(files), IpFamily.IPv4));
    }

    [Theory]
    [InlineData("harbor/kube-proxy-1.36/ip6tables-save.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.txt")]
    [InlineData("harbor/kube-proxy-1.36/nft-list-ruleset.json")]
    public void The_dual_stack_service_is_offered_over_IPv6(string file)
    {
        Assert.Equal(["shop/dual:http/tcp | ClusterIP [fd00:30::109]:80 served | [fd00:244:1::80]:8080 [fd00:244:2::80]:8080 |"],
            Show(Dumps.Read(file), IpFamily.IPv6));
    }

    [Theory]
    [InlineData("harbor/kube-proxy-1.20/iptables-save.txt")]
    [InlineData("harbor/kube-proxy-1.20/iptables-nat-nL.txt", "harbor/kube-proxy-1.20/iptables-filter-nL.txt")]
    public void Every_format_of_1_20_offers_what_the_cluster_has_as_that_version_saw_it(params string[] files)
    {
        string[] expected = [.. s_cluster];
        // 1.20 knows neither terminating endpoints nor internalTrafficPolicy.
        expected[7] = "shop/agent:grpc/tcp | ClusterIP 172.30.10.7:4317 served | 10.244.1.60:4317 10.244.2.60:4317 10.244.3.60:4317 |";
        expected[9] = "shop/draining:http/tcp | ClusterIP 172.30.10.6:80 rejected, NodePort *:30082 rejected |  |";
        Assert.Equal(expected, Show(Dumps.Read(files), IpFamily.IPv4));
    }

    [Fact]
    public void The_simulator_gives_each_endpoint_the_share_that_services_shows()
    {
        Ruleset rules = Dumps.Read(Dumps.Save136);
        var simulator = new PacketSimulator(rules, Dumps.NodeA);
        foreach (ProgrammedService service in ServiceCatalogue.Read(rules).Services)
        {
            ProgrammedFrontend frontend = service.Frontends[0];
            if (frontend.State != ProgrammedState.Served)
                continue;
            TraceResult trace =
                simulator.Trace(Dumps.Tcp("203.0.113.9", frontend.Address.ToString(), frontend.Port) with { Protocol = service.Protocol });
            Assert.Equal(service.Endpoints.Select(endpoint => (endpoint.Text, Math.Round(endpoint.Share, 6))).Order(),
                trace.Outcomes.Select(outcome => (outcome.DestinationText, Math.Round(outcome.Probability, 6))).Order());
        }
    }

    private static string[] Show(Ruleset rules, IpFamily family) =>
    [
        .. ServiceCatalogue.Read(rules).Services.Where(service => service.Family == family).Select(Show),
    ];

    private static string Show(ProgrammedService service)
    {
        Assert.All(service.Endpoints, endpoint => Assert.Equal(1.0 / service.Endpoints.Length, endpoint.Share, 6));
        var warnings = new List<string>();
        if (service.IsExternalLocal == true)
            warnings.Add("external local");
        if (service.IsInternalLocal == true)
            warnings.Add("internal local");
        if (service.Affinity is { } affinity)
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"affinity {affinity.TotalSeconds}"));
        if (!service.SourceRanges.IsEmpty)
            warnings.Add("sources "
                + string.Join(' ', service.SourceRanges.Select(range => range.ToString()).Order(StringComparer.Ordinal)));
        string frontends =
            string.Join(", ",
            service.Frontends.Select(frontend => $"{Kind(frontend.Kind)} {frontend.Text} {frontend.State.ToString().ToLowerInvariant()}"));
        string endpoints = string.Join(' ', service.Endpoints.Select(endpoint => endpoint.Text).Order(StringComparer.Ordinal));
        string name = $"{service.DisplayName}/{service.Protocol.ToRuleText()}";
        return $"{name} | {frontends} | {endpoints} | {string.Join(", ", warnings)}".TrimEnd();
    }

    // nf_tables rules do not tell load balancers from external IPs.
    private static string Kind(ProgrammedKind kind) =>
        kind is ProgrammedKind.LoadBalancer or ProgrammedKind.ExternalIP or ProgrammedKind.External ? "Outside" : kind.ToString();
}
