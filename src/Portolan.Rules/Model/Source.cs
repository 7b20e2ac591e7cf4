using System.Text;

namespace Portolan.Rules.Model;

/// <summary>One file (or other input) that rules were read from, kept so that every rule can show its original text.</summary>
/// <param name="name">What to call the input in messages: its path as the user gave it, or "standard input".</param>
/// <param name="bytes">The whole content. It must not change afterwards.</param>
public sealed class SourceText(string name, byte[] bytes)
{
    /// <summary>What to call the input in messages.</summary>
    public string Name { get; } = name;

    /// <summary>The content, byte for byte as it came.</summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>The text of a part of the content; bytes that are no UTF-8 become U+FFFD.</summary>
    public string GetText(int offset, int length) => Encoding.UTF8.GetString(bytes, offset, length);
}

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

/// <summary>How much a problem costs the reader of the rules.</summary>
public enum ReadSeverity : byte
{
    /// <summary>Nothing was lost; something was assumed or is worth knowing.</summary>
    Note,

    /// <summary>Something in the input could not be read or used: the ruleset is partial.</summary>
    Partial,
}

/// <summary>Something in the input that could not be read, or had to be guessed. Never an exception: the rest is used.</summary>
/// <param name="File">Name of the input.</param>
/// <param name="Line">Line from 1; 0 when the problem concerns the whole input.</param>
/// <param name="Column">Byte in the line from 1, where known.</param>
/// <param name="Severity">Whether anything was lost.</param>
/// <param name="Message">What is wrong, what was kept.</param>
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
