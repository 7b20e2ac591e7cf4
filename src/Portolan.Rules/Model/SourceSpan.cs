namespace Portolan.Rules.Model;

/// <summary>The place an object was read from.</summary>
/// <param name="Source">The input; null for objects that were not read from text.</param>
/// <param name="Line">Line from 1; 0 when there is none.</param>
/// <param name="Offset">Where the object's text begins, in bytes from the start of the input.</param>
/// <param name="Length">Length of the object's text in bytes.</param>
public readonly record struct SourceSpan(SourceText? Source, int Line, int Offset, int Length)
{
    /// <summary>The original text, without the end of the line; empty when there is none.</summary>
    public string Text => Source?.GetText(Offset, Length) ?? string.Empty;

    /// <summary>"file:line", or an empty text when there is no source.</summary>
    public override string ToString() => Source is null ? string.Empty : $"{Source.Name}:{Line}";
}
