namespace Portolan.Netlink.NfTables;

/// <summary>A verdict, with the chain of a jump or goto.</summary>
/// <param name="Code">The verdict; a queue's number and flags (upper 16 bits) are not carried.</param>
/// <param name="Chain">The chain of a jump or goto, else null.</param>
public readonly record struct NfVerdict(NfVerdictCode Code, string? Chain = null)
{
    /// <summary>Another chain, and then back here.</summary>
    public static NfVerdict Jump(string chain) => new(NfVerdictCode.Jump, chain);

    /// <summary>Another chain, without a way back here.</summary>
    public static NfVerdict Goto(string chain) => new(NfVerdictCode.Goto, chain);

    /// <summary>As nft writes it: "accept", "jump services".</summary>
    public override string ToString()
    {
        string code = Code.ToString().ToLowerInvariant();
        return Chain is null ? code : $"{code} {Chain}";
    }
}
