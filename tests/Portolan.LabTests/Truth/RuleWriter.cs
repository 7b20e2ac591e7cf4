using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.DataPlanes.Ipvs;
using Portolan.DataPlanes.NfTables;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Plans;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Truth;

/// <summary>A way to read rules back.</summary>
/// <param name="Name">What is read, for messages.</param>
/// <param name="Read">Reads it; runs on the lab's thread.</param>
/// <param name="KnowsClients">It says which clients a service with affinity remembers.</param>
internal sealed record RuleReading(string Name, Func<IEnumerable<string>> Read, bool KnowsClients)
{
    /// <summary>trace over what is read now.</summary>
    internal (PacketSimulator Simulator, string Text) Simulate(TruthSite site)
    {
        string[] texts = [.. Read()];
        Ruleset rules = RulesetReader.Read(texts.Select(text => new SourceText(Name, Encoding.UTF8.GetBytes(text))))
            .WithoutTranslations();
        return (new PacketSimulator(rules, site.Addresses), string.Join('\n', texts));
    }

    internal static RuleReading OfNft(params string[] arguments) =>
        new($"nft {string.Join(' ', arguments)}", () => [Tool.Run("nft", arguments)], KnowsClients: true);

    /// <summary>Everything, as the program reads a live node.</summary>
    internal static RuleReading Live() => new("all tools", static () =>
    [
        .. ((string[])["iptables-nft-save", "iptables-legacy-save", "ip6tables-nft-save", "ip6tables-legacy-save"])
            .Where(static tool => Tool.Find(tool) is not null).Select(static tool => Tool.Run(tool, [])),
        Tool.Run("nft", ["-j", "list", "ruleset"]),
        Tool.TryRun("grep", ["-rEs", "^(src=|now at |jiffies: )", "/proc/net/xt_recent", "/proc/timer_list"]).Output,
    ], KnowsClients: true);

    /// <summary>Both families' tables of a back-end, "nft" or "legacy", and the lists of recent clients.</summary>
    internal static RuleReading Saved(string backend) => new($"ip(6)tables-{backend}-save and xt_recent", () =>
    [
        Tool.Run($"iptables-{backend}-save", []), Tool.Run($"ip6tables-{backend}-save", []),
        Tool.TryRun("grep", ["-rEs", "^(src=|now at |jiffies: )", "/proc/net/xt_recent", "/proc/timer_list"]).Output,
    ], KnowsClients: true);
}

/// <summary>Brings rules into a lab, and knows how they are read back.</summary>
internal sealed class RuleWriter
{
    private readonly Action<NodeLab, PlaneCluster> _write;

    private RuleWriter(string name, Action<NodeLab, PlaneCluster> write, params RuleReading[] readings) =>
        (Name, _write, Readings) = (name, write, readings);

    internal string Name { get; }

    internal RuleReading[] Readings { get; }

    /// <summary>Writes the rules of a cluster; runs on the lab's thread.</summary>
    internal void Write(NodeLab lab, PlaneCluster cluster) => _write(lab, cluster);

    /// <summary>The same rules among those of others, read back with all tools at once, as the program reads a live node.</summary>
    /// <param name="others">Whose.</param>
    /// <param name="flushes">True when these rules replace all others of their tables.</param>
    /// <param name="adapt">Makes a dump of theirs fit the node.</param>
    internal RuleWriter Among(Neighbourhood others, bool flushes, Func<string, string> adapt) => new($"{Name} {others.Name}",
        (lab, cluster) => others.Load(lab, () => _write(lab, cluster), flushes, adapt), RuleReading.Live());

    /// <summary>Our own nftables plane.</summary>
    internal static RuleWriter NfTables() => new("Portolan nftables", static (lab, cluster) =>
    {
        using var plane =
            new NfTablesPlane(new NfTablesOptions { WithCounters = cluster.WithCounters, MasqueradeBit = cluster.MasqueradeBit },
            lab.Namespace.Path, NullLogger.Instance);
        RequireForce(plane.Apply(cluster.Table.DrainAt(cluster.Facts)));
    }, RuleReading.OfNft("list", "ruleset"), RuleReading.OfNft("-j", "list", "ruleset"));

    /// <summary>
    /// Our own ipvs plane, read back as people list it: the table beside IPVS, the virtual servers, and the routes to services.
    /// </summary>
    internal static RuleWriter Ipvs() => new("Portolan ipvs", static (lab, cluster) =>
    {
        var kernel = new IpvsKernel(lab.Namespace.Path);
        using var plane = new IpvsPlane(new IpvsPlaneOptions { MasqueradeBit = cluster.MasqueradeBit }, kernel, monitor: null,
            static () => MachineSettings.Apply(strictArp: false), TimeProvider.System);
        RequireForce(plane.Apply(cluster.Table.DrainAt(cluster.Facts)));
    }, OfIpvs("nft list ruleset, ipvsadm -Sn", ["list", "ruleset"], ["-Sn"], []),
        OfIpvs("nft -j list ruleset, ipvsadm -Ln, ip -j", ["-j", "list", "ruleset"], ["-Ln"], ["-j"]));

