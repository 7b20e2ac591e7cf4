using System.Runtime.CompilerServices;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Scenarios;

namespace Portolan.Services.Tests;

/// <summary>
/// Every scenario in tests/scenarios through the service table and its plans alone: no kernel, no privileges. The lab runs the same files
/// with real packets; where the two differ, one of them is wrong.
/// </summary>
public sealed class ScenarioPlanTests
{
    public static IEnumerable<TheoryDataRow<Scenario>> Rows()
    {
        foreach (string path in Directory.EnumerateFiles(Path.Combine(TestFolder(), "scenarios"), "*.yaml", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string file = Path.GetFileNameWithoutExtension(path), text = File.ReadAllText(path);
            foreach (Scenario scenario in ScenarioReader.Read(file, text).Where(Concerns))
                yield return new(scenario) { TestDisplayName = scenario.ToString() };
            foreach (Scenario scenario in IPv6Twin.Read(file, text).Where(Concerns))
                yield return new(scenario) { TestDisplayName = $"{scenario}, in IPv6" };
        }
    }

    private static bool Concerns(Scenario scenario) => scenario.MakesSenseIn(ProxyMode.NfTables);

    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public void Plans_send_packets_where_the_scenario_says(Scenario scenario)
    {
        IReadOnlyList<string> failures = new ScenarioCourse(scenario).Run();

        Assert.True(failures.Count == 0, $"{failures.Count} flow(s) did not go as expected.\n{string.Join('\n', failures)}");
    }

    /// <summary>The folder tests of the repository.</summary>
    internal static string TestFolder([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(Path.GetDirectoryName(thisFile))!;
}
