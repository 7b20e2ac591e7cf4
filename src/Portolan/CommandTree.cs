using System.CommandLine;
using Portolan.Chart;
using Portolan.Chart.Watch;
using Portolan.Proxy;

namespace Portolan;

/// <summary>Every command of the binary, one line each; the commands themselves are in Proxy/ and Chart/.</summary>
internal static class CommandTree
{
    internal static RootCommand Create() =>
        new("Portolan: a Kubernetes service proxy, and the chart of a node's service rules.")
        {
            ProxyCommand.Create(),
            StatusCommand.Create(),
            PreflightCommand.Create(),
            ConfigurationPageCommand.Create(),
            RulesCommand.Create(),
            ServicesCommand.Create(),
            WhyCommand.Create(),
            CheckCommand.Create(),
            ExplainCommand.Create(),
            GraphCommand.Create(),
            TraceCommand.Create(),
            WatchCommand.Create(),
            CompletionCommand.Create(),
        };
}
