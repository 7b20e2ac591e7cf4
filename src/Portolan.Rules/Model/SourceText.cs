using System.Collections.Immutable;
using System.Text;

namespace Portolan.Rules.Model;

/// <summary>One file (or other input) that rules were read from, kept so that every rule can show its original text.</summary>
/// <param name="name">What to call the input in messages: its path as the user gave it, or "standard input".</param>
/// <param name="bytes">The whole content. It must not be modified afterwards.</param>
/// <param name="lineNumbers">
/// The number of each line in the file, from 1, where the content differs from the file: lines of a paste that were joined or split.
/// Default when the lines are the file's.
/// </param>
public sealed class SourceText(string name, byte[] bytes, ImmutableArray<int> lineNumbers = default)
{
    /// <summary>What to call the input in messages.</summary>
    public string Name { get; } = name;

    /// <summary>The content, byte for byte as it was read.</summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>The text of a part of the content; bytes that are not UTF-8 become U+FFFD.</summary>
    public string GetText(int offset, int length) => Encoding.UTF8.GetString(bytes, offset, length);

    /// <summary>The number that a line of the content has in the file.</summary>
    /// <param name="line">Number of the line in the content, from 1.</param>
    public int LineInFile(int line) => lineNumbers.IsDefault || line < 1 || line > lineNumbers.Length ? line : lineNumbers[line - 1];
}
