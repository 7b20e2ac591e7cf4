namespace Portolan.Chart;

/// <summary>The chart's exit statuses.</summary>
internal static class ExitStatus
{
    /// <summary>Answered, from the whole input.</summary>
    internal const int Ok = 0;

    /// <summary>Findings, or a service that does not exist.</summary>
    internal const int Findings = 1;

    /// <summary>Could not run: no input, wrong arguments.</summary>
    internal const int CouldNotRun = 2;

    /// <summary>Answered, but a part of the input could not be read.</summary>
    internal const int Partial = 3;
}
