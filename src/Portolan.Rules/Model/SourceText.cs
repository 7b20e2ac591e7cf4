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
