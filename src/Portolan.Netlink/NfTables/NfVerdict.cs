namespace Portolan.Netlink.NfTables;

/// <summary>A verdict, with the chain of a jump or goto.</summary>
/// <param name="Code">The verdict, without the number and flags of a queue (upper 16 bits).</param>
/// <param name="Chain">The chain of a jump or goto, otherwise null.</param>
public readonly record struct NfVerdict(NfVerdictCode Code, string? Chain = null)
{
    /// <summary>A jump: another chain, which returns here.</summary>
    public static NfVerdict Jump(string chain) => new(NfVerdictCode.Jump, chain);

    /// <summary>A goto: another chain, which does not return here.</summary>
    public static NfVerdict Goto(string chain) => new(NfVerdictCode.Goto, chain);

    /// <summary>As nft writes it: "accept", "jump services".</summary>
    public override string ToString()
    {
        string code = Code.ToString().ToLowerInvariant();
        return Chain is null ? code : $"{code} {Chain}";
    }
}
