using Portolan.Testing.Proxies;

namespace Portolan.Tests;

/// <summary>docs/configuration.md says of each field and flag what the program does with it.</summary>
/// <remarks>PORTOLAN_UPDATE_DOCS=1 writes the tables into the page instead of comparing.</remarks>
public sealed class ConfigurationDocsTests
{
    private const string Start = "<!-- portolan configuration-page -->\n";
    private const string End = "<!-- end -->";

    private static readonly string s_file = Path.Combine(PortolanBinary.RepositoryRoot, "docs", "configuration.md");

    [Fact]
    public void The_page_has_the_programs_own_tables()
    {
        using var run = new PortolanRun();
        string printed = run.Run(["configuration-page"]).Output;
        string page = File.ReadAllText(s_file);
        int from = page.IndexOf(Start, StringComparison.Ordinal) + Start.Length;
        int to = page.IndexOf(End, from, StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("PORTOLAN_UPDATE_DOCS") == "1")
            File.WriteAllText(s_file, page[..from] + printed + page[to..]);
        else
            Assert.Equal(printed, page[from..to]);
    }

    /// <summary>The fields of kubeproxy.config.k8s.io/v1alpha1 in v1.36, and its flags: none may be missing.</summary>
    [Theory]
    [InlineData("`detectLocal.interfaceNamePrefix` | `--pod-interface-name-prefix`")]
    [InlineData("`mode` | `--proxy-mode`")]
    [InlineData("`iptables.masqueradeAll` | `--masquerade-all`")]
    [InlineData("`nftables.masqueradeAll` | `--masquerade-all`")]
    [InlineData("`logging.options.json.infoBufferSize` | `--log-json-info-buffer-size`")]
    [InlineData("`winkernel.enableDSR` |  | `false` | no effect")]
    [InlineData("`--machine-id-file`")]
    [InlineData("`--write-config-to`")]
    public void The_page_names(string expected) => Assert.Contains(expected, File.ReadAllText(s_file), StringComparison.Ordinal);
}
