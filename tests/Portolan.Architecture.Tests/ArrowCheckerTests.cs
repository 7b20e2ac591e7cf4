namespace Portolan.Architecture.Tests;

/// <summary>The checker finds each kind of fault in sources made for it, and nothing in sources without fault.</summary>
public sealed class ArrowCheckerTests
{
    private static ArrowChecker Of(params (string Path, string Text)[] files) =>
        new([.. files.Select(file => SourceFile.Parse(file.Path, file.Text))]);

    [Fact]
    public void A_namespace_of_another_folder_is_found()
    {
        ArrowChecker checker = Of(
            ("Portolan.Rules/Model/Rule.cs", "namespace Portolan.Rules.Readers;\nclass Rule;"),
            ("Portolan.Rules/Model/Chain.cs", "namespace Portolan.Rules.Model;\nclass Chain;"));
        Assert.StartsWith("Portolan.Rules/Model/Rule.cs: namespace Portolan.Rules.Readers", Assert.Single(checker.Namespaces()),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Portolan.Rules/Model/A.cs", "using Portolan.Services.Plans;")]
    [InlineData("Portolan.Netlink/Core/A.cs", "class A { Portolan.Rules.Model.Rule x; }")]
    [InlineData("Portolan.DataPlanes/NfTables/A.cs", "using Portolan.Rules.Model;")]
    [InlineData("Portolan.Sources/Api/A.cs", "using Portolan . Netlink . Core;")]
    [InlineData("Portolan.Extra/A.cs", "class A;")]
    public void A_project_that_uses_one_above_or_beside_it_is_found(string path, string text) => Assert.Single(Of((path, text)).Projects());

    [Theory]
    [InlineData("Portolan.DataPlanes/NfTables/A.cs", "using Portolan.Rules.Dialects;")]
    [InlineData("Portolan.Inspect/Checks/A.cs", "using Portolan.Services.Plans;")]
    [InlineData("Portolan.Rules/Model/A.cs", "// Portolan.Services.Plans\nclass A { string s = \"Portolan.Services.Plans\"; }")]
    public void A_project_that_uses_one_below_it_is_no_fault(string path, string text) => Assert.Empty(Of((path, text)).Projects());

    [Theory]
    [InlineData("Portolan.Inspect/Simulation/A.cs", "using Portolan.Inspect.Descriptions;")]
    [InlineData("Portolan.Inspect/Simulation/A.cs",
        "namespace Portolan.Inspect.Simulation; class A { string s = Descriptions.Words.Of(1); }")]
    [InlineData("Portolan.Inspect/Programmed/A.cs", "using Portolan.Inspect.Checks;")]
    [InlineData("Portolan.Inspect/Elsewhere/A.cs", "class A;")]
    public void A_folder_that_uses_one_above_it_is_found(string path, string text) =>
        Assert.Single(Of(
            (path, text),
            ("Portolan.Inspect/Descriptions/Words.cs", "namespace Portolan.Inspect.Descriptions; static class Words;"),
            ("Portolan.Inspect/Checks/Check.cs", "namespace Portolan.Inspect.Checks; class Check;")).Folders());

    [Fact]
    public void A_plane_that_uses_the_registry_or_another_plane_is_found()
    {
        ArrowChecker checker = Of(
            ("Portolan.DataPlanes/Registry.cs",
                "using Portolan.DataPlanes.NfTables;\nnamespace Portolan.DataPlanes;\nstatic class Registry;"),
            ("Portolan.DataPlanes/IpTables/Plane.cs",
                "using Portolan.DataPlanes.NfTables;\nnamespace Portolan.DataPlanes.IpTables;\nclass Plane;"),
            ("Portolan.DataPlanes/NfTables/Other.cs", "namespace Portolan.DataPlanes.NfTables;\nclass Other { object x = Registry.All; }"));
        Assert.Equal(2, checker.Folders().Count());
    }

    [Fact]
    public void Netfilter_in_netlinks_core_is_found()
    {
        ArrowChecker checker = Of(
            ("Portolan.Netlink/Uapi/NfTablesHeader.cs", "namespace Portolan.Netlink.Uapi;\nstatic class NfTablesHeader;"),
            ("Portolan.Netlink/Core/Socket.cs", "using static Portolan.Netlink.Uapi.NfTablesHeader;"),
            ("Portolan.Netlink/Core/Other.cs", "class A { int i = NfTablesHeader.Ten; }"),
            ("Portolan.Netlink/NfTables/Reader.cs", "class B { int i = NfTablesHeader.Ten; }"));
        Assert.Equal(2, checker.Netfilter().Count());
    }

    [Fact]
    public void A_circle_of_folders_is_found()
    {
        ArrowChecker checker = Of(
            ("Portolan.Sources/Api/A.cs", "using Portolan.Sources.Objects;\nclass A;"),
            ("Portolan.Sources/Objects/B.cs", "using Portolan.Sources.Manifests;\nclass B;"),
            ("Portolan.Sources/Manifests/C.cs", "using Portolan.Sources.Api;\nclass C;"));
        Assert.Contains("circle", Assert.Single(checker.Folders()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("var text = File.ReadAllText(path);")]
    [InlineData("using System.Net.Sockets;")]
    [InlineData("var now = DateTime.UtcNow;")]
    [InlineData("var now = DateTimeOffset.Now;")]
    [InlineData("Process.Start(\"nft\");")]
    [InlineData("var watch = Stopwatch.StartNew();")]
    [InlineData("var home = Environment.GetEnvironmentVariable(\"HOME\");")]
    [InlineData("var s = new Socket(1, 2, 3);")]
    [InlineData("var s = new StreamReader(path);")]
    [InlineData("var t = TimeProvider.System;")]
    public void A_socket_file_clock_or_process_is_found_where_there_must_be_none(string line)
    {
        Assert.Single(Of(("Portolan.Services/Planning/A.cs", line)).Impurities());
        Assert.Empty(Of(("Portolan.DataPlanes/Host/A.cs", line)).Impurities());
    }

    [Theory]
    [InlineData("// File.ReadAllText\n/* DateTime.Now */ var s = \"Process.Start\" + $\"{x} File.Open\" + @\"Console.\" + 'F';")]
    [InlineData("bool HasSocket; file.Process(); source.File.Length.ToString(); DateTime.MinValue.ToString();")]
    public void Comments_strings_and_names_alike_are_no_fault(string line) =>
        Assert.Empty(Of(("Portolan.Services/Planning/A.cs", line)).Impurities());
}
