namespace Portolan.Rules.Model;

/// <summary>Something in the input that could not be read, or had to be guessed. Never an exception: the rest is used.</summary>
/// <param name="File">Name of the input.</param>
/// <param name="Line">Line from 1; 0 when the problem concerns the whole input.</param>
/// <param name="Column">Byte in the line from 1, where known.</param>
/// <param name="Severity">Whether anything was lost.</param>
/// <param name="Message">What is wrong, and what was kept.</param>
public sealed record ReadProblem(string File, int Line, int? Column, ReadSeverity Severity, string Message)
{
    /// <summary>"file:line:column: message".</summary>
    public override string ToString() => (Line, Column) switch
    {
        (0, _) => $"{File}: {Message}",
        (_, null) => $"{File}:{Line}: {Message}",
        _ => $"{File}:{Line}:{Column}: {Message}",
    };
}
