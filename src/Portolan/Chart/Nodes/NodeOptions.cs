using System.CommandLine;
using Portolan.Sources.Nodes;

namespace Portolan.Chart.Nodes;

/// <summary>The options by which a command runs on a node of the cluster instead of here.</summary>
internal sealed class NodeOptions
{
    private readonly Option<string?> _context = new("--context")
    {
        Description = "With --node or --all-nodes: the context of the kubeconfig to take.",
        HelpName = "NAME",
    };

    private readonly Option<string> _namespace = new("--proxy-namespace")
    {
        Description = "With --node or --all-nodes: the namespace of the proxy's DaemonSet.",
        DefaultValueFactory = static _ => ProxyPlace.Default.Namespace,
        HelpName = "NAME",
    };

    private readonly Option<string> _selector = new("--proxy-selector")
    {
        Description = "With --node or --all-nodes: the labels of the DaemonSet's pods.",
        DefaultValueFactory = static _ => ProxyPlace.Default.Selector,
        HelpName = "LABELS",
    };

    internal Option<string?> Node { get; } = new("--node")
    {
        Description = "Run this command on that node of the cluster, in the proxy's pod there.",
        HelpName = "NAME",
    };

    internal Option<string?> Kubeconfig { get; } = new("--kubeconfig")
    {
        Description = "With --node or --all-nodes: how the API server is reached, instead of KUBECONFIG or ~/.kube/config.",
        HelpName = "FILE",
    };

    internal Option<bool> AllNodes { get; } = new("--all-nodes")
    {
        Description = "Ask every node of the cluster and group the answers.",
    };

    internal Option<int> Parallel { get; } = new("--parallel")
    {
        Description = "With --all-nodes: how many nodes are asked at once.",
        DefaultValueFactory = static _ => 16,
        HelpName = "N",
    };

    internal Option<double> Patience { get; } = new("--timeout")
    {
        Description = "With --all-nodes: seconds after which a node counts as one that did not answer.",
        DefaultValueFactory = static _ => 30,
        HelpName = "SECONDS",
    };

    /// <summary>Those that mean nothing on the node itself.</summary>
    internal IEnumerable<Option> OfTheAsker => [Node, Kubeconfig, _context, _namespace, _selector, AllNodes, Parallel, Patience];

    /// <param name="command">The command.</param>
    /// <param name="severalNodes">The command's own option in the place of <see cref="Node"/>; null for that one.</param>
    internal void AddTo(Command command, Option? severalNodes = null)
    {
        foreach (Option option in (Option[])[severalNodes ?? Node, Kubeconfig, _context, _namespace, _selector])
        {
            if (!command.Options.Contains(option))
                command.Options.Add(option);
        }
    }

    /// <summary>For a command whose answers of many nodes can be grouped.</summary>
    internal void AddAllTo(Command command)
    {
        command.Options.Add(AllNodes);
        command.Options.Add(Parallel);
        command.Options.Add(Patience);
        command.Validators.Add(result =>
        {
            if (result.GetValue(AllNodes) && result.GetValue(Node) is not null)
                result.AddError("Only one of --node and --all-nodes can be given.");
        });
        Parallel.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 256)
                result.AddError("--parallel: takes a whole number from 1 to 256.");
        });
        Patience.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and <= 3600))
                result.AddError("--timeout: takes seconds, more than 0 and at most 3600.");
        });
    }

    /// <summary>True when the command's answers of many nodes can be grouped.</summary>
    internal bool CanAskAll(ParseResult parsed) => parsed.CommandResult.Command.Options.Contains(AllNodes);

    internal NodePods Open(ParseResult parsed, TimeSpan answerTime) => NodePods.Open(parsed.GetValue(Kubeconfig), parsed.GetValue(_context),
        new ProxyPlace(parsed.GetValue(_namespace)!, parsed.GetValue(_selector)!), answerTime, TimeProvider.System);
}
