using Portolan.DataPlanes.IpTables;
using Portolan.DataPlanes.IpTables.Tools;
using Portolan.Inet;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>How tools are run.</summary>
public sealed class ToolProcessTests
{
    [Fact]
    public void A_run_leaves_no_descriptor_behind()
    {
        Assert.SkipWhen(LabAvailability.WhyNoNamespaces is not null, LabAvailability.WhyNoNamespaces ?? "");
        const int Runs = 40;
        using var place = new NetworkNamespace("tools");
        var tool = new IpTablesTool(IpFamily.IPv4, IpTablesBackend.Nft, lockSeconds: 5);
        place.Run(() => tool.Save(static _ => { }));
        // As long as no collection runs, what is not disposed of stays.
        Assert.True(GC.TryStartNoGCRegion(32 << 20));
        try
        {
            int before = Pipes();
            for (int i = 0; i < Runs; i++)
            {
                place.Run(() => tool.Save(static stream => stream.CopyTo(Stream.Null)));
                Assert.True(place.Run(() => tool.Restore(static script => script.Empty(new(default, "MINE")))).Succeeded);
            }
            // Other tests run tools at the same time, which have some; what is left behind would be three for each of 80 runs.
            Assert.InRange(Pipes() - before, -3 * Runs, 3 * Runs);
        }
        finally
        {
            if (System.Runtime.GCSettings.LatencyMode == System.Runtime.GCLatencyMode.NoGCRegion)
                GC.EndNoGCRegion();
        }

        static int Pipes() => Directory.EnumerateFiles("/proc/self/fd")
            .Count(static file => TargetOf(file).StartsWith("pipe:", StringComparison.Ordinal)
            || TargetOf(file).StartsWith("socket:", StringComparison.Ordinal));
    }

    [Fact]
    public void A_tool_is_run_by_its_absolute_path()
    {
        string? path = ToolSearch.PathOf("iptables-nft");
        Assert.SkipWhen(path is null, "iptables-nft is not installed");
        Assert.True(Path.IsPathRooted(path));
        Assert.Null(ToolSearch.PathOf("portolan-no-such-tool"));
    }

    private static string TargetOf(string file)
    {
        try
        {
            return new FileInfo(file).LinkTarget ?? "";
        }
        catch (IOException)
        {
            // Closed meanwhile.
            return "";
        }
    }
}
