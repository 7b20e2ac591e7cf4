using System.Collections.Immutable;
using Portolan.Testing.Lab;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>
/// Every scenario in tests/scenarios, in every mode of the proxy, with real packets. Traits choose among them: <c>File=clusterip</c>,
/// <c>"Scenario=clusterip/cluster IP basics"</c>, <c>Mode=nftables</c> (<c>dotnet test ... -- --filter-trait File=clusterip</c>).
/// </summary>
public sealed class ScenarioTests
{
    /// <summary>The modes that the proxy has data planes for.</summary>
    private static readonly ProxyMode[] s_modes = [ProxyMode.NfTables];

    private static readonly Lazy<ImmutableArray<Scenario>> s_scenarios = new(static () =>
        [.. Directory.EnumerateFiles(Path.Combine(Lab.TestFolder, "scenarios"), "*.yaml", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal).SelectMany(static path => Lab.ReadScenarios(path))]);

    public static IEnumerable<TheoryDataRow<string, ProxyMode>> Rows()
    {
        foreach (Scenario scenario in s_scenarios.Value)
        {
            foreach (ProxyMode mode in s_modes.Where(scenario.MakesSenseIn))
            {
                var row = new TheoryDataRow<string, ProxyMode>(scenario.ToString(), mode);
                row.Traits.Add("File", [scenario.File]);
                row.Traits.Add("Scenario", [scenario.ToString()]);
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
        Scenario read = s_scenarios.Value.Single(candidate => candidate.ToString() == scenario);
        Lab.AssertNone(await ScenarioRun.RunAsync(read, mode, PortolanProxy.Factory(Lab.RequirePortolan()), TestContext.Current.CancellationToken));
    }
}
