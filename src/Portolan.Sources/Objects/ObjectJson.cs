using System.Text.Json;
using Portolan.Inet;

namespace Portolan.Sources.Objects;

/// <summary>
/// A cursor over one Kubernetes object in JSON that never stops at a value of the wrong type: it notes a problem with the value's path and
/// goes on. Members that return a value move over it. Nothing is allocated unless text is kept.
/// </summary>
internal ref struct ObjectJson
{
    // The longest text of an address range: IPv6 with an embedded IPv4 tail, a length, and room for white space round it.
    private const int LongestAddressText = 64;

    private readonly ReadOnlySpan<byte> _document;
    private readonly ProblemNotes _notes;
    private Utf8JsonReader _reader;

    public ObjectJson(ReadOnlySpan<byte> document, ProblemNotes notes)
    {
        _document = document;
        _notes = notes;
        _reader = new Utf8JsonReader(document);
        _reader.Read();
    }

    /// <summary>True when the value is an object, to be walked with <see cref="NextProperty()"/>; null counts as an absent field.</summary>
    public bool EnterObject() => Enter(JsonTokenType.StartObject, "an object");

    /// <summary>True when the value is an array, to be walked with <see cref="NextElement"/>; null counts as an absent field.</summary>
    public bool EnterArray() => Enter(JsonTokenType.StartArray, "a list");

    /// <summary>Moves to the next property's name; false at the object's end.</summary>
    public bool NextProperty()
    {
        _reader.Read();
        return _reader.TokenType == JsonTokenType.PropertyName;
    }

    /// <summary>Moves to the next property of this name, over all others; false at the object's end.</summary>
    public bool NextProperty(ReadOnlySpan<byte> name)
    {
        while (NextProperty())
        {
            if (Is(name))
                return true;
            Skip();
        }
        return false;
    }

    /// <summary>Moves to the next element; false at the array's end.</summary>
    public bool NextElement()
    {
        _reader.Read();
        return _reader.TokenType != JsonTokenType.EndArray;
    }

    /// <summary>True when the property at hand has this name.</summary>
    public readonly bool Is(ReadOnlySpan<byte> name) => _reader.ValueTextEquals(name);

    /// <summary>Moves over the property or value at hand.</summary>
    public void Skip() => _reader.Skip();

    /// <summary>The text at hand; null when the value is null or no text.</summary>
    public string? String() => AtString() ? _reader.GetString() : null;

    /// <summary>As <see cref="String"/>, one instance per text.</summary>
    public string? PooledString(StringPool pool)
    {
        if (!AtString())
            return null;
        int length = _reader.HasValueSequence ? int.MaxValue : _reader.ValueSpan.Length;
        if (length > 256)
            return _reader.GetString();
        Span<char> text = stackalloc char[256];
        return pool.Intern(text[.._reader.CopyString(text)]);
    }

    /// <summary>True if the current value is this text; false for a value that is not text.</summary>
    public bool StringIs(ReadOnlySpan<byte> text) => AtString() && _reader.ValueTextEquals(text);

    /// <summary>The value true or false; null for null and for anything else (which is noted).</summary>
    public bool? Boolean()
    {
        MoveToValue();
        if (_reader.TokenType is JsonTokenType.True or JsonTokenType.False)
            return _reader.GetBoolean();
        WrongType("true or false");
        return null;
    }

    /// <summary>A whole number in the given range; null for null and for anything else (noted).</summary>
    public int? Integer(int lowest, int highest, string otherwise)
    {
        MoveToValue();
        if (_reader.TokenType != JsonTokenType.Number)
        {
            WrongType("a number");
            return null;
        }
        if (_reader.TryGetInt64(out long number) && number >= lowest && number <= highest)
            return (int)number;
        Note($"{System.Text.Encoding.UTF8.GetString(_reader.ValueSpan)} is not between {lowest} and {highest}; {otherwise}");
        return null;
    }

    /// <summary>An IP address; false for an empty text or null, and for what is none (noted).</summary>
    public bool TryAddress(string otherwise, out InetAddress address)
    {
        address = default;
        if (!AtString() || _reader.ValueSpan.IsEmpty)
            return false;
        Span<char> text = stackalloc char[LongestAddressText];
        if (_reader.ValueSpan.Length <= LongestAddressText && InetAddress.TryParse(text[.._reader.CopyString(text)], out address))
            return true;
        Note($"'{Text.Printable(_reader.GetString()!)}' is not an IP address; {otherwise}");
        return false;
    }

    /// <summary>An address range in CIDR notation, white space round it allowed; false for what is none (noted).</summary>
    public bool TryPrefix(string otherwise, out InetPrefix prefix, out bool looksLikeIPv6)
    {
        prefix = default;
        looksLikeIPv6 = false;
        if (!AtString())
            return false;
        looksLikeIPv6 = _reader.ValueSpan.Contains((byte)':');
        Span<char> text = stackalloc char[LongestAddressText];
        if (_reader.ValueSpan.Length <= LongestAddressText && InetPrefix.TryParse(text[.._reader.CopyString(text)].Trim(), out prefix))
            return true;
        Note($"'{Text.Printable(_reader.GetString()!)}' is not an address range in CIDR notation; {otherwise}");
        return false;
    }

    /// <summary>Notes a problem of the value or property at hand.</summary>
    public readonly void Note(string message)
    {
        if (_notes.HasRoom)
            _notes.Add(JsonPath.Of(_document, _reader.TokenStartIndex), message);
        else
            _notes.CountOne();
    }

    /// <summary>The JSON of the value at hand, which is moved over.</summary>
    public ReadOnlySpan<byte> Raw()
    {
        MoveToValue();
        int start = (int)_reader.TokenStartIndex;
        _reader.Skip();
        return _document[start..(int)_reader.BytesConsumed];
    }

    private bool Enter(JsonTokenType start, string expected)
    {
        MoveToValue();
        if (_reader.TokenType == start)
            return true;
        WrongType(expected);
        return false;
    }

    private bool AtString()
    {
        MoveToValue();
        if (_reader.TokenType == JsonTokenType.String)
            return true;
        WrongType("text (numbers, true and false need quotes)");
        return false;
    }

    private void MoveToValue()
    {
        if (_reader.TokenType == JsonTokenType.PropertyName)
            _reader.Read();
    }

    private void WrongType(string expected)
    {
        // At an end there was an object or list that was noted and skipped when the value was first read.
        if (_reader.TokenType is JsonTokenType.Null or JsonTokenType.EndObject or JsonTokenType.EndArray)
            return;
        string found = _reader.TokenType switch
        {
            JsonTokenType.StartObject => "an object",
            JsonTokenType.StartArray => "a list",
            JsonTokenType.String => "text",
            JsonTokenType.Number => "a number",
            _ => "true or false",
        };
        Note($"is {found} where {expected} is expected; ignored");
        _reader.Skip();
    }
}
