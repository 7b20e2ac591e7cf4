using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Portolan.LabRunner;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

const string Usage = """
    lab-runner list|run --scenarios FOLDER [--names FILE] [--timelines TIMELINE,...] [--variants VARIANT,...] [--parallel N]
    lab-runner answer --name NAME --port PORT
    lab-runner connect --servers ADDRESS:PORT,... --rate PER-SECOND --repeat yes|no --until FILE

    Runs scenario files with real packets, as tests/Portolan.LabTests does. One line a flow on standard output:
    PASS or FAIL, variant, scenario, step, flow, and what went wrong, divided by tabs. `list` prints the scenarios and their flows.
      --names FILE   one scenario a line ("clusterip/cluster IP basics"); without it all are run
      --timelines      as-written (default), restarted, afresh, piecemeal, all
      --variants     "nftables" (default), "iptables nft modern linear", ...
    The program under test is PORTOLAN_BIN.

    `answer` says its name to whoever connects; `connect` makes connections to such servers until FILE exists, with
    `--repeat yes` each with its first segment sent again, and writes how many: "lost SERVER HOW COUNT", "made COUNT".
    """;

if (args is ["answer", ..] && Flags.Read(args.Skip(1), "name", "port") is { Count: 2 } answering)
{
    using var server = new NamedServer(answering["name"], int.Parse(answering["port"], CultureInfo.InvariantCulture));
    await Task.Delay(Timeout.Infinite);
}
if (args is ["connect", ..] && Flags.Read(args.Skip(1), "servers", "rate", "repeat", "until") is { Count: 4 } connecting)
{
    await SteadyConnections.RunAsync([.. connecting["servers"].Split(',').Select(IPEndPoint.Parse)],
        double.Parse(connecting["rate"], CultureInfo.InvariantCulture), connecting["repeat"] == "yes", connecting["until"], Console.Out);
    return 0;
}

Dictionary<string, string>? flags = Flags.Read(args.Skip(1), "scenarios", "names", "timelines", "variants", "parallel");
if (args is not ["list" or "run", ..] || flags is null || !flags.TryGetValue("scenarios", out string? folder))
{
    await Console.Error.WriteLineAsync(Usage);
    return 2;
}
string[] names = flags.TryGetValue("names", out string? file)
    ? [.. File.ReadAllLines(file).Select(static line => line.Split('#')[0].Trim()).Where(static line => line.Length > 0)]
    : [];
ImmutableArray<Scenario> scenarios = ScenarioList.Read(folder, Flags.Timelines(flags.GetValueOrDefault("timelines", "as-written")));
string[] unknown = [.. names.Except(scenarios.Select(static scenario => scenario.ToString()))];
if (unknown.Length > 0)
{
    await Console.Error.WriteLineAsync($"lab-runner: no such scenario: {string.Join(", ", unknown)}");
    return 2;
}
if (names.Length > 0)
    scenarios = scenarios.RemoveAll(scenario => !names.Contains(scenario.ToString()));
if (args[0] == "list")
{
    foreach (Scenario scenario in scenarios)
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{scenario.Steps.Sum(static step => step.Flows.Length)}\t{scenario}"));
    return 0;
}
if (LabAvailability.WhyNoTunDevices is { } reason)
{
    await Console.Error.WriteLineAsync($"lab-runner: {reason}");
    return 2;
}
int parallel = int.Parse(flags.GetValueOrDefault("parallel", "2"), CultureInfo.InvariantCulture);
ImmutableArray<ProxyVariant> variants = [.. flags.GetValueOrDefault("variants", "nftables").Split(',').Select(ProxyVariant.Parse)];
return await new ScenarioBatch(PortolanBinary.Command, Console.Out).RunAsync(scenarios, variants, parallel) ? 0 : 1;
