using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>Looks up a key in a set or map: continues the rule only if it is found (not found, if inverted).</summary>
/// <param name="Set">Name of the set; it may be added earlier in the same transaction.</param>
/// <param name="Source">The register the key starts in.</param>
/// <param name="Destination">The register for a map's data; <see cref="NfRegister.Verdict"/> for a verdict map; null for a set.</param>
/// <param name="Inverted">True: continues only if the key is not found.</param>
public sealed record NfLookup(string Set, NfRegister Source, NfRegister? Destination = null, bool Inverted = false) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => "lookup";

    private protected override void WriteData(MessageWriter writer)
    {
        writer.PutRegister(NFTA_LOOKUP_SREG, Source);
        writer.PutRegister(NFTA_LOOKUP_DREG, Destination);
        writer.PutString(NFTA_LOOKUP_SET, Set);
        if (Inverted)
            writer.PutUInt32BigEndian(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    }
}
