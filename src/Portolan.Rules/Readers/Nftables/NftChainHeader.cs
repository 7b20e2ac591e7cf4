using System.Globalization;
using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Nftables;

/// <summary>"type nat hook prerouting priority dstnat - 10; policy accept;"</summary>
internal static class NftChainHeader
{
    public static BaseChain? Read(ReadOnlySpan<char> text, TableFamily family)
    {
        var lexer = new NftLexer(text);
        if (!lexer.TrySkip("type") || !lexer.TryRead(out ReadOnlySpan<char> word) || NftTypes.ChainType(word) is not { } type
            || !lexer.TrySkip("hook") || !lexer.TryRead(out word) || NftTypes.Hook(word) is not { } hook)
            return null;
        var devices = new List<string>();
        if (lexer.TrySkip("device"))
        {
            lexer.TryRead(out word);
            devices.Add(word.ToString());
        }
        else if (lexer.TrySkip("devices"))
        {
            while (lexer.TryRead(out word) && !(word is "}" && !lexer.WasQuoted))
            {
                if (word is not ("=" or "{" or ","))
                    devices.Add(word.ToString());
            }
        }
        if (!lexer.TrySkip("priority") || ReadPriority(ref lexer, family) is not { } priority)
            return null;
        lexer.TrySkip(";");
        VerdictKind policy = lexer.TrySkip("policy") && lexer.TrySkip("drop") ? VerdictKind.Drop : VerdictKind.Accept;
        return new(type, hook, priority, policy, [.. devices]);
    }

    private static int? ReadPriority(ref NftLexer lexer, TableFamily family)
    {
        if (!lexer.TryRead(out ReadOnlySpan<char> word))
            return null;
        if (NftTypes.Priority(word, family) is not { } named)
            return int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number : null;
        int sign = lexer.TrySkip("+") ? 1 : lexer.TrySkip("-") ? -1 : 0;
        if (sign == 0)
            return named;
        return NftExpressionParser.TryReadNumber(ref lexer, out uint offset) && offset < int.MaxValue / 2 ? named
            + sign * (int)offset : null;
    }
}
