using System.CommandLine;

namespace Portolan.Chart;

/// <summary>The commands that answer about rules, wherever these were read.</summary>
internal static class ChartCommands
{
    /// <summary>
    /// How command lines are read: "@name" is a word like any other, as in kube-proxy, and no file to take arguments from.
    /// </summary>
    internal static ParserConfiguration Parsing { get; } = new() { ResponseFileTokenReplacer = null };

    internal static IEnumerable<Command> Create(ChartSession session) =>
    [
        RulesCommand.Create(session),
        ServicesCommand.Create(session),
        WhyCommand.Create(session),
        CheckCommand.Create(session),
        ExplainCommand.Create(session),
        GraphCommand.Create(session),
        TraceCommand.Create(session),
    ];
}
