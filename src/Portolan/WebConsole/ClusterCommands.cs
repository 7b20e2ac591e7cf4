namespace Portolan.WebConsole;

/// <summary>Which commands read the cluster's objects beside the rules.</summary>
internal static class ClusterCommands
{
    internal static bool Contain(string command) => command is "why" or "check" or "services";
}
