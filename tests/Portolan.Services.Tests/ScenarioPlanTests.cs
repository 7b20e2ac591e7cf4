using System.Runtime.CompilerServices;
using Portolan.Services.Tests.Builders;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.Services.Tests;

/// <summary>
/// Every scenario in tests/scenarios through the service table and its plans alone: no kernel, no privileges. The lab runs the same files
/// with real packets; where the two differ, one of them is wrong.
/// </summary>
public sealed class ScenarioPlanTests
{
    // The other two are about a proxy that starts, which here is a table that begins anew with the objects as they are.
    private static readonly Timeline[] s_courses = [Timeline.AsWritten, Timeline.Piecemeal];

    // The layouts of mode iptables differ in what plans mean; back-ends and dispatch do not.
    private static readonly ProxyVariant[] s_variants =
        [ProxyVariant.NfTables, ProxyVariant.IpTables, ProxyVariant.IpTables with { Layout = "classic" }];

    public static IEnumerable<TheoryDataRow<Scenario, string>> Rows()
    {
        foreach (string path in Directory.EnumerateFiles(Path.Combine(TestFolder(), "scenarios"), "*.yaml", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal))
        {
            string file = Path.GetFileNameWithoutExtension(path), text = File.ReadAllText(path);
            IEnumerable<Scenario> written = [.. ScenarioReader.Read(file, text), .. IPv6Twin.Read(file, text)];
            foreach (Scenario scenario in written.SelectMany(static scenario => s_courses,
                static (scenario, timeline) => scenario.On(timeline)).OfType<Scenario>())
            {
                foreach (ProxyVariant variant in s_variants.Where(variant => scenario.MakesSenseIn(variant.Mode)))
                    yield return new(scenario, variant.ToString()) { TestDisplayName = $"{scenario}, {variant}" };
            }
        }
    }

    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public void Plans_send_packets_where_the_scenario_says(Scenario scenario, string variant)
    {
        IReadOnlyList<string> failures = new ScenarioTimeline(scenario, ProxyVariant.Parse(variant)).Run();

        Assert.True(failures.Count == 0, $"{failures.Count} flow(s) did not go as expected.\n{string.Join('\n', failures)}");
    }

    /// <summary>The folder tests of the repository.</summary>
    internal static string TestFolder([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(Path.GetDirectoryName(thisFile))!;
}
