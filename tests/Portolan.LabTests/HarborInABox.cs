using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>
/// node-a of the cluster in tests/data/harbor with living endpoints behind shop/web (a cluster IP) and shop/cart (a NodePort), so that
/// rules that kube-proxy wrote there lead somewhere, and portolan to take over from them.
/// </summary>
internal sealed class HarborInABox : IDisposable
{
    private static readonly string s_folder = Path.Combine(Lab.TestFolder, "data", "harbor");
    private static readonly IPEndPoint s_clusterIP = new(IPAddress.Parse("172.30.10.1"), 80);
    private static readonly IPEndPoint s_nodePort = new(AddressPlan.Harbor.NodeV4.ToIPAddress(), 30080);

    private static readonly TimeSpan s_patience = LabPatience.Factor * TimeSpan.FromSeconds(30);

    private readonly PortolanProxy _proxy;

    public HarborInABox()
    {
        Box = new NodeInABox(AddressPlan.Harbor);
        var pods = new JsonObject { ["clusterCIDR"] = "10.244.0.0/16,fd00:244::/48" };
        _proxy = new PortolanProxy(Lab.RequirePortolan(), NodeInABox.NodeName, pods);
        File.Copy(Path.Combine(s_folder, "cluster.yaml"), Path.Combine(_proxy.Manifests.Path, "cluster.yaml"));
    }

    public NodeInABox Box { get; }

    private NetworkNamespace Node => Box.Node;

    /// <summary>Puts rules in force: kube-proxy's from a dump, or those of a portolan that runs until they are complete.</summary>
    /// <param name="rules">
    /// "kube-proxy-1.36 nftables", "kube-proxy-1.20 legacy", "kube-proxy-1.36 ipvs nft" and the like, or a <see cref="ProxyVariant"/>.
    /// </param>
    public async Task PutInForceAsync(string rules)
    {
        if (!rules.StartsWith("kube-proxy-", StringComparison.Ordinal))
        {
            await TakeOverAsync(ProxyVariant.Parse(rules));
            _proxy.Stop(kill: false);
            return;
        }
        string[] words = rules.Split(' ');
        if (words[1] == "ipvs")
        {
            KubeProxyInIpvsMode.PutInForce(Node, words[2]);
            return;
        }
        string folder = Path.Combine(s_folder, words[0]);
        (string Loader, string File)[] dumps = words[1] == "nftables"
            ? [("nft", "nft-list-ruleset.txt")]
            : [($"iptables-{words[1]}-restore", "iptables-save.txt"), ($"ip6tables-{words[1]}-restore", "ip6tables-save.txt")];
        new LoadedRules([.. dumps.Select(dump => (dump.Loader, File: Path.Combine(folder, dump.File)))
            .Where(static dump => File.Exists(dump.File))
            .Select(static dump => (dump.Loader, File.ReadAllText(dump.File)))]).Load(Node);
    }

