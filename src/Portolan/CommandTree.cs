using System.CommandLine;
using Portolan.Chart;
using Portolan.Chart.Watch;
using Portolan.Proxy;
using Portolan.WebConsole;

namespace Portolan;

/// <summary>Every command of the binary, one line each; the commands themselves are in Proxy/ and Chart/.</summary>
internal static class CommandTree
{
    /// <summary>
    /// How command lines are read: "@name" is a word like any other, as in kube-proxy, and no file to take arguments from.
    /// </summary>
    internal static ParserConfiguration Parsing { get; } = new() { ResponseFileTokenReplacer = null };

    internal static RootCommand Create() =>
        new("Portolan: a Kubernetes service proxy, and the chart of a node's service rules.")
        {
            ProxyCommand.Create(),
            StatusCommand.Create(),
            PreflightCommand.Create(),
            ConfigurationPageCommand.Create(),
            RulesCommand.Create(ChartSession.Terminal),
            ServicesCommand.Create(ChartSession.Terminal),
            WhyCommand.Create(ChartSession.Terminal),
            CheckCommand.Create(ChartSession.Terminal),
            ExplainCommand.Create(ChartSession.Terminal),
            GraphCommand.Create(ChartSession.Terminal),
            TraceCommand.Create(ChartSession.Terminal),
            WatchCommand.Create(ChartSession.Terminal),
            ConsoleCommand.Create(),
            CompletionCommand.Create(),
        };

    /// <summary>The commands that answer about rules which were read before.</summary>
    internal static RootCommand CreateChart(ChartSession session) =>
        new()
        {
            RulesCommand.Create(session),
            ServicesCommand.Create(session),
            WhyCommand.Create(session),
            CheckCommand.Create(session),
            ExplainCommand.Create(session),
            GraphCommand.Create(session),
            TraceCommand.Create(session),
        };
}
