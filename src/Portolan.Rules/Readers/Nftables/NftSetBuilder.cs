using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>A set or map while its declaration is read.</summary>
internal sealed class NftSetBuilder(string name, bool isMap, SourceSpan source)
{
    public string Name { get; } = name;

    public SourceSpan Source { get; } = source;

    public List<SetElement> Elements { get; } = [];

    public bool IsIncomplete { get; set; }

    public EquatableArray<DataType> KeyTypes { get; set; }

    public EquatableArray<DataType> DataTypes { get; set; } = isMap ? [DataType.Unknown] : default;

    public SetFlags Flags { get; set; }

    public TimeSpan? Timeout { get; set; }

    public uint? Size { get; set; }

    public string? Comment { get; set; }

    /// <summary>Reads a line of the declaration other than its elements.</summary>
    public bool TakeProperty(ReadOnlySpan<char> text, NftExpressionParser expressions)
    {
        var lexer = new NftLexer(text);
        lexer.TryRead(out ReadOnlySpan<char> word);
        switch (word)
        {
            case "type":
                KeyTypes = ReadTypes(ref lexer);
                if (lexer.TrySkip(":"))
                    DataTypes = ReadTypes(ref lexer);
                return !KeyTypes.IsEmpty;
            case "typeof":
                KeyTypes = ReadTypeof(ref lexer, expressions);
                if (lexer.TrySkip(":"))
                    DataTypes = lexer.Peek() is "verdict" ? [DataType.Verdict] : ReadTypeof(ref lexer, expressions);
                return !KeyTypes.IsEmpty;
            case "size":
                Size = NftExpressionParser.TryReadNumber(ref lexer, out uint size) ? size : null;
                return Size is not null;
            case "timeout":
                Timeout = NftExpressionParser.TryReadTime(ref lexer, out TimeSpan timeout) ? timeout : null;
                return Timeout is not null;
            case "flags":
                while (lexer.TryRead(out word))
                    Flags |= Flag(word);
                return true;
            case "comment":
                lexer.TryRead(out word);
                Comment = expressions.Pool.Get(word);
                return true;
            case "gc-interval" or "policy" or "auto-merge" or "counter" or "quota" or "limit" or "last" or "#":
                return true;
            default:
                return false;
        }
    }

    /// <summary>Reads elements up to the closing brace; false when not all were understood.</summary>
    public bool TakeElements(ReadOnlySpan<char> text, NftExpressionParser expressions)
    {
        var lexer = new NftLexer(text);
        return expressions.Elements(ref lexer, KeyTypes, isMap, DataTypes, Elements);
    }

    public NamedSet Build() => new()
    {
        Name = Name,
        KeyTypes = KeyTypes,
        DataTypes = DataTypes,
        Flags = Flags,
        Timeout = Timeout,
        Size = Size,
        Comment = Comment,
        Elements = [.. Elements],
        IsIncomplete = IsIncomplete,
        Source = Source,
    };

    public static SetFlags Flag(ReadOnlySpan<char> word) => word switch
    {
        "constant" => SetFlags.Constant,
        "interval" => SetFlags.Interval,
        "timeout" => SetFlags.Timeout,
        "dynamic" => SetFlags.Dynamic,
        _ => SetFlags.None,
    };

    /// <summary>"ipv4_addr . inet_service".</summary>
    public static EquatableArray<DataType> ReadTypes(ref NftLexer lexer)
    {
        var types = new List<DataType>();
        do
        {
            if (!lexer.TryRead(out ReadOnlySpan<char> word))
                break;
            types.Add(NftTypes.Type(word));
        }
        while (lexer.TrySkip("."));
        return [.. types];
    }

    private static EquatableArray<DataType> ReadTypeof(ref NftLexer lexer, NftExpressionParser expressions)
    {
        if (expressions.Value(ref lexer, default) is not { } value)
            return default;
        EquatableArray<DataType> types = expressions.Scope.TypesOf(value);
        return types.IsEmpty ? [DataType.Unknown] : types;
    }
}
