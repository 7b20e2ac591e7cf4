namespace Portolan.Architecture.Tests;

/// <summary>The sources keep to the house plan.</summary>
public sealed class ArchitectureTests
{
    private static readonly ArrowChecker s_checker = new(ReadSources());

    [Fact]
    public void A_namespace_is_its_folder() => AssertNone(s_checker.Namespaces());

    [Fact]
    public void Projects_use_only_those_below_them() => AssertNone(s_checker.Projects());

    [Fact]
    public void Folders_use_only_those_below_them() => AssertNone(s_checker.Folders());

    [Fact]
    public void Netlinks_core_knows_no_netfilter() => AssertNone(s_checker.Netfilter());

    [Fact]
    public void Services_rules_and_inspect_know_no_socket_file_clock_or_process() => AssertNone(s_checker.Impurities());

    [Fact]
    public void Names_of_kube_proxys_chains_are_in_the_dialects_only() => AssertNone(ChainNames());

    [Fact]
    public void Known_faults_are_still_there()
    {
        string[] faults =
        [
            .. s_checker.Namespaces(), .. s_checker.Projects(), .. s_checker.Folders(), .. s_checker.Netfilter(), .. s_checker.Impurities(),
                .. ChainNames(),
        ];
        Assert.All(HousePlan.KnownFaults, known => Assert.Contains(faults, fault => fault.StartsWith(known, StringComparison.Ordinal)));
    }

    private static void AssertNone(IEnumerable<string> faults)
    {
        string[] unknown =
            [.. faults.Where(fault => !HousePlan.KnownFaults.Any(known => fault.StartsWith(known, StringComparison.Ordinal)))];
        Assert.True(unknown.Length == 0, string.Join('\n', unknown));
    }

    private static IEnumerable<string> ChainNames() => SourceFiles()
        .Where(file => !file.Path.StartsWith("Portolan.Rules/Dialects/", StringComparison.Ordinal)
        && file.Text.Contains("\"KUBE-", StringComparison.Ordinal))
        .Select(file => $"{file.Path}: \"KUBE-");

    private static List<SourceFile> ReadSources()
    {
        List<SourceFile> files = [.. SourceFiles().Select(file => SourceFile.Parse(file.Path, file.Text))];
        // A checker that finds no files would find no faults.
        Assert.True(files.Count > 200, $"only {files.Count} source files found");
        return files;
    }

    private static IEnumerable<(string Path, string Text)> SourceFiles() =>
        SourceTree.Files("src").Select(file => (file.Path["src/".Length..], file.Text));
}