    private static RuleReading OfIpvs(string name, string[] nft, string[] ipvsadm, string[] ip) => new(name, () =>
    [
        Tool.Run("nft", nft), Tool.Run("ipvsadm", ipvsadm), Tool.Run("ip", [.. ip, "route", "show", "table", "local"]),
        Tool.Run("ip", ["-6", .. ip, "route", "show", "table", "local"]),
    ], KnowsClients: false);

    /// <summary>Our own iptables plane; it works on the namespace of the thread.</summary>
    /// <param name="layout">Which chains.</param>
    /// <param name="dispatch">How services are found.</param>
    /// <param name="isLegacy">The older of the two back-ends.</param>
    /// <param name="withListings">Read listings back as well.</param>
    internal static RuleWriter IpTables(IpTablesLayout layout, IpTablesDispatch dispatch, bool isLegacy, bool withListings)
    {
        string backend = isLegacy ? "legacy" : "nft";
        RuleReading[] readings = [RuleReading.Saved(backend), .. withListings ? (RuleReading[])[Listed(backend)] : []];
        return new($"Portolan iptables-{backend}, layout {layout}, dispatch {dispatch}", (_, cluster) =>
        {
            using var plane = new IpTablesPlane(new IpTablesOptions
            {
                Layout = layout,
                Dispatch = dispatch,
                Backend = isLegacy ? IpTablesBackend.Legacy : IpTablesBackend.Nft,
                MasqueradeBit = cluster.MasqueradeBit,
                DropsInvalid = cluster.DropsInvalid,
                RandomFully = cluster.RandomFully,
            });
            RequireForce(plane.Apply(cluster.Table.DrainAt(cluster.Facts)));
        }, readings);
    }

    /// <summary>What a kube-proxy wrote for the harbor.</summary>
    /// <param name="version">Its folder in tests/data/harbor.</param>
    /// <param name="backend">"nft" or "legacy" for iptables' back-ends, null for mode nftables.</param>
    internal static RuleWriter KubeProxy(string version, string? backend)
    {
        string folder = Path.Combine(Lab.TestFolder, "data", "harbor", version);
        string Dump(string file) => File.ReadAllText(Path.Combine(folder, file));
        RuleReading Text(params string[] files) => new(string.Join(" and ", files), () => files.Select(Dump), KnowsClients: false);
        if (backend is null)
        {
            return new($"{version} nftables", (lab, _) => Load(lab, ProxyMode.NfTables, ("nft", Dump("nft-list-ruleset.txt"))),
                Text("nft-list-ruleset.txt"), Text("nft-list-ruleset.json"),
                RuleReading.OfNft("list", "ruleset"), RuleReading.OfNft("-j", "list", "ruleset"));
        }
        string[] saves = [.. ((string[])["iptables-save.txt", "ip6tables-save.txt"])
            .Where(file => File.Exists(Path.Combine(folder, file)))];
        return new($"{version} iptables-{backend}",
            (lab, _) =>
            {
                // As kube-proxy does, so that NodePorts answer on loopback addresses.
                lab.Namespace.SetSysctl("net.ipv4.conf.all.route_localnet", "1");
                Load(lab, ProxyMode.IpTables,
                    [.. saves.Select(file => ($"{(file[2] == '6' ? "ip6" : "ip")}tables-{backend}-restore", Dump(file)))]);
            },
            Text(saves), RuleReading.Saved(backend), Listed(backend));
    }

    private static void Load(NodeLab lab, ProxyMode mode, params (string Loader, string Dump)[] dumps)
    {
        using var rules = new LoadedRules(dumps);
        rules.Start(lab, mode);
    }

    /// <summary>All tables as people paste them, each behind the command that lists it.</summary>
    private static RuleReading Listed(string backend) => new($"ip(6)tables-{backend} -nvL", () =>
        from tool in (string[])[$"iptables-{backend}", $"ip6tables-{backend}"]
        from table in (string[])["mangle", "nat", "filter"]
        select string.Create(CultureInfo.InvariantCulture, $"# {tool} -t {table} -nvL\n{Tool.Run(tool, ["-t", table, "-nvL"])}"),
            KnowsClients: false);

    private static void RequireForce(SyncReport report) =>
        Assert.True(report.IsInForce && report.Refusals.IsEmpty, $"the kernel refused: {string.Join("; ", report.Refusals)}");
}
