using System.Text.Json;

namespace Portolan.Sources.Api;

/// <summary>What a response of the API server is made of.</summary>
internal enum FrameLayout : byte
{
    /// <summary>A stream of objects, one after the other (watch).</summary>
    Stream,

    /// <summary>One list object, whose items and metadata are the frames.</summary>
    List,
}

/// <summary>What a frame holds.</summary>
internal enum FrameKind : byte
{
    /// <summary>The response is at its end.</summary>
    None,

    /// <summary>An object of the stream or of the list's items.</summary>
    Item,

    /// <summary>The list's metadata.</summary>
    Metadata,
}

/// <summary>
/// Cuts a response into the JSON objects it is made of while it arrives, so that a list of ten thousand services needs the memory of its
/// largest one. Only the structure is parsed here.
/// </summary>
internal sealed class JsonFramer(Stream response, FrameLayout layout)
{
    // etcd takes no object above 1.5 MiB by default; what does not fit here is no Kubernetes object.
    private const int LargestFrame = 16 << 20;

    private byte[] _buffer = new byte[32 << 10];
    private int _scanned;
    private int _end;
    private int _frameStart = -1;
    private JsonReaderState _state = new(new JsonReaderOptions { AllowMultipleValues = layout == FrameLayout.Stream });
    private FrameKind _property = layout == FrameLayout.Stream ? FrameKind.Item : FrameKind.None;
    private bool _listEnded;
    private ReadOnlyMemory<byte> _frame;

    /// <summary>The frame found last; valid until the next call of <see cref="ReadAsync"/>.</summary>
    public ReadOnlySpan<byte> Frame => _frame.Span;

    /// <summary>Waits for the next frame.</summary>
    /// <exception cref="JsonException">What arrives is no JSON.</exception>
    /// <exception cref="EndOfStreamException">The response ends in the middle.</exception>
    /// <exception cref="InvalidDataException">An object is larger than any of Kubernetes.</exception>
    public async ValueTask<FrameKind> ReadAsync(CancellationToken cancel)
    {
        while (true)
        {
            FrameKind found = Scan();
            if (found != FrameKind.None || _listEnded)
                return found;
            MakeRoom();
            int length = await response.ReadAsync(_buffer.AsMemory(_end), cancel).ConfigureAwait(false);
            if (length == 0)
                return AtEnd();
            _end += length;
        }
    }

    private FrameKind AtEnd()
    {
        bool isWhole = layout == FrameLayout.Stream && _frameStart < 0
            && _buffer.AsSpan(_scanned.._end).TrimStart(" \r\n\t"u8).IsEmpty;
        return isWhole ? FrameKind.None : throw new EndOfStreamException("the response ended in the middle of an object");
    }

    private FrameKind Scan()
    {
        var reader = new Utf8JsonReader(_buffer.AsSpan(_scanned.._end), isFinalBlock: false, _state);
        FrameKind found = FrameKind.None;
        while (found == FrameKind.None && reader.Read())
        {
            int frameDepth = layout == FrameLayout.Stream ? 0 : _property == FrameKind.Item ? 2 : 1;
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName when layout == FrameLayout.List && reader.CurrentDepth == 1:
                    _property = reader.ValueTextEquals("items"u8) ? FrameKind.Item
                        : reader.ValueTextEquals("metadata"u8) ? FrameKind.Metadata
                        : FrameKind.None;
                    break;
                case JsonTokenType.StartObject when _property != FrameKind.None && reader.CurrentDepth == frameDepth:
                    _frameStart = _scanned + (int)reader.TokenStartIndex;
                    break;
                case JsonTokenType.EndObject when _frameStart >= 0 && reader.CurrentDepth == frameDepth:
                    _frame = _buffer.AsMemory(_frameStart..(_scanned + (int)reader.BytesConsumed));
                    _frameStart = -1;
                    found = _property;
                    break;
                case JsonTokenType.EndObject when layout == FrameLayout.List && reader.CurrentDepth == 0:
                    _listEnded = true;
                    break;
            }
        }
        _scanned += (int)reader.BytesConsumed;
        _state = reader.CurrentState;
        return found;
    }

    private void MakeRoom()
    {
        int keep = _frameStart >= 0 ? _frameStart : _scanned;
        if (keep > 0)
        {
            _buffer.AsSpan(keep.._end).CopyTo(_buffer);
            _end -= keep;
            _scanned -= keep;
            if (_frameStart >= 0)
                _frameStart = 0;
        }
        if (_end < _buffer.Length)
            return;
        if (_buffer.Length >= LargestFrame)
            throw new InvalidDataException($"an object larger than {LargestFrame >> 20} MiB");
        Array.Resize(ref _buffer, _buffer.Length * 2);
    }
}
