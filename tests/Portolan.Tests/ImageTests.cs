using System.Diagnostics;
using Portolan.Testing.FakeApiServer;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;

namespace Portolan.Tests;

/// <summary>
/// The image's root filesystem, made by deploy/image/rootfs.sh, with the manifest's capabilities, read-only, against an API server on TLS.
/// </summary>
public sealed class ImageTests
{
    // linux/capability.h: NET_ADMIN; the legacy back-end opens a raw socket as well.
    private const string NetAdmin = "12";
    private const string NetAdminAndRaw = "12,13";

    [Theory]
    [InlineData("nftables", 0, NetAdmin, "nftables", "")]
    [InlineData("nftables", 65532, NetAdmin, "nftables", "")]
    [InlineData("iptables", 0, NetAdmin, "iptables", "--iptables-backend=nft")]
    [InlineData("iptables", 65532, NetAdmin, "iptables", "--iptables-backend=nft")]
    [InlineData("iptables", 0, NetAdminAndRaw, "iptables", "--iptables-backend=legacy")]
    public async Task The_image_serves_with_the_manifests_rights(string image, int user, string capabilities, string mode, string flags)
    {
        string binary = NativeBinary();
        using var run = new PortolanRun();
        string root = Assemble(run, image, binary);
        using var authority = new FakeAuthority();
        await using FakeServer server = run.InNode(() => new FakeServer(new FakeServerOptions { Authority = authority }));
        server.Cluster.Apply(Objects.Service);
        server.Cluster.Apply(Objects.Slice);
        server.Cluster.Apply(Objects.Node);
        string mounted = Directory.CreateDirectory(Path.Combine(run.Folder, "kube-proxy")).FullName;
        File.WriteAllText(Path.Combine(mounted, "kubeconfig.conf"),
            FakeKubeconfig.For(server.Address, authority.CertificatePem, FakeKubeconfig.UserWith(authority.IssueClient("proxy"))));
        File.WriteAllText(Path.Combine(mounted, "config.conf"), $$"""
            apiVersion: kubeproxy.config.k8s.io/v1alpha1
            kind: KubeProxyConfiguration
            mode: {{mode}}
            hostnameOverride: node-a
            clusterCIDR: 10.244.0.0/16
            clientConnection: {kubeconfig: /var/lib/kube-proxy/kubeconfig.conf}
            conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
            """);
        string lockFile = Path.Combine(run.Folder, "node-xtables.lock");
        File.WriteAllText(lockFile, "");
        Tool.Run("chmod", ["666", lockFile]);
        Tool.Run("chmod", ["-R", "a+rX", run.Folder]);

        run.StartProgram(
            [InImage, root, $"{user}", capabilities, mounted, lockFile, "/usr/local/bin/kube-proxy",
            "--config=/var/lib/kube-proxy/config.conf", .. flags.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

        await run.UntilSyncedAsync(1);
        string tool = flags.EndsWith("legacy", StringComparison.Ordinal) ? "iptables-legacy-save" : "nft";
        string rules = tool == "nft" ? run.Tools("nft", "list", "ruleset") : run.Tools(tool);
        Assert.Contains("10.244.1.10", rules, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_OpenSSL_the_start_ends_with_one_line()
    {
        string binary = NativeBinary();
        using var run = new PortolanRun();
        string root = Assemble(run, "nftables", binary);
        foreach (string library in Directory.EnumerateFiles(root, "libssl.so*", SearchOption.AllDirectories).ToArray())
            File.Delete(library);
        File.WriteAllText(Path.Combine(run.Folder, "lock"), "");

        Outcome outcome = run.RunProgram(InImage, root, "0", NetAdmin, run.Folder, Path.Combine(run.Folder, "lock"),
            "/usr/local/bin/kube-proxy", "--master=https://127.0.0.1:6443");

        Assert.Equal(1, outcome.Status);
        Assert.Contains("TLS to the API server needs OpenSSL, and libssl.so.3 cannot be loaded: install it",
            Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_image_for_iptables_has_the_shell_that_GKE_starts_it_through()
    {
        string binary = NativeBinary();
        using var run = new PortolanRun();
        string root = Assemble(run, "iptables", binary);

        Assert.Contains("in place of kube-proxy", run.Tools("chroot", root, "/bin/sh", "-c", "exec kube-proxy --version 2>&1"),
            StringComparison.Ordinal);
        Assert.Contains("conntrack v", run.Tools("chroot", root, "/usr/sbin/conntrack", "--version"), StringComparison.Ordinal);
        Assert.Contains("ipset v", run.Tools("chroot", root, "/usr/sbin/ipset", "--version"), StringComparison.Ordinal);
    }

    private static string InImage => Path.Combine(PortolanBinary.RepositoryRoot, "tests", "tools", "in-image.sh");

    private static string NativeBinary()
    {
        string binary = PortolanBinary.Command.LastOrDefault() ?? "";
        if (binary.EndsWith(".dll", StringComparison.Ordinal) || File.Exists(binary + ".dll"))
            Assert.Skip("images hold the native binary: ./build.sh makes it, PORTOLAN_BIN names it");
        if (Tool.Find("apt-get") is null || Tool.Find("perl") is null)
            Assert.Skip("the image is assembled from Debian packages, and apt-get or perl is not here");
        return binary;
    }

    private static string Assemble(PortolanRun run, string image, string binary)
    {
        string root = Path.Combine(run.Folder, "root");
        var start = new ProcessStartInfo(Path.Combine(PortolanBinary.RepositoryRoot, "deploy", "image", "rootfs.sh"), [root, image, binary])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        // Packages come from the network of the machine, not of the node.
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0 && errors.Contains("Unable to", StringComparison.Ordinal))
            Assert.Skip($"Debian packages cannot be had here: {errors.Trim()}");
        Assert.True(process.ExitCode == 0, errors + output.GetAwaiter().GetResult());
        return root;
    }
}
