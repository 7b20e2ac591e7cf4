using Portolan.Proxy;

namespace Portolan;

/// <summary>What the program was started as decides which command the arguments belong to.</summary>
internal static class CommandLine
{
    private const string ProxyCommandName = "proxy";

    /// <summary>The arguments for the command tree.</summary>
    /// <param name="program">argv[0]: started as "kube-proxy", as the manifests of kubeadm, EKS, AKS and GKE do, it is the proxy.</param>
    /// <param name="args">The arguments behind it.</param>
    internal static string[] Read(string program, string[] args)
    {
        if (ProxyCommand.IsKubeProxy(program) && (args.Length == 0 || args[0].StartsWith('-')))
            return [ProxyCommandName, .. ProxyFlags.Normalize(args)];
        return args is [ProxyCommandName, ..] ? [ProxyCommandName, .. ProxyFlags.Normalize(args[1..])] : args;
    }
}
