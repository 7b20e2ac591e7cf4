using System.Text;
using Portolan.Rules.Model;

namespace Portolan.Chart.Nodes;

/// <summary>
/// Writes what comes from a node to a stream of this program. Whoever controls the node controls the text: colours may pass, nothing else
/// that a terminal acts on.
/// </summary>
/// <param name="target">Where it is written; UTF-8 text without control characters arrives there byte for byte.</param>
/// <param name="withColors">False leaves colours out.</param>
internal sealed class RemoteText(Stream target, bool withColors)
{
    private const char Escape = '\u001b';
    // "ESC [ 38;2;255;255;255;48;2;255;255;255 m" and its like.
    private const int LongestSequence = 48;

    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _sequence = new();
    private readonly StringBuilder _plain = new();
    private bool _isColored;

    /// <summary>Takes some bytes; characters and sequences may be cut anywhere between two calls.</summary>
    internal void Write(ReadOnlySpan<byte> bytes)
    {
        char[] decoded = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
        int length = _decoder.GetChars(bytes, decoded, flush: false);
        Take(decoded.AsSpan(0, length));
        Pass();
    }

    /// <summary>Writes what is left and puts the terminal's colours back.</summary>
    internal void End()
    {
        char[] rest = new char[4];
        Take(rest.AsSpan(0, _decoder.GetChars([], rest, flush: true)));
        GiveUpSequence();
        if (_isColored)
            _plain.Append("\u001b[0m");
        Pass();
    }

    private void Take(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            int length = 1;
            if (_sequence.Length > 0)
            {
                length = Continue(text[0]) ? 1 : 0;
            }
            else if (text[0] == Escape)
            {
                _sequence.Append(Escape);
            }
            else
            {
                length = text.IndexOf(Escape) is >= 0 and var next ? next : text.Length;
                Show(text[..length]);
            }
            text = text[length..];
        }
    }

    // False when the character is none of the sequence's.
    private bool Continue(char c)
    {
        bool isPart = _sequence.Length == 1 ? c == '[' : char.IsAsciiDigit(c) || c == ';';
        if (isPart && _sequence.Length < LongestSequence)
        {
            _sequence.Append(c);
            return true;
        }
        if (c != 'm' || _sequence.Length == 1)
        {
            GiveUpSequence();
            return false;
        }
        if (withColors)
            _plain.Append(_sequence).Append(c);
        _isColored |= withColors;
        _sequence.Clear();
        return true;
    }

    private void GiveUpSequence()
    {
        if (_sequence.Length == 0)
            return;
        Show(_sequence.ToString());
        _sequence.Clear();
    }

    // Diagrams may have tabs; a terminal does nothing bad with them.
    private void Show(ReadOnlySpan<char> text) =>
        _plain.AppendJoin('\t', text.ToString().Split('\t').Select(static part => ShownText.Of(part)));

    private void Pass()
    {
        if (_plain.Length == 0)
            return;
        target.Write(Encoding.UTF8.GetBytes(_plain.ToString()));
        target.Flush();
        _plain.Clear();
    }
}
