using System.CommandLine;
using Portolan.Chart;
using Portolan.Chart.Watch;
using Portolan.Proxy;
using Portolan.WebConsole;

namespace Portolan;

/// <summary>Every command of the binary, one line each; the commands themselves are in Proxy/, Chart/ and WebConsole/.</summary>
internal static class CommandTree
{
    internal static RootCommand Create()
    {
        var root = new RootCommand("Portolan: a Kubernetes service proxy, and the chart of a node's service rules.")
        {
            ProxyCommand.Create(),
            StatusCommand.Create(),
            PreflightCommand.Create(),
            ConfigurationPageCommand.Create(),
        };
        foreach (Command command in ChartCommands.Create(ChartSession.Terminal))
            root.Add(command);
        root.Add(WatchCommand.Create(ChartSession.Terminal));
        root.Add(ConsoleCommand.Create());
        root.Add(CompletionCommand.Create());
        return root;
    }
}