    /// <summary>Starts portolan and waits until its rules are in force and no others are left.</summary>
    public async Task TakeOverAsync(ProxyVariant variant)
    {
        _proxy.Variant = variant;
        _proxy.Start(Node, variant.Mode);
        string? fault = "nothing was looked at";
        long started = Stopwatch.GetTimestamp();
        while (fault is not null && Stopwatch.GetElapsedTime(started) < s_patience)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200));
            fault = Node.Run(() => FindFault(variant));
            if (fault is null && variant.Mode == ProxyMode.Ipvs && KubeProxyInIpvsMode.Find(Node) is { Length: > 0 } left)
                fault = $"kube-proxy's are left: {left}";
        }
        if (fault is not null)
            Assert.Fail($"after {s_patience.TotalSeconds} s {fault}\n{_proxy.Describe()}");
    }

    /// <summary>
    /// Goes back as docs/migrate.md says where no connection may be lost: Portolan ends, kube-proxy's rules come, and then Portolan's
    /// tables go.
    /// </summary>
    /// <param name="rules">kube-proxy's, as for <see cref="PutInForceAsync"/>.</param>
    public async Task GoBackAsync(string rules)
    {
        _proxy.Stop(kill: false);
        await PutInForceAsync(rules);
        Node.Run(() =>
        {
            string tables = Tool.Run("nft", ["list", "tables"]);
            foreach (string table in tables.Split('\n').Where(static table => table.Contains("portolan", StringComparison.Ordinal)))
                Tool.Run("nft", ["delete", .. table.Split(' ')]);
            foreach (string family in (string[])["-4", "-6"])
                Tool.TryRun("ip", [family, "route", "flush", "table", "local", "proto", "112"]);
        });
    }

    /// <summary>The node's nf_tables.</summary>
    public string Tables() => Node.Run(static () => Tool.Run("nft", ["list", "tables"]));

    /// <summary>Rules that are nobody's business but the administrator's and the kubelet's, in both back-ends.</summary>
    public void AddForeignRules() => Node.Run(() =>
    {
        foreach (string backend in (string[])["nft", "legacy"])
        {
            Tool.Run($"iptables-{backend}-restore", ["--noflush"], """
                *mangle
                :KUBE-KUBELET-CANARY - [0:0]
                COMMIT
                *filter
                :MINE - [0:0]
                -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
                -A FORWARD -j MINE
                -A MINE -s 10.9.0.0/16 -j DROP
                COMMIT
                *nat
                -A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE
                COMMIT

                """);
        }
        Tool.Run("nft", ["-f", "-"], "add table inet mine\nadd chain inet mine input { type filter hook input priority 5; }\nadd rule " +
            "inet mine input tcp dport 22 accept\n");
    });

    /// <summary>Fails where rules of others are not as <see cref="AddForeignRules"/> made them.</summary>
    public void AssertForeignRulesStay() => Node.Run(() =>
    {
        foreach (string backend in (string[])["nft", "legacy"])
        {
            string[] saved = Tool.Run($"iptables-{backend}-save", []).Split('\n');
            foreach (string rule in (string[])["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A FORWARD -j MINE",
                "-A MINE -s 10.9.0.0/16 -j DROP",
                "-A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE", ":KUBE-KUBELET-CANARY - [0:0]"])
                Assert.Contains(rule, saved.Select(static line => line.StartsWith(":KUBE", StringComparison.Ordinal)
                    ? line[..line.IndexOf('[', StringComparison.Ordinal)] + "[0:0]" : line));
        }
        Assert.Contains("tcp dport 22 accept", Tool.Run("nft", ["list", "table", "inet", "mine"]), StringComparison.Ordinal);
    });

    /// <summary>One of the ways to reach the cluster's services.</summary>
    /// <param name="number">Counts through client, pod and node, cluster IP and NodePort.</param>
    public Task<string> AskAsync(int number) => (number % 4) switch
    {
        0 => NamedClient.AskOnceAsync(Box.ClientSockets, s_clusterIP, ServiceInABox.Patience),
        1 => NamedClient.AskOnceAsync(Box.ClientSockets, s_nodePort, ServiceInABox.Patience),
        2 => NamedClient.AskOnceAsync(Box.PodSockets("1.10"), s_clusterIP, ServiceInABox.Patience),
        _ => NamedClient.AskOnceAsync(Box.NodeSockets, s_clusterIP, ServiceInABox.Patience),
    };

    /// <summary>Connections that stay open: to the cluster IP and to the NodePort.</summary>
    public async Task<NamedClient[]> ConnectAsync() =>
    [
        await NamedClient.ConnectAsync(Box.ClientSockets, s_clusterIP, ServiceInABox.Patience),
        await NamedClient.ConnectAsync(Box.ClientSockets, s_nodePort, ServiceInABox.Patience),
        await NamedClient.ConnectAsync(Box.PodSockets("1.10"), s_clusterIP, ServiceInABox.Patience),
    ];

    /// <summary>Sends the first segment of each of <see cref="ConnectAsync"/>'s connections once more.</summary>
    public void RepeatFirstSegments(NamedClient[] connections)
    {
        NetworkNamespace[] clients = [Box.Client, Box.Client, Box.Pod("1.10")];
        foreach ((NetworkNamespace client, NamedClient connection) in clients.Zip(connections))
            client.Run(() => RepeatedSyn.Send(connection));
    }

    public void Dispose()
    {
        _proxy.Dispose();
        Box.Dispose();
    }

    // What is missing of a variant's rules, or there beside them; in the namespace of the calling thread.
    private static string? FindFault(ProxyVariant variant)
    {
        string tables = Tool.Run("nft", ["list", "tables"]);
        if (tables.Contains("kube-proxy", StringComparison.Ordinal))
            return $"tables of kube-proxy are left: {tables}";
        // What mode ipvs leaves for connections that go on has a table as well, without rules.
        if (tables.Split('\n').Contains("table ip portolan") != (variant.Mode == ProxyMode.NfTables)
            || (variant.Mode == ProxyMode.Ipvs && !tables.Contains("table ip portolan-ipvs", StringComparison.Ordinal))
            || (variant.Mode != ProxyMode.Ipvs && tables.Contains("portolan-ipvs", StringComparison.Ordinal)
                && Tool.Run("nft", ["list", "table", "ip", "portolan-ipvs"]).Contains("chain", StringComparison.Ordinal)))
            return $"of nf_tables there are {tables}";
        foreach (string tool in (string[])["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"])
        {
            string saved = Tool.Run($"{tool}-save", []);
            HashSet<string> chains = [.. saved.Split('\n').Where(static line => line.StartsWith(":KUBE-", StringComparison.Ordinal))
                .Select(static line => line[1..line.IndexOf(' ', StringComparison.Ordinal)])];
            // The kubelet's.
            chains.ExceptWith(["KUBE-FIREWALL", "KUBE-KUBELET-CANARY", "KUBE-MARK-DROP"]);
            bool isOurs = variant.Mode == ProxyMode.IpTables && tool.EndsWith(variant.Backend, StringComparison.Ordinal);
            if (!isOurs && chains.Count > 0)
                return $"{tool} has {string.Join(' ', chains)}";
            if (isOurs && FindFaultOfLayout(variant, saved, chains) is { } fault)
                return $"{tool} {fault}";
        }
        return null;
    }

    private static string? FindFaultOfLayout(ProxyVariant variant, string saved, HashSet<string> chains)
    {
        bool Has(string prefix) => chains.Any(chain => chain.StartsWith(prefix, StringComparison.Ordinal));
        bool isModern = variant.Layout == "modern";
        if (chains.Contains("KUBE-PROXY-FIREWALL") != isModern || Has("KUBE-EXT-") && !isModern || Has("KUBE-XLB-") && isModern)
            return $"has not the chains of layout {variant.Layout}: {string.Join(' ', chains)}";
        // IPv6 has too few services to branch.
        bool isTree = variant.Dispatch == "tree" && saved.Contains("172.30.10.1/32", StringComparison.Ordinal);
        return Has("KUBE-TREE-") == isTree ? null : $"does not find services by {variant.Dispatch}";
    }
}
