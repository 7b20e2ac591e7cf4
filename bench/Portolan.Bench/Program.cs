using System.Globalization;
using System.Text.Json;
using Portolan.Bench;
using Portolan.Bench.IpTables;
using Portolan.Bench.Planes;
using Portolan.Testing.Dumps;

// One size per call: bench/run.sh calls this in a fresh network namespace for each and puts the rows together.
switch (args)
{
    case ["control", string services, string endpoints, .. string[] rest]:
        var bench = new ControlPlaneBench(
            int.Parse(services, CultureInfo.InvariantCulture), int.Parse(endpoints, CultureInfo.InvariantCulture), rest.Contains("--mixed"),
                rest.Contains("--counters"));
        Console.WriteLine(JsonSerializer.Serialize(bench.Run(), BenchJson.Default.ControlPlaneResult));
        return 0;
    case ["iptables", .. string[] rest]:
        return IpTablesBench.Run(rest);
    case ["ipvs", string services, string endpoints, string rounds]:
        IpvsBench.Run(int.Parse(services, CultureInfo.InvariantCulture), int.Parse(endpoints, CultureInfo.InvariantCulture),
            int.Parse(rounds, CultureInfo.InvariantCulture), Console.Out);
        return 0;
    case ["planes", "run", string kind, string services]:
        PlanesBench.Run(kind, int.Parse(services, CultureInfo.InvariantCulture));
        return 0;
    case ["planes", "show", string plot]:
        PlanesBench.Show(Console.In, plot);
        return 0;
    case ["manifests", string services, string endpoints, string folder, .. string[] node]:
        ManifestWriter.Write(folder, int.Parse(services, CultureInfo.InvariantCulture), int.Parse(endpoints, CultureInfo.InvariantCulture));
        if (node is [string manifestNode])
            ManifestWriter.WriteSpecials(folder, manifestNode);
        return 0;
    case ["heal", string runs]:
        Console.WriteLine(HealBench.Run(int.Parse(runs, CultureInfo.InvariantCulture)));
        return 0;
    case ["layout", "nftables", string services, string endpoints, string nodeAddress]:
        KubeProxyLayout.WriteNfTables(Console.Out, int.Parse(services, CultureInfo.InvariantCulture),
            int.Parse(endpoints, CultureInfo.InvariantCulture), nodeAddress);
        return 0;
    case ["layout", "iptables", string services, string endpoints]:
        KubeProxyLayout.WriteIpTables(Console.Out, int.Parse(services, CultureInfo.InvariantCulture),
            int.Parse(endpoints, CultureInfo.InvariantCulture));
        return 0;
    case ["dump", "modern" or "classic", string services, string endpoints]:
        using (var output = new StreamWriter(Console.OpenStandardOutput(), bufferSize: 1 << 16))
            KubeProxyDump.Write(output, int.Parse(services, CultureInfo.InvariantCulture),
                int.Parse(endpoints, CultureInfo.InvariantCulture), args[1] == "classic");
        return 0;
    default:
        Console.Error.WriteLine("usage: Portolan.Bench control SERVICES ENDPOINTS [--mixed] [--counters] | " +
        "ipvs SERVICES ENDPOINTS ROUNDS | planes run linear|tree|ipvs|nftables|none SERVICES | planes show FILE.svg < lines of run | " +
        "manifests SERVICES ENDPOINTS " +
        "FOLDER [NODE-ADDRESS] | heal RUNS | layout nftables SERVICES ENDPOINTS NODE-ADDRESS | layout iptables SERVICES ENDPOINTS | dump " +
            "modern|classic SERVICES ENDPOINTS");
        Console.Error.WriteLine(IpTablesBench.Usage);
        return 2;
}
