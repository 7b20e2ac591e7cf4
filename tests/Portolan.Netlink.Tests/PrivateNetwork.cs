using System.Diagnostics;
using System.Globalization;
using Portolan.Netlink.Core;

namespace Portolan.Netlink.Tests;

/// <summary>A network namespace of its own, kept alive by a sleeping process; the machine's own rules are never touched.</summary>
public sealed class PrivateNetwork : IDisposable
{
    private readonly Process _holder;

    private PrivateNetwork(Process holder)
    {
        _holder = holder;
        Path = string.Create(CultureInfo.InvariantCulture, $"/proc/{holder.Id}/ns/net");
    }

    /// <summary>The namespace's file, for <see cref="NetlinkSocketOptions.NetworkNamespace"/>.</summary>
    public string Path { get; }

    /// <summary>A new namespace; skips the test where the process may not make one.</summary>
    public static PrivateNetwork Create()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("PORTOLAN_TEST_RINGS") == "unit", "the kernel is left out of ./test.sh --fast");
        Process holder = Start("unshare", ["--net", "sh", "-c", "echo ready; exec sleep 600"]);
        if (holder.StandardOutput.ReadLine() == "ready")
            return new PrivateNetwork(holder);
        string reason = holder.StandardError.ReadToEnd();
        holder.Dispose();
        Assert.Skip($"A network namespace is needed and could not be made (run as root, or inside `unshare -Urn`): {reason}");
        throw new UnreachableException();
    }

    public NetlinkSocket Open(NetlinkProtocol protocol = NetlinkProtocol.Netfilter, int receiveBufferBytes = 0) =>
        NetlinkSocket.Open(protocol, new NetlinkSocketOptions { NetworkNamespace = Path, ReceiveBufferBytes = receiveBufferBytes });

    /// <summary>Runs a program in the namespace and returns what it printed; fails the test if it fails.</summary>
    public string Run(string program, params string[] arguments)
    {
        using Process process = Start("nsenter", [$"--net={Path}", program, .. arguments]);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors.Result}");
        return output;
    }

    /// <summary>As <see cref="Run"/>, for nft; skips the test where nft is not installed.</summary>
    public string Nft(params string[] arguments)
    {
        Tools.Require("nft");
        return Run("nft", arguments);
    }

    public void Dispose()
    {
        _holder.Kill();
        _holder.WaitForExit();
        _holder.Dispose();
    }

    private static Process Start(string program, string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}

internal static class Tools
{
    /// <summary>Skips the test where a program is not installed.</summary>
    internal static void Require(string program) =>
        Assert.SkipUnless(
            (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin").Split(':')
                .Any(folder => File.Exists(System.IO.Path.Combine(folder, program))),
            $"{program} is not installed");
}
