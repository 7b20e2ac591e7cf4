using System.Globalization;
using Portolan.Services.Cluster;

namespace Portolan.Bench;

/// <summary>
/// The generated cluster's rules in the layouts kube-proxy writes, for a packet to walk through beside ours: nftables with a verdict map
/// and a chain and map per service, iptables with a rule per service in KUBE-SERVICES.
/// </summary>
internal static class KubeProxyLayout
{
    internal static void WriteNfTables(TextWriter output, int services, int endpoints)
    {
        output.WriteLine("table ip kube-proxy {");
        output.WriteLine("  map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }");
        output.WriteLine("  chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }");
        output.WriteLine("  chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }");
        for (int i = 0; i < services; i++)
        {
            string map = string.Join(", ", Endpoints(i, endpoints)
                .Select((e, n) => string.Create(CultureInfo.InvariantCulture, $"{n} : {e} . 8080")));
            output.WriteLine($"  chain service-{Number(i)} {{ meta l4proto tcp dnat ip to numgen random mod {Number(endpoints)} map {{ " +
                $"{map} }}; }}");
        }
        output.WriteLine("}");
        const int perLine = 1000;
        for (int first = 0; first < services; first += perLine)
        {
            output.Write("add element ip kube-proxy service-ips { ");
            for (int i = first; i < Math.Min(services, first + perLine); i++)
                output.Write($"{ClusterGenerator.Address(i)} . tcp . 80 : goto service-{Number(i)}, ");
            output.WriteLine("}");
        }
    }

    internal static void WriteIpTables(TextWriter output, int services, int endpoints)
    {
        output.WriteLine("*nat\n:KUBE-SERVICES - [0:0]");
        for (int i = 0; i < services; i++)
        {
            output.WriteLine($":KUBE-SVC-{Number(i)} - [0:0]");
            for (int e = 0; e < endpoints; e++)
                output.WriteLine($":KUBE-SEP-{Number(i)}-{Number(e)} - [0:0]");
        }
        output.WriteLine("-A PREROUTING -j KUBE-SERVICES");
        for (int i = 0; i < services; i++)
        {
            output.WriteLine($"-A KUBE-SERVICES -d {ClusterGenerator.Address(i)}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-{Number(i)}");
            int e = 0;
            foreach (string endpoint in Endpoints(i, endpoints))
            {
                string chance = e == endpoints - 1
                    ? "" : string.Create(CultureInfo.InvariantCulture,
                    $"-m statistic --mode random --probability {1.0 / (endpoints - e):f11} ");
                output.WriteLine($"-A KUBE-SVC-{Number(i)} {chance}-j KUBE-SEP-{Number(i)}-{Number(e)}");
                output.WriteLine($"-A KUBE-SEP-{Number(i)}-{Number(e)} -p tcp -m tcp -j DNAT --to-destination {endpoint}:8080");
                e++;
            }
        }
        output.WriteLine("COMMIT");
    }

    private static IEnumerable<string> Endpoints(int service, int endpoints)
    {
        foreach (EndpointObject endpoint in ClusterGenerator.Slice(service, endpoints).Endpoints)
            yield return endpoint.Address.ToString();
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
