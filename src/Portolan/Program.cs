using System.CommandLine;
using System.CommandLine.Invocation;

namespace Portolan;

internal static class Program
{
    // The chart tells wrong arguments from findings (docs/chart.md): a script must not take a typing mistake for an answer. The proxy ends
    // with 1, as kube-proxy does.
    private const int WrongArguments = 2;

    internal static async Task<int> Main(string[] args)
    {
        ParseResult parsed = CommandTree.Create().Parse(args);
        if (parsed.Action is ParseErrorAction errors)
            errors.ShowHelp = args.Length == 0;
        // Commands that must end in order listen to signals themselves; the others end at once.
        int status = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
        return parsed.Action is ParseErrorAction && parsed.CommandResult.Command.Name != "proxy" ? WrongArguments : status;
    }
}
