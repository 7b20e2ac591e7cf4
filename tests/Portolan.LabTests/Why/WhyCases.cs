using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Portolan.LabTests.Why;

/// <summary>The broken nodes, one to a cause at least.</summary>
internal static class WhyCases
{
    private const string AtClusterIP = "shop/cart:main at 172.30.0.90:80", AtNodePort = "shop/cart:main at 192.168.0.2:30090",
        AtEveryNodePort = "shop/cart:main at *:30090",
        AtLoadBalancer = "shop/cart:main at 203.0.113.90:80";
    private const string Outside = "from outside the cluster", Pod = "from a pod (10.180.0.254)";
    private const string Iptables = "iptables nft modern linear";
    // What kube-proxy wrote with iptables-legacy when pod-2 was the endpoint, before its image was updated.
    private const string StaleRules = """
        *nat
        :KUBE-SERVICES - [0:0]
        :KUBE-POSTROUTING - [0:0]
        :KUBE-MARK-MASQ - [0:0]
        :KUBE-SVC-6YFVZ2ZSTP5GVMXL - [0:0]
        :KUBE-SEP-QD4NRUPX2WVGQAHC - [0:0]
        -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
        -A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
        -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
        -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
        -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
        -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
        -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE
        -A KUBE-SERVICES -d 172.30.0.90/32 -p tcp -m comment --comment "shop/cart:main cluster IP" --dport 80 -j KUBE-SVC-6YFVZ2ZSTP5GVMXL
        -A KUBE-SVC-6YFVZ2ZSTP5GVMXL ! -s 10.0.0.0/8 -d 172.30.0.90/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
        -A KUBE-SVC-6YFVZ2ZSTP5GVMXL -m comment --comment "shop/cart:main -> 10.180.0.102:8080" -j KUBE-SEP-QD4NRUPX2WVGQAHC
        -A KUBE-SEP-QD4NRUPX2WVGQAHC -s 10.180.0.102/32 -m comment --comment "shop/cart:main" -j KUBE-MARK-MASQ
        -A KUBE-SEP-QD4NRUPX2WVGQAHC -p tcp -m comment --comment "shop/cart:main" -m tcp -j DNAT --to-destination 10.180.0.102:8080
        COMMIT

        """;

    private const string NodePort = "192.168.0.2:30090";

    internal static ImmutableArray<WhyCase> All { get; } = [.. OfTheCluster(), .. OfOthersRules(), .. OfTheProxy(), .. OfEndpoints()];

