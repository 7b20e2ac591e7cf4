using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Testing.Lab;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>
/// Every scenario in tests/scenarios, in every mode of the proxy and in every <see cref="Course"/>, with real packets. Traits choose among
/// them: <c>File=clusterip</c>, <c>"Scenario=clusterip/cluster IP basics"</c>, <c>"Scenario=clusterip/cluster IP basics, in IPv6, restarted"</c>,
/// <c>Mode=nftables</c> (<c>dotnet test ... -- --filter-trait File=clusterip</c>).
/// </summary>
public sealed class ScenarioTests
{
    /// <summary>The modes that the proxy has data planes for.</summary>
    private static readonly ProxyMode[] s_modes = [ProxyMode.NfTables, ProxyMode.IpTables];

    private static readonly Lazy<ImmutableSortedDictionary<string, Scenario>> s_scenarios = new(ReadAll);

    public static IEnumerable<TheoryDataRow<string, ProxyMode>> Rows()
    {
        foreach ((string name, Scenario scenario) in s_scenarios.Value)
        {
            foreach (ProxyMode mode in s_modes.Where(mode => scenario.MakesSenseIn(mode) && !IsAboutIPv6Loopback(scenario, mode)))
            {
                var row = new TheoryDataRow<string, ProxyMode>(name, mode);
                row.Traits.Add("File", [scenario.File]);
                row.Traits.Add("Scenario", [name]);
                row.Traits.Add("Mode", [mode.ToConfigText()]);
                yield return row;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Packets_go_where_the_scenario_says(string scenario, ProxyMode mode)
    {
        Lab.SkipWithoutTunDevices();
        Lab.AssertNone(await ScenarioRun.RunAsync(s_scenarios.Value[scenario], mode, PortolanProxy.Factory(Lab.RequirePortolan()), TestContext.Current.CancellationToken));
    }

    // Mode iptables has node ports on loopback in IPv4 alone, so there a twin has nothing to be compared with.
    private static bool IsAboutIPv6Loopback(Scenario scenario, ProxyMode mode) => mode == ProxyMode.IpTables
        && scenario.Steps.Any(static step => step.Flows.Any(static flow => flow.Destination is { Family: IpFamily.IPv6, IsLoopback: true }));

    // What is written for IPv4 is run in IPv6 as well, and each in every course that leads to its clusters.
    private static ImmutableSortedDictionary<string, Scenario> ReadAll()
    {
        var all = ImmutableSortedDictionary.CreateBuilder<string, Scenario>(StringComparer.Ordinal);
        foreach (string path in Directory.EnumerateFiles(Path.Combine(Lab.TestFolder, "scenarios"), "*.yaml", SearchOption.AllDirectories))
        {
            IEnumerable<Scenario> written = [.. Lab.ReadScenarios(path), .. IPv6Twin.Read(Path.GetFileNameWithoutExtension(path), File.ReadAllText(path))];
            foreach (Scenario scenario in written.SelectMany(static scenario => Enum.GetValues<Course>(), static (scenario, course) => scenario.On(course)).OfType<Scenario>())
                all.Add(scenario.ToString(), scenario);
        }
        return all.ToImmutable();
    }
}
