using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Reading;

/// <summary>Finds line numbers of increasing offsets without counting a line twice.</summary>
internal sealed class LineCounter(SourceText source, int offset, int line)
{
    private int _offset = offset;
    private int _line = line;

    public SourceSpan Span(int offset, int length)
    {
        if (offset > _offset)
        {
            _line += source.Bytes[_offset..offset].Count((byte)'\n');
            _offset = offset;
        }
        return new(source, _line, offset, length);
    }
}