    private static IEnumerable<WhyCase> OfTheCluster() =>
    [
        new("no slice names the service", "shop/cart --from pod MANIFESTS", $"{AtClusterIP} {Pod}: rejected", "no-slice",
            "no EndpointSlice names service shop/cart", "probably of Portolan")
        {
            Cluster = node => node.ServeFromNothing(),
            Client = "pod",
            Gets = "refused",
        },
        new("no endpoint is ready", "cart.shop.svc.cluster.local --from outside MANIFESTS", $"{AtClusterIP} {Outside}: rejected",
            "no-ready-endpoint", "none of the 1 endpoints of shop/cart is ready")
        {
            Variant = Iptables,
            Cluster = node => node.ServeFrom("10.180.0.101", changes: slice =>
            {
                JsonObject conditions = slice["endpoints"]![0]!["conditions"]!.AsObject();
                conditions["ready"] = false;
                conditions["serving"] = false;
            }),
            Gets = "refused",
        },
        new("the port's name differs", "172.30.0.90:80 --from pod MANIFESTS", $"{AtClusterIP} {Pod}: rejected", "port-name",
            "the service's port is named 'main', and the slices have 'http'")
        {
            Cluster = node => node.ServeFrom("10.180.0.101", changes: slice => slice["ports"]![0]!["name"] = "http"),
            Client = "pod",
            Gets = "refused",
        },
        new("the port's protocol differs", "shop/cart:main --from node MANIFESTS", $"{AtClusterIP} from this node: rejected",
            "port-protocol", "the service's port 'main' is tcp, and the slices have it as udp")
        {
            Cluster = node => node.ServeFrom("10.180.0.101", changes: slice => slice["ports"]![0]!["protocol"] = "UDP"),
            Client = "node",
            Gets = "refused",
        },
        new("policy Local without a local endpoint", "30090 --from outside", $"{AtNodePort} {Outside}: dropped", "no-local-endpoint",
            "externalTrafficPolicy is Local, and shop/cart:main has no endpoint on this node")
        {
            Cluster = node =>
            {
                node.Serve(new JsonObject { ["externalTrafficPolicy"] = "Local" });
                node.ServeFrom("10.180.0.101", node: "node-b");
            },
            Dials = NodePort,
            Gets = "no answer",
        },
        new("policy Local without a local endpoint, iptables", "203.0.113.90:80 --from outside", $"{AtLoadBalancer} {Outside}: dropped",
            "no-local-endpoint", "externalTrafficPolicy is Local, and shop/cart:main has no endpoint on this node",
            "probably of kube-proxy")
        {
            Variant = Iptables,
            Cluster = node =>
            {
                node.Serve(new JsonObject { ["externalTrafficPolicy"] = "Local" });
                node.ServeFrom("10.180.0.101", node: "node-b");
            },
            Dials = "203.0.113.90:80",
            Gets = "no answer",
        },
        new("the client is in no source range", "203.0.113.90:80 --from 192.168.0.100", $"{AtLoadBalancer} from 192.168.0.100: dropped",
            "source-not-allowed", "192.168.0.100 is in none of the service's loadBalancerSourceRanges (198.51.100.0/24)")
        {
            Cluster = node => node.Serve(new JsonObject { ["loadBalancerSourceRanges"] = new JsonArray("198.51.100.0/24") }),
            Dials = "203.0.113.90:80",
            Gets = "no answer",
        },
    ];

