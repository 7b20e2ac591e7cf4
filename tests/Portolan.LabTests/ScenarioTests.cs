using Portolan.Testing.Lab;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>
/// Every scenario in tests/scenarios, in every mode of the proxy, with real packets. One is run by
/// <c>--filter-trait "Scenario=clusterip/cluster IP basics"</c>, a file by <c>--filter-trait File=clusterip</c>, a mode by <c>--filter-trait Mode=nftables</c>.
/// </summary>
public sealed class ScenarioTests
{
    /// <summary>The modes that the proxy has data planes for.</summary>
    private static readonly ProxyMode[] s_modes = [ProxyMode.NfTables];

    public static IEnumerable<TheoryDataRow<Scenario, ProxyMode>> Rows()
    {
        foreach (string path in Directory.EnumerateFiles(Path.Combine(Lab.TestFolder, "scenarios"), "*.yaml", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            foreach (Scenario scenario in Lab.ReadScenarios(path))
            {
                foreach (ProxyMode mode in s_modes.Where(scenario.MakesSenseIn))
                {
                    var row = new TheoryDataRow<Scenario, ProxyMode>(scenario, mode) { TestDisplayName = $"{scenario} [{mode.ToConfigText()}]" };
                    row.Traits.Add("File", [scenario.File]);
                    row.Traits.Add("Scenario", [scenario.ToString()]);
                    row.Traits.Add("Mode", [mode.ToConfigText()]);
                    yield return row;
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public async Task Packets_go_where_the_scenario_says(Scenario scenario, ProxyMode mode)
    {
        Lab.SkipWithoutTunDevices();
        Lab.AssertNone(await ScenarioRun.RunAsync(scenario, mode, PortolanProxy.Factory(Lab.RequirePortolan()), TestContext.Current.CancellationToken));
    }
}
