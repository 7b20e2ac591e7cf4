using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Bench;

/// <summary>
/// The generated cluster's rules in the layouts kube-proxy writes, for a packet to walk through beside ours: nftables with a verdict map
/// and a chain and map per service, iptables with a rule per service in KUBE-SERVICES.
/// </summary>
internal static class KubeProxyLayout
{
    /// <summary>Services that <see cref="WriteNfTables"/> has besides the plain ones, each with a cluster IP of its own.</summary>
    internal static ImmutableArray<SpecialService> Specials { get; } =
    [
        new("node-port", "172.31.0.1", 0x0A40_0001, Endpoints: 5, NodePort: 30080),
        new("affinity", "172.31.0.2", 0x0A40_0101, Endpoints: 5, HasAffinity: true),
        new("hundred", "172.31.0.3", 0x0A40_0201, Endpoints: 100),
    ];

    /// <summary>All that kube-proxy v1.36 writes for such a cluster, as its dumps show it.</summary>
    /// <param name="output">What nft -f reads.</param>
    /// <param name="services">Number of plain services.</param>
    /// <param name="endpoints">Endpoints of each.</param>
    /// <param name="nodeAddress">The address that takes NodePort traffic.</param>
    internal static void WriteNfTables(TextWriter output, int services, int endpoints, string nodeAddress)
    {
        output.WriteLine($$"""
            table ip kube-proxy {
              set hairpin-connections { type ipv4_addr . ipv4_addr . inet_proto . inet_service; }
              set cluster-ips { type ipv4_addr; }
              set nodeport-ips { type ipv4_addr; elements = { {{nodeAddress}} }; }
              map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
              map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
              map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
              map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
              map service-nodeports { type inet_proto . inet_service : verdict; }
              chain nodeport-endpoints-check { ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports; }
              chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
              chain firewall-check { ip daddr . meta l4proto . th dport vmap @firewall-ips; }
              chain cluster-ips-check {
                ip daddr @cluster-ips reject
                ip daddr { 172.16.0.0/12 } drop
              }
              chain services {
                ip daddr @cluster-ips ip saddr != 10.0.0.0/8 meta mark set meta mark | 0x00004000
                ip daddr . meta l4proto . th dport vmap @service-ips
                ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
              }
              chain masquerading {
                meta mark & 0x00004000 != 0 meta mark set meta mark ^ 0x00004000 masquerade fully-random
                ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random
              }
              chain filter-prerouting-pre-dnat { type filter hook prerouting priority -110; ct state new jump firewall-check; }
              chain filter-output-pre-dnat { type filter hook output priority -110; ct state new jump firewall-check; }
              chain filter-input {
                type filter hook input priority filter;
                ct state new jump nodeport-endpoints-check
                ct state new jump service-endpoints-check
              }
              chain filter-forward {
                type filter hook forward priority filter;
                ct state new jump service-endpoints-check
                ct state new jump cluster-ips-check
              }
              chain filter-output {
                type filter hook output priority filter;
                ct state new jump service-endpoints-check
                ct state new jump cluster-ips-check
              }
              chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
              chain nat-output { type nat hook output priority -100; jump services; }
              chain nat-postrouting { type nat hook postrouting priority srcnat; jump masquerading; }
            """);
        List<string> clusterIPs = [], frontends = [], nodePorts = [];
        void Serve(string name, string clusterIP, string[] addresses, bool hasAffinity)
        {
            string Map(Func<string, string> to) =>
                string.Join(", ", addresses.Select((address, index) => $"{Number(index)} : {to(address)}"));
            if (hasAffinity)
            {
                foreach (string address in addresses)
                {
                    output.WriteLine($"  set affinity-{name}__{address} {{ type ipv4_addr; size 65535; flags dynamic,timeout; " +
                        $"timeout 3h; }}");
                    output.WriteLine($"  chain endpoint-{name}__{address} {{ update @affinity-{name}__{address} {{ ip saddr }}; " +
                        $"meta l4proto tcp dnat to {address}:8080; }}");
                }
                output.WriteLine($"  chain service-{name} {{");
                foreach (string address in addresses)
                    output.WriteLine($"    ip saddr @affinity-{name}__{address} goto endpoint-{name}__{address}");
                output.WriteLine($"    numgen random mod {Number(addresses.Length)} vmap {{ " +
                    $"{Map(to => $"goto endpoint-{name}__{to}")} }}; }}");
            }
            else
            {
                output.WriteLine($"  chain service-{name} {{ meta l4proto tcp dnat ip to numgen random mod {Number(addresses.Length)} " +
                    $"map {{ {Map(static to => $"{to} . 8080")} }}; }}");
            }
            clusterIPs.Add(clusterIP);
            frontends.Add($"{clusterIP} . tcp . 80 : goto service-{name}");
        }
        for (int i = 0; i < services; i++)
            Serve(Number(i), ClusterGenerator.Address(i).ToString(), [.. Endpoints(i, endpoints)], hasAffinity: false);
        foreach (SpecialService special in Specials)
        {
            Serve(special.Name, special.ClusterIP, [.. special.Addresses], special.HasAffinity);
            if (special.NodePort == 0)
                continue;
            output.WriteLine($"  chain external-{special.Name} {{ meta mark set meta mark | 0x00004000; goto service-{special.Name}; }}");
            nodePorts.Add($"tcp . {Number(special.NodePort)} : goto external-{special.Name}");
        }
        output.WriteLine("}");
        foreach ((string set, List<string> elements) in ((string, List<string>)[])
            [("cluster-ips", clusterIPs), ("service-ips", frontends), ("service-nodeports", nodePorts)])
        {
            foreach (string[] some in elements.Chunk(1000))
                output.WriteLine($"add element ip kube-proxy {set} {{ {string.Join(", ", some)} }}");
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

/// <summary>A service of a kind of its own, for a packet to meet it among many plain ones.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ClusterIP">Its cluster IP; port 80.</param>
/// <param name="FirstEndpoint">The address of its first endpoint; the others follow it.</param>
/// <param name="Endpoints">Number of endpoints.</param>
/// <param name="NodePort">Its node port, 0 for none.</param>
/// <param name="HasAffinity">Whether clients stay with their endpoints for three hours.</param>
internal sealed record SpecialService(string Name, string ClusterIP, uint FirstEndpoint, int Endpoints, int NodePort = 0,
    bool HasAffinity = false)
{
    /// <summary>The endpoints' addresses.</summary>
    internal IEnumerable<string> Addresses =>
        Enumerable.Range(0, Endpoints).Select(index => InetAddress.FromIPv4(FirstEndpoint + (uint)index).ToString());
}