    private static IEnumerable<WhyCase> OfOthersRules() =>
    [
        // What the iptables service of RHEL and Oracle's images begins with.
        new("rejected at the end of FORWARD", "shop/cart --from pod", $"{AtClusterIP} {Pod}: rejected", "stopped-by-rule",
            "filter FORWARD rule 2 rejects it", "writer unknown")
        {
            Break = Restore("""
                *filter
                -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                -A FORWARD -j REJECT --reject-with icmp-host-prohibited
                COMMIT
                """),
            Client = "pod",
            Gets = "refused",
        },
        // firewalld with StrictForwardPorts: it does not let pass what others translate.
        new("rejected by firewalld", "shop/cart --from outside", $"{AtClusterIP} {Outside}: rejected", "stopped-by-rule",
            "firewalld filter_FORWARD rule 4 rejects it", "probably of firewalld")
        {
            Break = Nft("""
                table inet firewalld {
                  chain filter_FORWARD {
                    type filter hook forward priority filter + 10; policy accept;
                    ct state { established, related } accept
                    iifname "lo" accept
                    ct state invalid drop
                    reject with icmpx admin-prohibited
                  }
                }
                """),
            Gets = "refused",
        },
        new("dropped in Docker's chain", "30090 --from outside", $"{AtNodePort} {Outside}: dropped", "stopped-by-rule",
            "filter DOCKER-USER rule 1 drops it", "probably of Docker")
        {
            Break = Restore("""
                *filter
                :DOCKER - [0:0]
                :DOCKER-USER - [0:0]
                -A FORWARD -j DOCKER-USER
                -A FORWARD -o docker0 -j DOCKER
                -A DOCKER-USER ! -s 192.0.2.0/24 -i eth0 -j DROP
                -A DOCKER-USER -j RETURN
                COMMIT
                """),
            Dials = NodePort,
            Gets = "no answer",
        },
        new("dropped by the policy that Docker sets", "shop/cart --from pod", $"{AtClusterIP} {Pod}: dropped", "policy-drop",
            "the policy of filter FORWARD drops it", "probably of Docker")
        {
            Break = Restore("""
                *filter
                :FORWARD DROP [0:0]
                :DOCKER - [0:0]
                :DOCKER-USER - [0:0]
                :DOCKER-ISOLATION-STAGE-1 - [0:0]
                :DOCKER-ISOLATION-STAGE-2 - [0:0]
                -A FORWARD -j DOCKER-USER
                -A FORWARD -j DOCKER-ISOLATION-STAGE-1
                -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                -A FORWARD -o docker0 -j DOCKER
                -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
                -A FORWARD -i docker0 -o docker0 -j ACCEPT
                -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
                -A DOCKER-ISOLATION-STAGE-1 -j RETURN
                -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
                -A DOCKER-ISOLATION-STAGE-2 -j RETURN
                -A DOCKER-USER -j RETURN
                COMMIT
                """),
            Client = "pod",
            Gets = "no answer",
        },
        new("a hostPort takes the node port", "30090 --from outside", $"{AtEveryNodePort} {Outside}: goes elsewhere", "taken-earlier",
            "nat CNI-DN-5f3c0a1b rule 3 sends it to 10.180.0.102:8080 first", "probably of the CNI plug-in portmap (a pod's hostPort)")
        {
            Variant = Iptables,
            Break = Restore("""
                *nat
                :CNI-HOSTPORT-DNAT - [0:0]
                :CNI-HOSTPORT-SETMARK - [0:0]
                :CNI-HOSTPORT-MASQ - [0:0]
                :CNI-DN-5f3c0a1b - [0:0]
                -I PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
                -I OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
                -I POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
                -A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
                -A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
                -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"cbr0\"" -m multiport --dports 30090 -j CNI-DN-5f3c0a1b
                -A CNI-DN-5f3c0a1b -s 10.180.0.102/32 -p tcp -m tcp --dport 30090 -j CNI-HOSTPORT-SETMARK
                -A CNI-DN-5f3c0a1b -s 127.0.0.1/32 -p tcp -m tcp --dport 30090 -j CNI-HOSTPORT-SETMARK
                -A CNI-DN-5f3c0a1b -p tcp -m tcp --dport 30090 -j DNAT --to-destination 10.180.0.102:8080
                COMMIT
                """),
            Dials = NodePort,
            Gets = "pod-2",
        },
        new("a redirect takes the port", "shop/cart --from pod", $"{AtClusterIP} {Pod}: goes elsewhere", "taken-earlier",
            "nat PREROUTING rule 1 redirects it to port 15001 of this node first", "writer unknown")
        {
            Variant = Iptables,
            Break = Restore("*nat\n-I PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 15001\nCOMMIT"),
            Client = "pod",
            Gets = "refused",
        },
        new("NOTRACK keeps it from being translated", "shop/cart --from outside", $"{AtClusterIP} {Outside}: not translated", "untracked",
            "raw PREROUTING rule 1 says NOTRACK", "probably of NodeLocal DNSCache")
        {
            Break = Restore("*raw\n-A PREROUTING -d 172.30.0.90/32 -p tcp -m tcp --dport 80 -m comment --comment " +
                "\"NodeLocal DNS Cache: skip conntrack\" -j CT --notrack\nCOMMIT"),
            Gets = "no answer",
        },
        // A rule of a VPN's script that exempts private ranges from its own masquerading.
        new("an endpoint elsewhere answers the client itself", "30090 --from outside", $"{AtEveryNodePort} {Outside}: unanswered",
            "not-masqueraded", "nat POSTROUTING rule 1 accepts it before it is masqueraded", "writer unknown")
        {
            Variant = Iptables,
            Break = node =>
            {
                AnswerPastTheNode(node);
                return Restore("*nat\n-I POSTROUTING -d 10.0.0.0/8 -j ACCEPT\nCOMMIT")(node);
            },
            Dials = NodePort,
            Gets = "no answer",
        },
        new("the answer is dropped on its way back", "shop/cart --from outside", $"{AtClusterIP} {Outside}: unanswered", "reply-stopped",
            "the request arrives at 10.180.0.101:8080, but the policy of filter FORWARD drops the answer")
        {
            Break = Restore("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -d 10.180.0.0/24 -j ACCEPT\nCOMMIT"),
            Gets = "no answer",
        },
        new("a rule drops the answer of a service with policy Local", "203.0.113.90:80 --from outside",
            $"{AtLoadBalancer} {Outside}: unanswered", "reply-stopped",
            "the request arrives at 10.180.0.101:8080, but filter FORWARD rule 1 drops the answer")
        {
            Cluster = node => node.Serve(new JsonObject { ["externalTrafficPolicy"] = "Local" }),
            Break = Restore("*filter\n-A FORWARD -s 10.180.0.0/24 -p tcp -m tcp --sport 8080 -j DROP\nCOMMIT"),
            Dials = "203.0.113.90:80",
            Gets = "no answer",
        },
    ];

