using System.CommandLine;

namespace Portolan;

internal static class Program
{
    // Commands that must end in order listen to signals themselves; the others end at once.
    internal static Task<int> Main(string[] args) =>
        CommandTree.Create().Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
}
