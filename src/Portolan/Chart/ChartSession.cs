namespace Portolan.Chart;

/// <summary>
/// What commands of the chart are run in: a terminal, where each reads what its command line names, or the console, which asks many
/// questions about the same input.
/// </summary>
internal sealed class ChartSession
{
    private readonly ChartOutput? _output;

    private ChartSession(ChartOutput? output, HeldInput? held) => (_output, Held) = (output, held);

    /// <summary>A command that a person or a script typed.</summary>
    internal static ChartSession Terminal { get; } = new(null, null);

    /// <summary>What was read before; null where the command reads for itself.</summary>
    internal HeldInput? Held { get; }

    /// <summary>One question about input that is held.</summary>
    internal static ChartSession Over(HeldInput held, ChartOutput output) => new(output, held);

    /// <summary>Where the command prints.</summary>
    internal ChartOutput Output() => _output ?? new ChartOutput();
}
