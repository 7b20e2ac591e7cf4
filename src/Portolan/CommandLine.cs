using System.Text.RegularExpressions;
using Portolan.Proxy;

namespace Portolan;

/// <summary>What the program was started as decides which command the arguments belong to.</summary>
internal static partial class CommandLine
{
    private const string ProxyCommandName = "proxy";

    private static readonly bool s_isPlugin = IsKubectlPlugin(ProxyCommand.ProgramName());

    /// <summary>True when kubectl started the program as <c>kubectl portolan</c>.</summary>
    internal static bool IsPlugin => s_isPlugin;

    /// <summary>The name kubectl looks for in PATH.</summary>
    internal static bool IsKubectlPlugin(string program) => Path.GetFileNameWithoutExtension(program) == "kubectl-portolan";

    /// <summary>A text in which commands are written as the user has to type them: "kubectl portolan why".</summary>
    internal static string AsTyped(string text) => s_isPlugin ? TypedCommand().Replace(text, "kubectl portolan ") : text;

    /// <summary>The arguments for the command tree.</summary>
    /// <param name="program">argv[0]: started as "kube-proxy", as the manifests of kubeadm, EKS, AKS and GKE do, it is the proxy.</param>
    /// <param name="args">The arguments behind it.</param>
    internal static string[] Read(string program, string[] args)
    {
        if (ProxyCommand.IsKubeProxy(program) && (args.Length == 0 || args[0].StartsWith('-')))
            return [ProxyCommandName, .. ProxyFlags.Normalize(args)];
        return args is [ProxyCommandName, ..] ? [ProxyCommandName, .. ProxyFlags.Normalize(args[1..])] : args;
    }

    // At the beginning of a line, after "Usage:", or in quotes; not "portolan: message", nor the name in a sentence.
    [GeneratedRegex(@"(?<=^[ \t]*|Usage:\s+|Example: |'|<\()(?:kubectl-)?portolan (?=[a-z<\[])", RegexOptions.Multiline)]
    private static partial Regex TypedCommand();
}
