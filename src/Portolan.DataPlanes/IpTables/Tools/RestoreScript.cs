using System.Text;
using Portolan.DataPlanes.IpTables.Layout;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>Writes the input of iptables-restore, and tells of one line for whom it stands.</summary>
/// <remarks>Texts given here are complete and quoted (<see cref="RuleSpec"/>); nothing passes through a shell.</remarks>
internal sealed class RestoreScript(Stream output) : IDisposable
{
    private readonly StreamWriter _writer = new(output, new UTF8Encoding(false), bufferSize: 1 << 16) { NewLine = "\n" };
    private string? _table;

    /// <summary>Number of lines so far.</summary>
    public int Lines { get; private set; }

    /// <summary>Number of COMMIT lines so far: each is a transaction of its own.</summary>
    public int Commits { get; private set; }

    /// <summary>Number of the line to keep in <see cref="KeptText"/> and <see cref="KeptOwner"/>; 0 for none.</summary>
    public int KeptLine { get; init; }

    public string KeptText { get; private set; } = "";

    public ObjectName? KeptOwner { get; private set; }

    /// <summary>The lines that follow stand for a service; null for none.</summary>
    public ObjectName? Owner { private get; set; }

    /// <summary>Begins a table where it is not the current one.</summary>
    public void Use(string table)
    {
        if (_table == table)
            return;
        Commit();
        _table = table;
        Line("*", table);
    }

    /// <summary>Creates a chain, or empties it.</summary>
    public void Chain(string name) => Line(":", name, " - [0:0]");

    /// <summary>Creates a chain that is known not to exist, without emptying one that came up meanwhile.</summary>
    public void NewChain(string name) => Line("-N ", name);

    public void Append(string chain, string rule) => Line("-A ", chain, " ", rule);

    public void Prepend(string chain, string rule) => Line("-I ", chain, " 1 ", rule);

    public void Delete(string chain, string rule) => Line("-D ", chain, " ", rule);

    public void DeleteChain(string name) => Line("-X ", name);

    /// <summary>Ends the current table, if there is one: what was written for it goes into force at once.</summary>
    public void Commit()
    {
        if (_table is null)
            return;
        Owner = null;
        Line("COMMIT");
        Commits++;
        _table = null;
    }

    /// <summary>Ends the script.</summary>
    public void Dispose()
    {
        Commit();
        _writer.Dispose();
    }

    private void Line(string a, string b = "", string c = "", string d = "")
    {
        if (++Lines == KeptLine)
            (KeptText, KeptOwner) = (a + b + c + d, Owner);
        _writer.Write(a);
        _writer.Write(b);
        _writer.Write(c);
        _writer.Write(d);
        _writer.Write('\n');
    }
}