    private static IEnumerable<WhyCase> OfTheProxy() =>
    [
        new("the proxy's table is dormant", "shop/cart --from outside", $"{AtClusterIP} {Outside}: not translated", "table-dormant",
            "table portolan has the flag dormant")
        {
            Break = AfterTheProxy(node => node.Run("nft", "add table ip portolan { flags dormant; }")),
            Gets = "no answer",
        },
        new("no proxy runs", "shop/cart --from outside MANIFESTS", "shop/cart from anywhere: not translated", "no-proxy",
            "no rules of a service proxy are on this node")
        {
            HasProxy = false,
            Gets = "no answer",
        },
        new("the proxy does not follow the cluster", "shop/late --from outside MANIFESTS", "shop/late from anywhere: not translated",
            "not-programmed", "the cluster has shop/late, and no rule on this node knows it")
        {
            Break = AfterTheProxy(node => node.Serve(name: "late")),
            HealthyAnswer = null,
            Dials = "172.30.0.91:80",
            Gets = "no answer",
        },
        new("somebody flushed PREROUTING", "shop/cart --from outside", $"{AtClusterIP} {Outside}: not translated", "no-entry",
            "nothing at hook prerouting of table nat leads to KUBE-SERVICES")
        {
            Variant = Iptables,
            Break = AfterTheProxy(node => node.Run("iptables-nft", "-t nat -F PREROUTING")),
            Gets = "no answer",
        },
        new("somebody flushed the proxy's chain", "shop/cart --from pod", $"{AtClusterIP} {Pod}: not translated", "no-entry",
            "nothing at hook prerouting of table portolan leads to services")
        {
            Break = AfterTheProxy(node => node.Run("nft", "flush chain ip portolan prerouting")),
            Client = "pod",
            Gets = "no answer",
        },
        new("a pod is sent to itself without masquerading", "shop/cart --from 10.180.0.101",
            "shop/cart:main at 172.30.0.90:80 from 10.180.0.101: unanswered", "hairpin",
            "the pod is sent to itself (10.180.0.101:8080) with its own address as the source", "nat POSTROUTING rule 1")
        {
            Variant = Iptables,
            Break = Restore("*nat\n-I POSTROUTING -s 10.180.0.0/24 -d 10.180.0.0/24 -j ACCEPT\nCOMMIT"),
            Client = "pod-1",
            Gets = "no answer",
        },
        new("a pod is sent to itself, and the masquerading is flushed", "shop/cart --from 10.180.0.101",
            "shop/cart:main at 172.30.0.90:80 from 10.180.0.101: unanswered", "hairpin",
            "the pod is sent to itself (10.180.0.101:8080) with its own address as the source")
        {
            ListedAs = "not-masqueraded",
            Break = AfterTheProxy(node => node.Run("nft", "flush chain ip portolan postrouting")),
            Client = "pod-1",
            Gets = "no answer",
        },
        new("the node port is not open at the address", "192.168.0.2:30090 --from outside",
            "shop/cart:main at 192.168.0.2:30090 from outside the cluster: not translated", "node-port-address",
            "node ports are not served at 192.168.0.2, but at 10.180.0.1")
        {
            ListedAs = null,
            Configuration = new JsonObject { ["nodePortAddresses"] = new JsonArray("10.180.0.0/24") },
            Dials = NodePort,
            Gets = "refused",
        },
        new("the node port is not open at the address, iptables", "192.168.0.2:30090 --from outside",
            "shop/cart:main at 192.168.0.2:30090 from outside the cluster: not translated", "node-port-address",
            "node ports are not served at 192.168.0.2, but at 10.180.0.1")
        {
            ListedAs = null,
            Variant = Iptables,
            Configuration = new JsonObject { ["nodePortAddresses"] = new JsonArray("10.180.0.0/24") },
            Dials = NodePort,
            Gets = "refused",
        },
        new("stale legacy rules beside those of nf_tables", "shop/cart --from outside",
            $"{AtClusterIP} {Outside}: served by two back-ends", "stale-back-end",
            "two back-ends have rules for it: iptables (", ") sends it to 10.180.0.10", "10.180.0.101:8080", "10.180.0.102:8080",
            "iptables (nft)", "iptables (legacy)")
        {
            Variant = Iptables,
            Break = AfterTheProxy(node => node.Run("iptables-legacy-restore", "", StaleRules)),
            Gets = "pod-2",
        },
        new("stale legacy rules beside mode nftables", "shop/cart --from outside --node node-a MANIFESTS",
            $"{AtClusterIP} {Outside}: served by two back-ends", "stale-back-end", "Portolan's table",
            "iptables (legacy) is stale: the slices")
        {
            Break = AfterTheProxy(node => node.Run("iptables-legacy-restore", "", StaleRules)),
            Gets = "pod-2",
        },
    ];

