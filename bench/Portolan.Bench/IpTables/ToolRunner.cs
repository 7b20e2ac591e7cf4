using System.Diagnostics;
using Portolan.DataPlanes.IpTables;

namespace Portolan.Bench.IpTables;

/// <summary>The tools of one back-end, for IPv4, as a yardstick.</summary>
internal sealed class ToolRunner(IpTablesBackend backend)
{
    private readonly string _prefix = backend == IpTablesBackend.Nft ? "iptables-nft" : "iptables-legacy";

    /// <summary>Feeds a file to iptables-restore without emptying what the file does not name.</summary>
    public void Restore(string file, bool inNewNamespace)
    {
        string[] command = [.. inNewNamespace ? (string[])["unshare", "-n"] : [], $"{_prefix}-restore", "--noflush", file];
        using Process process = Process.Start(command[0], command[1..]);
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{string.Join(' ', command)}: exit code {process.ExitCode}");
    }

    /// <summary>What iptables-save shows, without the accounting objects that another namespace does not have.</summary>
    public string Save()
    {
        using Process process = Process.Start(new ProcessStartInfo($"{_prefix}-save") { RedirectStandardOutput = true })!;
        string saved = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return string.Join('\n', saved.Split('\n').Where(static line => !line.Contains("--nfacct-name", StringComparison.Ordinal)));
    }
}
