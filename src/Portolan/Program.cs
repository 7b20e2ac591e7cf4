using System.CommandLine;
using System.CommandLine.Invocation;
using Portolan.Chart;
using Portolan.Chart.Nodes;
using Portolan.Proxy.Logging;

namespace Portolan;

internal static class Program
{
    // The chart tells wrong arguments from findings (docs/chart.md): a script must not take a typing mistake for an answer. The proxy ends
    // with 1, as kube-proxy does.
    private const int CouldNotRun = 2;

    internal static async Task<int> Main(string[] args)
    {
        args = RemoteCall.Enter(args);
        ParseResult parsed = CommandTree.Create().Parse(CommandLine.Read(ProgramName.Read(), args), ChartCommands.Parsing);
        if (parsed.Action is ParseErrorAction errors)
            errors.ShowHelp = args.Length == 0;
        // Commands that must end in order listen to signals themselves; the others end at once.
        var invocation = new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false };
        // Help and complaints about the command line name the program by its file, which nobody types who starts it through kubectl.
        using var help = new StringWriter();
        using var complaints = new StringWriter();
        if (KubectlPlugin.IsActive)
            (invocation.Output, invocation.Error) = (help, complaints);
        int status;
        try
        {
            status = await parsed.InvokeAsync(invocation);
        }
        catch (Exception error)
        {
            return Report(error);
        }
        if (KubectlPlugin.IsActive)
        {
            Console.Out.Write(KubectlPlugin.AsTyped(help.ToString()));
            Console.Error.Write(KubectlPlugin.AsTyped(complaints.ToString()));
        }
        return parsed.Action is ParseErrorAction && parsed.CommandResult.Command.Name != "proxy" ? CouldNotRun : status;
    }

    /// <summary>One line for what no command expected: an operator needs what failed and what to do, not where in the program.</summary>
    private static int Report(Exception error)
    {
        string advice = error is IOException or UnauthorizedAccessException
            ? "Check that the output and the files named on the command line can be used (space, permissions)."
            : "This is a defect in portolan: please report it with the command line and its input.";
        string reason = error.Message.ReplaceLineEndings(" ");
        LastWords.Say($"portolan: {reason.TrimEnd('.')}. {advice}");
        return CouldNotRun;
    }
}
