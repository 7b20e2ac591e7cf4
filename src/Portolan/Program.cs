using System.CommandLine;
using System.CommandLine.Invocation;
using Portolan.Chart;

namespace Portolan;

internal static class Program
{
    // The chart tells wrong arguments from findings (docs/chart.md): a script must not take a typing mistake for an answer. The proxy ends
    // with 1, as kube-proxy does.
    private const int WrongArguments = 2;

    internal static async Task<int> Main(string[] args)
    {
        ParseResult parsed = CommandTree.Create().Parse(CommandLine.Read(Environment.GetCommandLineArgs()[0], args));
        if (parsed.Action is ParseErrorAction errors)
            errors.ShowHelp = args.Length == 0;
        // Commands that must end in order listen to signals themselves; the others end at once.
        try
        {
            var settings = new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false };
            int status = await parsed.InvokeAsync(settings);
            return parsed.Action is ParseErrorAction && parsed.CommandResult.Command.Name != "proxy" ? WrongArguments : status;
        }
        catch (OutputException failure)
        {
            Say($"portolan: the answer could not be written: {failure.Message}. Standard output needs an open file or pipe, on a disk with space left.");
            return WrongArguments;
        }
        catch (Exception failure)
        {
            // The one place where anything ends that nobody has answered: a line for a person, never a stack trace.
            Say($"portolan {parsed.CommandResult.Command.Name} ended: {failure.Message} ({failure.GetType().Name}). "
                + "This should not happen; please report it with the command line and the input.");
            return WrongArguments;
        }
    }

    private static void Say(string line)
    {
        try
        {
            Console.Error.WriteLine(line);
        }
        catch (IOException)
        {
            // Standard error cannot be written either: the exit status is all that is left to say it.
        }
    }
}
