using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Lab;

/// <summary>Files that show the state of the kernel and of the proxy when something was not as expected.</summary>
internal static class LabReport
{
    /// <summary>Writes the report and returns its path.</summary>
    public static string Write(Scenario scenario, ProxyMode mode, string what, NodeLab lab, ProxyUnderTest proxy)
    {
        string folder = Path.Combine(PortolanBinary.RepositoryRoot, "TestResults", "lab");
        Directory.CreateDirectory(folder);
        string name = string.Concat($"{scenario.File}-{scenario.Name}-{mode.ToConfigText()}".Select(static letter =>
            char.IsAsciiLetterOrDigit(letter) || letter == '-' ? letter : '_'));
        string file = Path.Combine(folder, name + ".txt");
        string sections = string.Join("\n\n", [
            what,
            "# nft list ruleset\n" + lab.DescribeRules(),
            "# ip addr, ip route\n"
                + lab.Namespace.Run(static () => Tool.TryRun("ip", ["addr"]).Output + Tool.TryRun("ip", ["route"]).Output
                + Tool.TryRun("ip", ["-6", "route"]).Output),
            "# " + proxy.Describe(),
        ]);
        File.WriteAllText(file, sections + "\n");
        return file;
    }
}
