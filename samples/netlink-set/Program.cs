using System.Net;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;

// Makes a table with a set of addresses, reads it back, and deletes it. Try it in a network namespace of its own:
//   unshare --net dotnet run --project samples/netlink-set
using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
var table = new NfTableId(NfFamily.IPv4, "example");
using var change = new NfTransaction();
change.AddTable(new NfTable(table));
change.AddSet(new NfSet(table, "blocked", NfDataType.IPv4Address));
change.BeginElements(NfElementChange.Add, table, "blocked");
change.Element([203, 0, 113, 9]);
change.EndElements();
CommitResult result = change.Commit(socket);
Console.WriteLine(result.IsCommitted ? "committed" : string.Join("; ", result.Refusals));

var reader = new NfReader(socket);
foreach (NfSet set in reader.ReadSets(table))
{
    var printer = new PrintElements();
    reader.ReadElements(table, set.Name, ref printer);
}

change.Reset();
change.DeleteTable(table);
Console.WriteLine(change.Commit(socket).IsCommitted ? "deleted" : "still there");

internal struct PrintElements : INfElementVisitor
{
    public void Start() { }

    public void Visit(in NfElement element) => Console.WriteLine($"blocked: {new IPAddress(element.Key)}");
}
