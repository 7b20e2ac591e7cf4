namespace Portolan.Netlink.NfTables;

/// <summary>What names a table: its family and its name.</summary>
/// <param name="Family">The family.</param>
/// <param name="Name">The name: 1 to 255 bytes of UTF-8.</param>
public readonly record struct NfTableId(NfFamily Family, string Name)
{
    /// <summary>As nft writes it: "ip portolan".</summary>
    public override string ToString() => $"{Family.ToRuleText()} {Name}";
}
