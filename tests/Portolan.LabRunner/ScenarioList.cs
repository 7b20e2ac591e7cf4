using System.Collections.Immutable;
using Portolan.Testing.Scenarios;

namespace Portolan.LabRunner;

/// <summary>The scenarios of a folder of scenario files.</summary>
internal static class ScenarioList
{
    /// <summary>
    /// Reads them all, ordered by name: as written and, where that can be, in IPv6 as well, each in every timeline that leads to its
    /// clusters.
    /// </summary>
    public static ImmutableArray<Scenario> Read(string folder, ImmutableArray<Timeline> timelines) =>
    [
        .. Directory.EnumerateFiles(folder, "*.yaml", SearchOption.AllDirectories)
            .SelectMany(static path => ReadFile(Path.GetFileNameWithoutExtension(path), File.ReadAllText(path)))
            .SelectMany(scenario => timelines.Select(timeline => scenario.On(timeline)).OfType<Scenario>())
            .OrderBy(static scenario => scenario.ToString(), StringComparer.Ordinal),
    ];

    private static IEnumerable<Scenario> ReadFile(string file, string text) =>
        [.. ScenarioReader.Read(file, text), .. IPv6Twin.Read(file, text)];
}
