using System.Globalization;
using System.Text.Json;
using Portolan.Bench;
using Portolan.Bench.IpTables;

// One size per call: bench/run.sh calls this in a fresh network namespace for each and puts the rows together.
switch (args)
{
    case ["control", string services, string endpoints, .. string[] rest]:
        var bench = new ControlPlaneBench(
            int.Parse(services, CultureInfo.InvariantCulture), int.Parse(endpoints, CultureInfo.InvariantCulture), rest.Contains("--mixed"));
        Console.WriteLine(JsonSerializer.Serialize(bench.Run(), BenchJson.Default.ControlPlaneResult));
        return 0;
    case ["iptables", .. string[] rest]:
        return IpTablesBench.Run(rest);
    default:
        Console.Error.WriteLine("usage: Portolan.Bench control SERVICES ENDPOINTS [--mixed]");
        Console.Error.WriteLine(IpTablesBench.Usage);
        return 2;
}
