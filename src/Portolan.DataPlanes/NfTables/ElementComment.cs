using Portolan.Services.Plans;

namespace Portolan.DataPlanes.NfTables;

/// <summary>Names of services as comments of elements.</summary>
internal static class ElementComment
{
    /// <summary>The longest comment nft reads back (NFTNL_UDATA_COMMENT_MAXLEN is 128 with the terminating zero).</summary>
    internal const int MaxLength = 127;

    /// <summary>
    /// "shop/web:http". Names come from the cluster or from a file: characters that would end nft's quoted string, or that a terminal would
    /// interpret, are replaced, and a long name is truncated.
    /// </summary>
    internal static string For(ServicePortName name)
    {
        string text = name.ToString();
        bool isPlain = text.Length <= MaxLength;
        foreach (char c in text)
            isPlain &= IsPlain(c);
        return isPlain ? text : string.Create(Math.Min(text.Length, MaxLength), text, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
                span[i] = IsPlain(source[i]) ? source[i] : '?';
            if (source.Length > MaxLength)
                "...".CopyTo(span[^3..]);
        });
    }

    private static bool IsPlain(char c) => c is > ' ' and < (char)0x7f and not '"' and not '\\';
}
