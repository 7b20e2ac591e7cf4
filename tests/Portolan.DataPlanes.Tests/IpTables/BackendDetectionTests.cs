using Portolan.DataPlanes.IpTables;
using Portolan.Testing.Namespaces;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>Which back-end is taken where nobody says: the one the rest of the node uses.</summary>
public sealed class BackendDetectionTests
{
    private const string Hint = "*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n";
    private const string Canary = "*mangle\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT\n";
    private const string Rules = "*filter\n-A INPUT -s 192.0.2.1/32 -j DROP\n-A INPUT -s 192.0.2.2/32 -j DROP\nCOMMIT\n";

    public static TheoryData<string, string, IpTablesBackend> Nodes { get; } = new()
    {
        { "", "", IpTablesBackend.Nft },
        { Hint, "", IpTablesBackend.Nft },
        { "", Hint, IpTablesBackend.Legacy },
        { Canary, "", IpTablesBackend.Nft },
        { "", Canary, IpTablesBackend.Legacy },
        // As iptables-wrappers: it looks for hints in nf_tables first.
        { Hint, Canary, IpTablesBackend.Nft },
        { Rules, Canary, IpTablesBackend.Legacy },
        { Canary, Rules, IpTablesBackend.Nft },
        { "", Rules, IpTablesBackend.Legacy },
        { Rules, "", IpTablesBackend.Nft },
    };

    [Theory]
    [MemberData(nameof(Nodes))]
    public void The_back_end_of_the_hints_is_taken_else_the_one_with_more_rules(string inNft, string inLegacy, IpTablesBackend expected)
    {
        using var plane = new PlaneUnderTest(new() { Backend = expected });
        Load(plane.Namespace, "nft", inNft);
        Load(plane.Namespace, "legacy", inLegacy);

        using IpTablesPlane detecting = plane.Namespace.Run(() => new IpTablesPlane(new()));

        Assert.Equal(expected, detecting.Backend);
    }

    [Theory]
    [InlineData(IpTablesBackend.Nft)]
    [InlineData(IpTablesBackend.Legacy)]
    public void A_back_end_that_is_asked_for_is_taken_whatever_the_hints_say(IpTablesBackend backend)
    {
        using var plane = new PlaneUnderTest(new() { Backend = backend });
        Load(plane.Namespace, backend == IpTablesBackend.Nft ? "legacy" : "nft", Hint);

        plane.Sync();

        Assert.Contains("KUBE-SERVICES", plane.Save(), StringComparison.Ordinal);
        string other =
            plane.Namespace.Run(() => Tool.Run(backend == IpTablesBackend.Nft ? "iptables-legacy-save" : "iptables-nft-save", []));
        Assert.DoesNotContain("KUBE-SERVICES", other, StringComparison.Ordinal);
    }

    private static void Load(NetworkNamespace where, string backend, string rules)
    {
        if (rules.Length > 0)
            where.Run(() => Tool.Run($"iptables-{backend}-restore", ["--noflush"], rules));
    }
}
