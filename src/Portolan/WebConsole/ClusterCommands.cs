using System.Collections.Immutable;

namespace Portolan.WebConsole;

/// <summary>Which commands read the cluster's objects beside the rules.</summary>
internal static class ClusterCommands
{
    /// <summary>All that can.</summary>
    internal static ImmutableArray<string> All { get; } = ["why", "check", "services"];

    /// <summary>Where each reading is a burden for an API server: those about one service.</summary>
    internal static ImmutableArray<string> OfOneService { get; } = ["why"];
}
