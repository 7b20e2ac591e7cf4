namespace Portolan.WebConsole;

/// <summary>What a console shows.</summary>
/// <param name="Input">What the page shows first.</param>
internal sealed record ConsoleSetup(ConsoleInput Input)
{
    /// <summary>The nodes that were named, with what answers for each; the first is <see cref="Input"/>.</summary>
    internal IReadOnlyList<(string Name, ConsoleInput Input)> Nodes { get; init; } = [];

    /// <summary>
    /// Reads a file that was dropped: its input, null when there are no rules in it; what was said; how many services it has.
    /// </summary>
    internal required Func<string, byte[], (ConsoleInput? Input, IReadOnlyList<string> Messages, int Services)> Open { get; init; }

    /// <summary>What happened lately, of a running proxy; null for others.</summary>
    internal Func<ReadOnlyMemory<byte>>? Timeline { get; init; }

    /// <summary>The YAML of a service, "shop/web", and its slices; null where no cluster was named.</summary>
    internal Func<string, CancellationToken, Task<string?>>? Objects { get; init; }
}
