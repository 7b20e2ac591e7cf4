namespace Portolan;

internal static class Program
{
    internal static int Main(string[] args) => CommandTree.Create().Parse(args).Invoke();
}
