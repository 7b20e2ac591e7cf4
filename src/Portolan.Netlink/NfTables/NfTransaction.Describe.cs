using System.Globalization;
using System.Runtime.InteropServices;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NetlinkHeader;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables;

public sealed partial class NfTransaction
{
    /// <summary>
    /// A description of a message: "add rule 3 to chain nat of table ip shop"; rules are counted from 1 within the transaction.
    /// </summary>
    private string Describe(int index)
    {
        NfFamily family = (NfFamily)PayloadOf(index)[0];
        (string? table, string? name) = NamesOf(index);
        byte type = TypeOf(index);
        string verb = type switch
        {
            NFT_MSG_NEWTABLE or NFT_MSG_NEWCHAIN or NFT_MSG_NEWRULE or NFT_MSG_NEWSET or NFT_MSG_NEWSETELEM => "add",
            NFT_MSG_DESTROYTABLE or NFT_MSG_DESTROYCHAIN or NFT_MSG_DESTROYSET => "destroy",
            _ => "delete",
        };
        string what = type switch
        {
            NFT_MSG_NEWTABLE or NFT_MSG_DELTABLE or NFT_MSG_DESTROYTABLE => "",
            NFT_MSG_NEWCHAIN or NFT_MSG_DELCHAIN or NFT_MSG_DESTROYCHAIN => $"chain {name} of ",
            NFT_MSG_NEWRULE => string.Create(CultureInfo.InvariantCulture, $"rule {RuleNumber(index, table, name)} to chain {name} of "),
            NFT_MSG_DELRULE => $"rules of chain {name} of ",
            NFT_MSG_NEWSET or NFT_MSG_DELSET or NFT_MSG_DESTROYSET => $"set {name} of ",
            _ => $"elements of set {name} of ",
        };
        return $"{verb} {what}table {new NfTableId(family, table ?? "?")}";
    }

    private int RuleNumber(int index, string? table, string? chain)
    {
        int number = 1;
        for (int before = index - 1; before >= 0 && TypeOf(before) == NFT_MSG_NEWRULE && NamesOf(before) == (table, chain); before--)
            number++;
        return number;
    }

    private byte TypeOf(int index) => (byte)MemoryMarshal.Read<ushort>(_writer.Written[(_messages[index].Offset + sizeof(uint))..]);

    private ReadOnlySpan<byte> PayloadOf(int index)
    {
        int end = index + 1 < _messages.Count ? _messages[index + 1].Offset : _end;
        return _writer.Written[(_messages[index].Offset + NLMSG_HDRLEN)..end];
    }

    // In every kind of message the table is attribute 1, and its object follows by name: a chain as attribute 3, all others as attribute 2.
    private (string? Table, string? Name) NamesOf(int index)
    {
        ushort nameType = TypeOf(index) is NFT_MSG_NEWCHAIN or NFT_MSG_DELCHAIN or NFT_MSG_DESTROYCHAIN ? NFTA_CHAIN_NAME : NFTA_RULE_CHAIN;
        string? table = null, name = null;
        var attributes = new AttributeReader(PayloadOf(index)[Uapi.NfnetlinkHeader.NFGENMSG_LEN..]);
        while (attributes.MoveNext())
        {
            if (attributes.Type == NFTA_RULE_TABLE)
                table = attributes.String();
            else if (attributes.Type == nameType && (name is null))
                name = TypeOf(index) is NFT_MSG_NEWTABLE ? null : attributes.String();
        }
        return (table, name);
    }
}
