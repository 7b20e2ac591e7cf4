using System.Collections.Immutable;
using System.Globalization;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests;

/// <summary>What all lab tests need: the data's place, and skipping where the machine allows no lab.</summary>
internal static class Lab
{
    public static string TestFolder { get; } = Path.Combine(PortolanBinary.RepositoryRoot, "tests");

    public static void SkipWithoutTunDevices()
    {
        if (LabAvailability.WhyNoTunDevices is { } reason)
            Assert.Skip(reason);
    }

    public static void SkipWithoutNamespaces()
    {
        if (LabAvailability.WhyNoNamespaces is { } reason)
            Assert.Skip(reason);
    }

    /// <summary>Skips mode ipvs on a kernel without it.</summary>
    public static void SkipWithoutKernelFor(params ReadOnlySpan<string> variants)
    {
        if (variants.Contains("ipvs") && LabAvailability.WhyNoIpvs is { } reason)
            Assert.Skip(reason);
    }

    public static void SkipWithout(params string[] tools)
    {
        string[] missing = [.. tools.Where(static tool => Tool.Find(tool) is null)];
        if (missing.Length > 0)
            Assert.Skip($"not installed: {string.Join(", ", missing)}");
    }

    /// <summary>The command that runs the program under test.</summary>
    public static ImmutableArray<string> RequirePortolan()
    {
        if (PortolanBinary.Command.IsEmpty)
            Assert.Fail("portolan is not built, and PORTOLAN_BIN is not set");
        return PortolanBinary.Command;
    }

    /// <summary>A number from the environment, for tests that can do more than they do by default.</summary>
    public static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
        ? value : otherwise;

    public static ImmutableArray<Scenario> ReadScenarios(string path) =>
        ScenarioReader.Read(Path.GetFileNameWithoutExtension(path), File.ReadAllText(path));

    public static void AssertNone(ImmutableArray<string> failures)
    {
        if (!failures.IsEmpty)
            Assert.Fail($"{failures.Length} flow(s) did not go as expected.\n{string.Join('\n', failures)}");
    }
}