    private static IEnumerable<WhyCase> OfEndpoints() =>
    [
        new("nobody has the endpoint's address", "shop/cart --from pod", $"{AtClusterIP} {Pod}: unanswered", "endpoint-silent",
            "endpoint 10.180.0.150:8080 does not answer", "neighbour FAILED")
        {
            Cluster = node => node.ServeFrom("10.180.0.150"),
            Client = "pod",
            // At once the kernel still tries; after three requests it reports the host as unreachable.
            Gets = "refused",
        },
        new("the endpoint is silent", "shop/cart --from outside", $"{AtClusterIP} {Outside}: unanswered", "endpoint-silent",
            "endpoint 10.180.0.101:8080", "UNREPLIED")
        {
            Break = node =>
            {
                BrokenNode.RunIn(node.Box.Pod("pod-1"), "nft", "-f -",
                    "table inet mine { chain input { type filter hook input priority 0; tcp dport 8080 drop; }; }");
                return Task.CompletedTask;
            },
            Gets = "no answer",
        },
        new("nothing listens in the pod", "shop/cart --from pod", $"{AtClusterIP} {Pod}: refused by the endpoint", "endpoint-refuses",
            "endpoint 10.180.0.101:9999 refused a connection of this node")
        {
            Cluster = node => node.ServeFrom("10.180.0.101", 9999),
            Client = "pod",
            Gets = "refused",
        },
    ];

    private static Func<BrokenNode, Task> Restore(string rules) => node =>
    {
        node.Run("iptables-nft-restore", "--noflush", rules + "\n");
        return Task.CompletedTask;
    };

    private static Func<BrokenNode, Task> Nft(string rules) => node =>
    {
        node.Run("nft", "-f -", rules + "\n");
        return Task.CompletedTask;
    };

    private static Func<BrokenNode, Task> AfterTheProxy(Action<BrokenNode> breakIt) => node =>
    {
        node.StopProxy();
        breakIt(node);
        return Task.CompletedTask;
    };

    // As from another node: the pod has a path of its own to the client.
    private static void AnswerPastTheNode(BrokenNode node)
    {
        node.Box.Client.SetSysctl("net.ipv4.conf.all.rp_filter", "0");
        node.Box.Pod("pod-1").Ip(string.Create(CultureInfo.InvariantCulture, $"""
            link add eth1 type veth peer name eth1 netns {node.Box.Client.Path}
            link set eth1 up

            """));
        node.Box.Client.Ip("link set eth1 up\n");
        node.Box.Client.SetSysctl("net.ipv4.conf.eth1.rp_filter", "0");
        node.Box.Pod("pod-1").Ip("route add 192.168.0.100/32 dev eth1\n");
    }
}
