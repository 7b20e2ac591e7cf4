using System.Text.Json;

namespace Portolan.Tests;

/// <summary>
/// Inputs of the kinds that operators post when a service does not answer (tests/data/pastes): every command says of them what is right,
/// and
/// nothing that is not.
/// </summary>
public sealed class PasteTests : IDisposable
{
    private readonly ChartRun _run = new();

    public static TheoryData<string> All =>
        [.. Directory.EnumerateFiles(Path.Combine(ChartRun.Data, "pastes"), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Path.Combine(ChartRun.Data, "pastes"), file)).Order(StringComparer.Ordinal)];

    public void Dispose() => _run.Dispose();

    [Theory]
    [MemberData(nameof(All))]
    public void No_probability_is_above_one_and_nothing_is_an_internal_error(string paste)
    {
        foreach (string[] command in (string[][])[["check", "--json"], ["trace", "--src", "203.0.113.9", "--dst", "10.0.0.7", "--json"]])
        {
            Outcome outcome = Run(paste, command);
            Assert.InRange(outcome.Status, 0, 3);
            Assert.DoesNotContain("defect in portolan", outcome.Errors, StringComparison.Ordinal);
            if (outcome.Output.Length == 0)
                continue;
            using JsonDocument json = JsonDocument.Parse(outcome.Output);
            if (json.RootElement.TryGetProperty("outcomes", out JsonElement outcomes))
                Assert.Equal(1, outcomes.EnumerateArray().Sum(CheckedProbability), 6);
        }
    }

    [Theory]
    [InlineData("01-shares-oneline.txt")]
    [InlineData("01b-shares-backticks.txt")]
    [InlineData("forms/34.txt")]
    public void Five_equal_shares_and_the_last_rule_without_a_figure_takes_the_rest(string paste)
    {
        Outcome services = Run(paste, "services");
        AssertRow(services, "shop/web", "tcp", "5", "1/5");
        Outcome explain = Run(paste, "explain", "shop/web");
        AssertSays(explain, "The input does not show which packets come to KUBE-SVC-AAAASHOPWEB00001: the path begins there",
            "0.25000000000  80 %         1/5      KUBE-SEP-AAAA000000000002", "The last rule has no probability: it takes all that is " +
                "left.",
            "The destination becomes one of 5 endpoints, whose addresses are not in the input.");
        AssertSaysNot(explain, "No rule translates", "no rule matches");
    }

    [Fact]
    public void P02_pods_and_the_node_come_to_the_service_and_everybody_else_to_the_drop_mark()
    {
        const string paste = "02-xlb-local-nvL-prompts.txt";
        AssertSays(Run(paste, "services"), "node *:31811 (dropped: none on this node)", "externalTrafficPolicy Local");
        AssertSays(Run(paste, "explain", "tools/edge-controller", "--from", "outside"),
            "nat KUBE-XLB-EDGE000000000001 rule 4", "which marks it to be dropped",
            "Why: externalTrafficPolicy is Local and tools/edge-controller:http has no endpoint on this node.");
        AssertSays(Run(paste, "explain", "tools/edge-controller", "--from", "node"), "KUBE-SVC-EDGE000000000001");
        AssertSays(Run(paste, "explain", "tools/edge-controller", "--from", "pod"), "source 10.25.0.0/16", "KUBE-SVC-EDGE000000000001");
        // The two rows that grep left without their chain's header are used, and this is reported.
        AssertSays(Run(paste, "rules", "--all"), "KUBE-NODEPORTS");
        Assert.Contains("without their chain's header", Run(paste, "services").Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void P03_local_sources_go_to_the_service_chain_and_others_to_the_local_endpoint()
    {
        const string paste = "03-xlb-udp-counters.txt";
        Assert.Contains("assumed to be nat", Run(paste, "services").Errors, StringComparison.Ordinal);
        AssertRow(Run(paste, "services"), "mon/statsd:dog", "udp", "3", "1/3");
        AssertSays(Run(paste, "explain", "mon/statsd", "--from", "outside"), "nat KUBE-XLB-STATSD0000000001 rule 3",
            "KUBE-SEP-STATSD0000000011");
        AssertSays(Run(paste, "explain", "mon/statsd", "--from", "node"), "nat KUBE-XLB-STATSD0000000001 rule 2",
            "KUBE-SVC-STATSD0000000001");
    }

    [Fact]
    public void P04_the_host_port_takes_what_is_for_the_load_balancer_and_not_what_is_for_the_cluster_ip()
    {
        const string paste = "04-hostport-before-services.txt";
        Outcome check = Run(paste, "check", "--local-address", "203.0.113.50");
        AssertSays(check, "error: shop/front:http: answered-by-other-rule", "203.0.113.50:80", "10.4.1.5:80", "portmap");
        AssertSaysNot(check, "10.0.9.9:80");
        AssertSaysNot(Run(paste, "check"), "10.0.9.9:80");
        Outcome services = Run(paste, "services", "shop/front", "--local-address", "203.0.113.50");
        AssertSays(services, "lb 203.0.113.50:80 (but nat CNI-DN-0a1b2c3d4e5f60718293a rule 3 sends it to 10.4.1.5:80 first)",
            "10.4.1.20:8080");
        AssertSaysNot(services, "cluster 10.0.9.9:80 (but");
        // The pod of the host port is no endpoint of the service.
        Assert.DoesNotContain("10.4.1.5:80   ", services.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void P06_flannels_rule_masquerades_and_not_kube_proxys()
    {
        Outcome trace = Run("06-flannel-masq-local.txt", "trace", "--src", "198.51.100.9", "--dst", "192.0.2.7", "--local-address",
            "192.0.2.7", "--proto", "udp", "--dport", "31813");
        AssertSays(trace, "forwarded to 10.4.59.7:1813, masqueraded", "nat POSTROUTING 5:");
        AssertSays(Run("06-flannel-masq-local.txt", "explain", "net/radius", "--from", "outside"), "by nat POSTROUTING rule 5");
    }

    [Fact]
    public void P07_the_policy_drops_what_does_not_come_in_by_docker0()
    {
        const string paste = "07-docker-forward-drop.txt";
        AssertRow(Run(paste, "services"), "tv/site:http", "tcp", "1", "1");
        Outcome check = Run(paste, "check");
        AssertSays(check, "tv/site:http: stopped-on-the-way", "The policy of filter FORWARD (DROP) drops what pods send to tv/site:http",
            "if it does not come in via docker0", "Docker");
        Outcome explain = Run(paste, "explain", "tv/site", "--from", "pod");
        AssertSays(explain, "These are the steps if it comes in via docker0.", "The destination becomes 10.50.2.9:8080.",
            "If it does not come in via docker0: the packet is dropped by the policy of filter FORWARD");
        AssertSaysNot(explain, "one of 2 endpoints", "one of 3 endpoints");
    }

    [Fact]
    public void P08_the_reject_stands_before_the_accepts()
    {
        const string paste = "08-firewalld-reject-forward.txt";
        AssertSays(Run(paste, "check"), "rule 14 of FORWARD, which rejects the packet (host prohibited), takes every one",
            "generated for MicroK8s pods");
        AssertSays(Run(paste, "trace", "--src", "10.1.3.4", "--dst", "8.8.8.8", "--dport", "53", "--in", "cali0", "--out", "eth0"),
            "100 %  rejected on the way to 8.8.8.8:53 (host prohibited), by filter FORWARD rule 14", "--local-address 8.8.8.8");
    }

    [Fact]
    public void P10_the_nat_table_is_never_asked_about_the_node_cache()
    {
        const string paste = "10-nodelocaldns.txt";
        AssertSays(Run(paste, "services"), "cluster 10.96.0.10:53 (but raw PREROUTING rule 1 says NOTRACK: it is not translated, and the " +
            "endpoints are not used)");
        AssertSays(Run(paste, "trace", "--src", "10.244.1.7", "--dst", "10.96.0.10", "--proto", "udp", "--dport", "53", "--local-address",
            "10.96.0.10"), "100 %  delivered to this node at 10.96.0.10:53", "raw PREROUTING 1:");
        AssertSays(Run(paste, "check"), "untracked-frontend", "NodeLocal DNSCache");
    }

    [Fact]
    public void P11_the_headline_says_that_the_source_becomes_the_interfaces_address()
    {
        AssertSays(Run("11-aws-vpc-cni.txt", "trace", "--src", "10.20.1.77", "--dst", "8.8.8.8", "--dport", "443", "--in", "eni1", "--out",
            "eth0"), "100 %  leaves to 8.8.8.8:443, its source becomes 10.20.1.205", "nat AWS-SNAT-CHAIN-1 1:");
    }

    [Fact]
    public void P12_the_chain_that_stands_before_masquerades()
    {
        Outcome trace = Run("12-ip-masq-agent-nL.txt", "trace", "--src", "10.32.4.9", "--dst", "8.8.8.8", "--dport", "443");
        AssertSays(trace, "100 %  leaves to 8.8.8.8:443, masqueraded", "nat IP-MASQ 3:");
        AssertSaysNot(trace, "nat IP-MASQ-AGENT 3:");
    }

    [Fact]
    public void P15_ipvs_mode_is_recognised_and_its_sets_are_shown()
    {
        string[] both = ["--rules", Paste("15-ipvs-ipset.txt")];
        const string paste = "15-ipvs-hostport.txt";
        AssertSays(Run("15-ipvs-ipset.txt", "services"), "kube-proxy in ipvs mode", "cluster 10.233.0.3:53", "node *:30443",
            "lb 198.51.100.99:443");
        AssertSays(Run(paste, ["services"]), "kube-proxy in ipvs mode", "'ipset save' does");
        Outcome cluster = Run(paste, ["trace", "--src", "10.233.75.20", "--dst", "10.233.0.3", "--proto", "udp", "--dport", "53", .. both]);
        AssertSays(cluster, "IPVS takes the packet at 10.233.0.3:53");
        AssertSaysNot(cluster, "delivered to this node");
        AssertSays(Run(paste, ["trace", "--src", "203.0.113.9", "--dst", "198.51.100.99", "--dport", "443", .. both]),
            "100 %  reaches 10.233.75.9:443", "nat CNI-HOSTPORT-DNAT 1:");
        AssertSaysNot(Run(paste, ["check", .. both]), "somebody removed", "KUBE-FIREWALL: unused-chain");
    }

    [Fact]
    public void P16_the_pods_traffic_is_redirected_to_15001()
    {
        AssertSays(Run("16-istio-pod-Sv.txt", "trace", "--src", "10.244.1.7", "--dst", "10.96.4.4", "--dport", "80", "--from-node", "--uid",
            "1000", "--gid", "1000", "--out", "eth0", "--local-address", "10.244.1.7"), "127.0.0.1:15001", "nat ISTIO_REDIRECT 1:");
    }

    [Fact]
    public void P17_what_nft_prints_of_iptables_rules_is_read_as_those()
    {
        const string paste = "17-kind-nft-docker-dns.txt";
        Outcome services = Run(paste, "services");
        AssertRow(services, "KUBE-SVC-HELLO00000000001", "tcp", "2", "1/2");
        AssertSays(services, "cluster 10.96.55.5:80, node *:30100");
        AssertSays(Run(paste, "trace", "--src", "10.244.1.9", "--dst", "10.96.55.5", "--dport", "80"), "50 %  forwarded to 10.244.1.3:8080",
            "50 %  forwarded to 10.244.2.3:8080");
        AssertSays(Run(paste, "explain", "KUBE-SVC-HELLO00000000001", "--from", "pod"), "The destination becomes one of 2 endpoints");
        AssertSaysNot(Run(paste, "check"), "shadowed-rule");
    }

    [Fact]
    public void P17b_a_match_whose_content_nft_does_not_print_is_unknown()
    {
        const string paste = "17b-nft-xt.txt";
        AssertRow(Run(paste, "services"), "KUBE-SVC-HELLO00000000001", "tcp", "2", "unknown");
        AssertSays(Run(paste, "trace", "--src", "10.244.1.9", "--dst", "10.96.55.5", "--dport", "80"), "100 %  unknown:");
        AssertSaysNot(Run(paste, "check"), "takes every one");
    }

    [Fact]
    public void P18_two_back_ends_serve_one_service_and_one_is_stale()
    {
        Outcome check = Run("18-two-backends.txt", "check");
        AssertSays(check, "IPv4: two-backends", "shop/backend:http: answered-by-other-rule", "10.9.2.11:8080");
        AssertSays(Run("18-two-backends.txt", "services"), "KUBE-SEP-OLDPOD0000000001 rule 1 sends it to 10.9.2.11:8080 first");
    }

    [Fact]
    public void P20_userspace_mode_is_named_with_the_port_it_redirects_to()
    {
        AssertSays(Run("20-userspace-2015.txt", "services", "default/admin"), "cluster 10.0.88.8:80", "node *:30313",
            "port 50196 of kube-proxy on this node", "userspace mode");
    }

    [Fact]
    public void P22_firewalld_rejects_what_pods_send_each_other()
    {
        AssertSays(Run("22-nft-kubeproxy-firewalld.txt", "check"), "pods-cut-off", "firewalld filter_FORWARD", "rejects what pods send");
    }

    [Fact]
    public void P26_who_is_in_no_range_is_marked_to_be_dropped()
    {
        Outcome trace = Run("26-lb-source-ranges.txt", "trace", "--src", "198.51.100.9", "--dst", "172.42.42.100", "--dport", "5678");
        AssertSays(trace, "marked 0x8000 to be dropped", "is not in the input");
        AssertSaysNot(trace, "leaves untranslated", "%  leaves");
    }

    [Fact]
    public void P28_the_node_port_is_rejected_for_want_of_endpoints()
    {
        AssertSays(Run("28-nodeport-rejected-though-endpoints.txt", "services"), "node *:31218 (rejected: no endpoints)");
        AssertSays(Run("28-nodeport-rejected-though-endpoints.txt", "explain", "ops/bad-srv", "--from", "outside"),
            "Why: ops/bad-srv:mgmt has no usable endpoint.");
    }

    [Fact]
    public void P30_the_rules_behind_the_one_without_a_condition_are_never_reached()
    {
        const string paste = "30-unequal-leftover.txt";
        AssertSays(Run(paste, "check"), "KUBE-SVC-MEM0000000000001 rule 4", "shadowed-rule", "10.244.3.4:8080 gets 0 %");
        AssertSays(Run(paste, "services", "default/memory-service"), "10.244.3.4:8080  0 ");
        AssertSays(Run(paste, "explain", "default/memory-service", "--from", "outside"), "10.244.3.4:8080 gets nothing");
    }

    [Fact]
    public void P37_a_pod_that_dials_itself_needs_the_mark_of_its_own_chain()
    {
        Outcome trace = Run("37-hairpin-egrep.txt", "trace", "--src", "172.17.0.2", "--dst", "10.0.0.25", "--dport", "80");
        AssertSays(trace, "nat KUBE-SEP-SELF0000000001AB 1:", "marked 0x4000 to be masqueraded", "without PREROUTING, OUTPUT, POSTROUTING");
    }

    [Theory]
    [InlineData("forms/24-indent.txt", "indentation was removed")]
    [InlineData("forms/24-grep-n.txt", "line numbers were removed")]
    [InlineData("forms/24-commands.txt", "commands that add rules")]
    [InlineData("forms/24-html.txt", "HTML entities")]
    [InlineData("forms/24-wrapped.txt", "wrapped lines were joined")]
    [InlineData("forms/24-grep.txt", "assumed to be nat")]
    public void Every_form_of_a_paste_is_read_as_what_it_is(string paste, string said)
    {
        Outcome services = Run(paste, "services");
        AssertRow(services, "net/radius:acct", "udp", "1", "1");
        AssertSays(services, "cluster 10.3.0.77:1813, node *:31813", "externalTrafficPolicy Local");
        Assert.Single(services.Errors.Split('\n'), line => line.Contains(said, StringComparison.Ordinal));
        Assert.DoesNotContain("not understood", services.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_a_listing_without_their_chains_are_given_them_back()
    {
        AssertRow(Run("forms/35-nL-grep.txt", "services"), "shop/web:http", "tcp", "3", "1/3");
        AssertSays(Run("forms/35-nL-grep.txt", "services", "shop/web"), "cluster 172.30.10.1:80", "10.244.3.10:8080");
    }

    [Fact]
    public void An_indented_listing_of_nft_is_read()
    {
        AssertRow(Run("forms/35-nft-indent.txt", "services"), "shop/web:http", "tcp", "3", "1/3");
    }

    [Fact]
    public void An_excerpt_with_the_entry_chain_alone_begins_there_and_says_so()
    {
        AssertRow(Run("forms/35b.txt", "services"), "shop/web:http", "tcp", "3", "1/3");
        AssertSays(Run("forms/35b.txt", "explain", "shop/web", "--from", "outside"), "The destination becomes one of 3 endpoints",
            "without PREROUTING");
    }

    [Fact]
    public void One_endpoint_is_one_and_the_interface_decides()
    {
        Outcome explain = Run("forms/min-explain.txt", "explain", "tv/site", "--from", "outside");
        AssertSays(explain, "it comes in via docker0", "The destination becomes 10.50.2.9:8080.",
            "does not come in via docker0: the packet is dropped by the policy of filter FORWARD");
        AssertSaysNot(explain, "one of 2 endpoints");
    }

    [Fact]
    public void An_accept_whose_interface_the_listing_hides_is_not_taken_for_all()
    {
        AssertSaysNot(Run("forms/min-shadow.txt", "check"), "takes every one", "Remove it");
        AssertSays(Run("forms/min-shadow.txt", "trace", "--src", "203.0.113.9", "--dst", "192.0.2.7", "--dport", "22", "--local-address",
            "192.0.2.7"), "100 %  unknown: whether filter INPUT rule 1", "rejected on the way");
    }

    [Fact]
    public void An_unprinted_match_is_unknown_and_not_unconditional()
    {
        AssertSaysNot(Run("forms/min-xt.txt", "check"), "takes every one", "shadowed-rule");
    }

    [Fact]
    public void Without_the_filter_table_it_is_unknown_what_is_dropped()
    {
        Outcome services = Run("forms/nat-only.txt", "services");
        AssertSays(services, "node *:30031 (unknown), lb 172.6.6.6:443 (unknown)", "The input does not show table filter");
        AssertSaysNot(services, "passes untouched");
        AssertSays(Run("forms/nat-only.txt", "check"), "The input does not show table filter");
        AssertSays(Run("forms/nat-only.txt", "trace", "--src", "203.0.113.9", "--dst", "172.30.10.1", "--dport", "80"),
            "The input does not show table filter");
    }

    [Theory]
    [InlineData("forms/nft-of-ipt.txt")]
    [InlineData("forms/nft-of-ipt.json")]
    public void The_services_of_iptables_rules_are_found_in_what_nft_lists(string paste)
    {
        string[] Chains(string file)
        {
            using JsonDocument json = JsonDocument.Parse(Run(file, "services", "--json").Output);
            return [.. json.RootElement.GetProperty("services").EnumerateArray().Select(service => service.GetProperty("id").GetString()!)
                .Order(StringComparer.Ordinal)];
        }

        Assert.Equal(Chains("forms/nat-only.txt"), Chains(paste));
        if (paste.EndsWith(".txt", StringComparison.Ordinal))
            AssertSays(Run(paste, "services"), "172.30.5.207:443", "1/7");
        AssertSaysNot(Run(paste, "check"), "shadowed-rule", "unequal-shares");
    }

    private static double CheckedProbability(JsonElement outcome)
    {
        double probability = outcome.GetProperty("probability").GetDouble();
        Assert.InRange(probability, 0, 1);
        if (outcome.TryGetProperty("candidates", out JsonElement candidates))
        {
            foreach (JsonElement candidate in candidates.EnumerateArray())
                CheckedProbability(candidate);
        }
        return probability;
    }

    private static string Paste(string name) => Path.Combine(ChartRun.Data, "pastes", name);

    private Outcome Run(string paste, params string[] command) => _run.Run([.. command, "--rules", Paste(paste)]);

    private static void AssertSays(Outcome outcome, params string[] texts) =>
        Assert.All(texts, text => Assert.Contains(text, outcome.Output, StringComparison.Ordinal));

    private static void AssertSaysNot(Outcome outcome, params string[] texts) =>
        Assert.All(texts, text => Assert.DoesNotContain(text, outcome.Output, StringComparison.Ordinal));

    /// <summary>A line with the cells in this order.</summary>
    private static void AssertRow(Outcome outcome, params string[] cells) =>
        Assert.Contains(outcome.Output.Split('\n'), line =>
        {
            int from = 0;
            string[] words = line.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return cells.All(cell => (from = Array.IndexOf(words, cell, from) + 1) > 0);
        });
}
