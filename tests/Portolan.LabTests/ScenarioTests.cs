using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Portolan.Testing.Lab;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>
/// Every scenario in tests/scenarios, in every mode of the proxy and in every <see cref="Timeline"/>, with real packets. Traits choose
/// among them: <c>File=clusterip</c>, <c>"Scenario=clusterip/cluster IP basics"</c>, <c>"Scenario=clusterip/cluster IP basics, in IPv6,
/// restarted"</c>, <c>Mode=nftables</c>, <c>"Variant=iptables legacy classic tree"</c> (<c>dotnet test ... -- --filter-trait
/// File=clusterip</c>).
/// </summary>
/// <remarks>
/// By default a scenario runs in mode nftables and, as written, in the usual variant of mode iptables; beside them on every timeline in one
/// more variant, which is always the same one for the same scenario. PORTOLAN_LAB_VARIANTS=all runs everything in every variant: that is
/// the full figure.
/// </remarks>
public sealed class ScenarioTests
{
    private static readonly bool s_runsAllVariants = Environment.GetEnvironmentVariable("PORTOLAN_LAB_VARIANTS") == "all";

    private static readonly Lazy<ImmutableSortedDictionary<string, (Scenario Scenario, Timeline Timeline)>> s_scenarios = new(ReadAll);

    public static IEnumerable<TheoryDataRow<string, string>> Rows()
    {
        foreach ((string name, (Scenario scenario, Timeline timeline)) in s_scenarios.Value)
        {
            foreach (ProxyVariant variant in VariantsFor(name, timeline))
            {
                if (!scenario.MakesSenseIn(variant.Mode))
                    continue;
                var row = new TheoryDataRow<string, string>(name, variant.ToString());
                row.Traits.Add("File", [scenario.File]);
                row.Traits.Add("Scenario", [name]);
                row.Traits.Add("Mode", [variant.Mode.ToConfigText()]);
                row.Traits.Add("Variant", [variant.ToString()]);
                yield return row;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Packets_go_where_the_scenario_says(string scenario, string variant)
    {
        Lab.SkipWithoutTunDevices();
        ProxyVariant proxy = ProxyVariant.Parse(variant);
        Lab.AssertNone(await ScenarioRun.RunAsync(
            s_scenarios.Value[scenario].Scenario, proxy.Mode, PortolanProxy.Factory(Lab.RequirePortolan(), proxy),
                TestContext.Current.CancellationToken));
    }

    private static ImmutableArray<ProxyVariant> VariantsFor(string scenario, Timeline timeline)
    {
        if (s_runsAllVariants)
            return ProxyVariant.All;
        ImmutableArray<ProxyVariant> variants = timeline == Timeline.AsWritten
            ? [ProxyVariant.NfTables, ProxyVariant.IpTables] : [ProxyVariant.NfTables];
        ImmutableArray<ProxyVariant> others = ProxyVariant.AllOfIpTables.RemoveRange(variants);
        // By name, so that a scenario more or less changes nothing about the others.
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(scenario));
        return variants.Add(others[digest[0] % others.Length]);
    }

    // What is written for IPv4 is run in IPv6 as well, and each in every timeline that leads to its clusters.
    private static ImmutableSortedDictionary<string, (Scenario Scenario, Timeline Timeline)> ReadAll()
    {
        var all = ImmutableSortedDictionary.CreateBuilder<string, (Scenario, Timeline)>(StringComparer.Ordinal);
        foreach (string path in Directory.EnumerateFiles(Path.Combine(Lab.TestFolder, "scenarios"), "*.yaml", SearchOption.AllDirectories))
        {
            IEnumerable<Scenario> written = [.. Lab.ReadScenarios(path),
                .. IPv6Twin.Read(Path.GetFileNameWithoutExtension(path), File.ReadAllText(path))];
            foreach ((Scenario? scenario, Timeline timeline) in written.SelectMany(static scenario => Enum.GetValues<Timeline>(),
                static (scenario, timeline) => (scenario.On(timeline), timeline)))
            {
                if (scenario is not null)
                    all.Add(scenario.ToString(), (scenario, timeline));
            }
        }
        return all.ToImmutable();
    }
}
