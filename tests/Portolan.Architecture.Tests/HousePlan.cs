using System.Collections.Immutable;

namespace Portolan.Architecture.Tests;

/// <summary>The house plan of docs/architecture.md: who may use whom.</summary>
internal static class HousePlan
{
    /// <summary>Each project and those it may use. The binary uses all.</summary>
    public static ImmutableDictionary<string, ImmutableArray<string>> Projects { get; } = Arrows(
        ("Portolan.Inet", []),
        ("Portolan.Netlink", ["Portolan.Inet"]),
        ("Portolan.Services", ["Portolan.Inet"]),
        ("Portolan.Rules", ["Portolan.Inet"]),
        ("Portolan.Inspect", ["Portolan.Inet", "Portolan.Rules", "Portolan.Services"]),
        ("Portolan.Sources", ["Portolan.Inet", "Portolan.Services"]),
        ("Portolan.DataPlanes", ["Portolan.Inet", "Portolan.Services", "Portolan.Netlink", "Portolan.Rules"]),
        ("Portolan",
        [
            "Portolan.Inet", "Portolan.Netlink", "Portolan.Services", "Portolan.Rules", "Portolan.Inspect", "Portolan.Sources",
                "Portolan.DataPlanes",
        ]));

    /// <summary>Of some projects others may use one folder only.</summary>
    public static ImmutableArray<(string User, string Used, string Folder)> OnlyFolder { get; } =
        [("Portolan.DataPlanes", "Portolan.Rules", "Dialects")];

    /// <summary>
    /// Folders of a project and those they may use. The empty name is the project's own folder (Registry.cs), which may use all. Projects
    /// that are not listed must have no circles.
    /// </summary>
    public static ImmutableDictionary<string, ImmutableDictionary<string, ImmutableArray<string>>> Folders { get; } =
        new Dictionary<string, ImmutableDictionary<string, ImmutableArray<string>>>
        {
            // Core knows no netfilter.
            ["Portolan.Netlink"] = Arrows(
                ("Uapi", []), ("Core", ["Uapi"]), ("Netfilter", ["Core", "Uapi"]),
                ("NfTables", ["Netfilter", "Core", "Uapi"]), ("Conntrack", ["Netfilter", "Core", "Uapi"]),
                ("Ipsets", ["Netfilter", "Core", "Uapi"]), ("Route", ["Core", "Uapi"]),
                ("GenericNetlink", ["Core", "Uapi"]), ("Ipvs", ["GenericNetlink", "Core", "Uapi"])),
            ["Portolan.Services"] = Arrows(
                ("Cluster", []), ("Node", ["Cluster"]), ("Plans", ["Node", "Cluster"]), ("Planning", ["Plans", "Node", "Cluster"])),
            ["Portolan.Rules"] = Arrows(("Model", []), ("Dialects", []), ("Readers", ["Model", "Dialects"])),
            ["Portolan.Inspect"] = Arrows(
                ("Simulation", []), ("Programmed", ["Simulation"]), ("Descriptions", ["Programmed", "Simulation"]),
                ("Causes", ["Descriptions", "Programmed", "Simulation"]),
                ("Checks", ["Causes", "Descriptions", "Programmed", "Simulation"]),
                ("Graphs", ["Causes", "Descriptions", "Programmed", "Simulation"]),
                ("Answers", ["Graphs", "Checks", "Causes", "Descriptions", "Programmed", "Simulation"])),
            ["Portolan.DataPlanes"] = Arrows(
                ("Contract", []), ("Sync", ["Contract"]), ("Host", ["Contract"]),
                ("NfTables", ["Contract"]), ("IpTables", ["Contract"]), ("Ipvs", ["Contract"]),
                ("", ["Contract", "Sync", "Host", "NfTables", "IpTables", "Ipvs"])),
        }.ToImmutableDictionary();

    /// <summary>Projects without sockets, files, clocks and processes: what they say depends on their input alone.</summary>
    public static ImmutableArray<string> Pure { get; } = ["Portolan.Services", "Portolan.Rules", "Portolan.Inspect"];

    /// <summary>
    /// Beginnings of faults that are known and still there. One that is found no more fails the tests: its line here goes.
    /// </summary>
    public static ImmutableArray<string> KnownFaults { get; } = [];

    private static ImmutableDictionary<string, ImmutableArray<string>> Arrows(params (string From, ImmutableArray<string> To)[] arrows) =>
        arrows.ToImmutableDictionary(arrow => arrow.From, arrow => arrow.To);
}
